"""Known content as PDF: justified prose, a running line and page numbers, an outline."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.platypus import Flowable, ListFlowable, PageBreak, SimpleDocTemplate
from reportlab.platypus import Paragraph as Flowing
from reportlab.platypus import Table as Grid

from bench.fidelity.content import Aside, Block, Content, Heading, Listing, Paragraph, Table

_STYLES = getSampleStyleSheet()
PROSE = ParagraphStyle("prose", fontName="Times-Roman", fontSize=11, leading=13, alignment=TA_JUSTIFY, spaceAfter=8)


class _Mark(Flowable):  # type: ignore[misc]  # reportlab has no types
    """An entry in the outline; takes no place."""

    def __init__(self, heading: Heading) -> None:
        super().__init__()
        self._heading = heading

    def wrap(self, *_: float) -> tuple[float, float]:
        return 0, 0

    def draw(self) -> None:
        key = str(id(self._heading))
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(self._heading.text, key, self._heading.level - 1, 0)


def pdf_without_outline(content: Content) -> bytes:
    """As `pdf`, its headings told by their size alone."""
    return pdf(content, outline=False)


def pdf(content: Content, *, outline: bool = True) -> bytes:
    """A page a page; nothing of it stands beside it."""
    written = io.BytesIO()
    template = SimpleDocTemplate(written, pagesize=A4, invariant=1)

    def edges(canvas: Any, _: object) -> None:
        canvas.drawString(72, 800, content.running)
        canvas.drawCentredString(300, 30, str(canvas.getPageNumber()))

    flow: list[Flowable] = []
    for page in content.pages:
        for block in page:
            flow += (each for each in _flowing(block) if outline or not isinstance(each, _Mark))
        flow.append(PageBreak())
    template.build(flow[:-1], onFirstPage=edges, onLaterPages=edges)
    return written.getvalue()


def _flowing(block: Block) -> Iterator[Flowable]:
    match block:
        case Heading(level, text):
            yield _Mark(block)
            yield Flowing(text, _STYLES[f"Heading{level}"])
        case Paragraph(text) | Aside(text):
            yield Flowing(text, PROSE)
        case Listing(items):
            yield ListFlowable([Flowing(item, PROSE) for item in items], bulletType="bullet")
        case Table(header, rows):
            yield Grid([header, *rows])
