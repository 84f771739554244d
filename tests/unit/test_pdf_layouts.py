"""Pages as programs lay them out: head and foot drawn before the text, one column or two, tables that go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import cm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    ListFlowable,
    ListItem,
    PageTemplate,
    Paragraph,
    Table,
)

from common.extraction import ExtractionLimits
from common.extraction.pdf import extract_pdf
from common.model.chunks import Extraction
from tests.unit.test_pdf_tables import STYLES

SHEETS = getSampleStyleSheet()
WIDTH, HEIGHT = A4
GUTTER = 1 * cm
SENTENCE = "The quick brown fox jumps over the lazy dog while seventeen other animals watch it from the fence. "
HEADER = ("Station", "Keeper")
HEADER_TITLE = "Station | Keeper"


def draw_edges(canvas: Canvas, document: Any) -> None:
    """Before the page's content."""
    canvas.setFont("Helvetica", 9)
    canvas.drawString(2 * cm, HEIGHT - 1.5 * cm, "Lighthouse board")
    canvas.drawString(2 * cm, 1.3 * cm, "Printed for members")
    canvas.drawRightString(WIDTH - 2 * cm, 1.3 * cm, f"- {document.page} -")


def read(path: Path, flow: Sequence[Flowable], columns: int) -> Extraction:
    width = (WIDTH - 4 * cm - (columns - 1) * GUTTER) / columns
    frames = [
        Frame(2 * cm + place * (width + GUTTER), 2.5 * cm, width, HEIGHT - 5 * cm, leftPadding=0, rightPadding=0)
        for place in range(columns)
    ]
    document = BaseDocTemplate(str(path), pagesize=A4, invariant=1)
    document.addPageTemplates([PageTemplate(frames=frames, onPage=draw_edges)])
    document.build(list(flow))
    return extract_pdf(path, ExtractionLimits(), None)


def rows(count: int) -> list[tuple[str, str]]:
    return [(f"Rock{number}", f"Person{number}") for number in range(count)]


def under_header(extraction: Extraction) -> Iterator[str]:
    """The lines that stand under the table's header."""
    for heading in extraction.headings:
        if heading.title == HEADER_TITLE and heading.char_end is not None:
            yield from extraction.text[heading.char_start : heading.char_end].split("\n")


def table_of(count: int, style: str, columns: int) -> Table:
    width = (WIDTH - 4 * cm - (columns - 1) * GUTTER) / columns / 2
    return Table([HEADER, *rows(count)], repeatRows=1, colWidths=[width, width], style=STYLES[style])


@pytest.mark.parametrize("count", [38, 39, 75, 110])
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("style", ["grid", "header ruled", "rows ruled", "striped", "none"])
def test_a_table_goes_on_over_pages_and_columns_beside_head_and_foot(
    tmp_path: Path, style: str, columns: int, count: int
) -> None:
    flow = [Paragraph(SENTENCE, SHEETS["BodyText"]), table_of(count, style, columns)]
    extraction = read(tmp_path / "file.pdf", [*flow, Paragraph(SENTENCE, SHEETS["BodyText"])], columns)
    found = [line for line in under_header(extraction) if line.strip() and line != HEADER_TITLE]
    assert found == [" | ".join(row) for row in rows(count)]
    assert extraction.text.count(HEADER_TITLE) == 1
    single = len(extraction.page_starts) == 1  # then nothing tells what would be on each page
    assert [edge in extraction.text for edge in ("Lighthouse", "Printed", "- 1 -")] == [single] * 3


def test_a_list_behind_a_heading_begins_a_line_of_its_own_on_pages_of_columns(tmp_path: Path) -> None:
    items = [ListItem(Paragraph(f"Item number {number} of the list.", SHEETS["BodyText"])) for number in range(3)]
    flow = [
        *(Paragraph(SENTENCE * 4, SHEETS["BodyText"]) for _ in range(18)),
        Paragraph("What is kept", SHEETS["Heading2"]),
        ListFlowable(items, bulletType="bullet"),
        *(Paragraph(SENTENCE * 2, SHEETS["BodyText"]) for _ in range(3)),
    ]
    extraction = read(tmp_path / "file.pdf", flow, 2)
    assert "What is kept" in extraction.text.split("\n")
    assert [heading.title for heading in extraction.headings] == ["What is kept"]
