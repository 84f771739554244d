"""An open page of pdfium as lines, with its tables, and with the places of the lines at its edges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from common.extraction.page_glyphs import Glyphs
from common.extraction.page_headings import large_lines
from common.extraction.page_tables import Span, are_parted, lines_of_tables, with_tables
from common.extraction.page_text import line_spans, raw_lines
from common.extraction.pages import EDGE_LINES, MARGIN, LinePlace, PageLayout, PageTable


class PageLines(NamedTuple):
    """A page's lines, how it looks, where that is known, and what was filled into it."""

    lines: list[str]
    layout: PageLayout | None = None
    filled_in: Sequence[str] = ()


def page_lines(page: Any, *, headings: bool, former: PageLayout | None) -> PageLines:
    """The lines of the page's text layer, with those noted that may be `headings`. Raises what pypdfium2 raises.

    A table of the `former` page may go on here.
    """
    with closing(page.get_textpage()) as textpage:
        text: str = textpage.get_text_range()
        if not text or len(text) != textpage.count_chars():  # then a place in the text is none in pdfium's list
            return PageLines(raw_lines(text))
        glyphs = Glyphs(page, textpage)
        spans = line_spans(text)
        if (parted := _with_lines_parted(text, spans, glyphs)) != text:
            text, spans = parted, line_spans(parted)
        odd = lines_of_tables(spans, glyphs.box) if glyphs.objects() > len(spans) + 1 else []
        lines = raw_lines(text)
        tables: tuple[PageTable, ...] = ()
        if odd and are_parted(text, spans, odd, glyphs.box):
            begun = former.tables[-1].columns if former and former.tables else ()
            lines, tables = with_tables(text, spans, odd, glyphs, begun)
        above, below = (tables[0].first, len(lines) - tables[-1].last) if tables else (len(lines), len(lines))
        body, large = large_lines(text, spans, lines, glyphs.box) if headings else (0, ())
        layout = PageLayout(
            height=_tenths(glyphs.height),
            top=_places(glyphs, text, zip(spans[: min(above + 1, EDGE_LINES)], lines, strict=False)),
            bottom=_places(glyphs, text, zip(spans[: -2 - min(below, EDGE_LINES - 1) : -1], lines[::-1], strict=False)),
            tables=tables,
            body=body,
            large=large,
        )
        return PageLines(lines, layout)


def _with_lines_parted(text: str, spans: Sequence[Span], glyphs: Glyphs) -> str:
    """The page's text, as long as before, with each line on its own.

    On a page of columns pdfium may take what begins further left for the line that it stands below, with a space of its
    own between them, which takes no place.
    """
    breaks: list[int] = []
    for start, end in spans:
        first, last = glyphs.box(start, start), glyphs.box(end - 1, end - 1)
        if first.bottom - last.bottom < first.height / 2:
            continue
        for place in range(start + 1, end - 1):
            if text[place] == " ":
                before, behind = glyphs.box(place - 1, place - 1), glyphs.box(place + 1, place + 1)
                if before.bottom - behind.bottom > before.height / 2 and behind.left < before.left:
                    breaks.append(place)
    ends = [*breaks, len(text)]
    return "\n".join(text[start:end] for start, end in zip([0, *(place + 1 for place in breaks)], ends, strict=True))


def _places(glyphs: Glyphs, text: str, edge: Iterable[tuple[Span, str]]) -> tuple[LinePlace, ...]:
    """The places of lines, counted from an edge, up to the first that is not in the margin.

    They end early where a line is not what stands at its place in the text.
    """
    places: list[LinePlace] = []
    for (start, _), line in edge:
        if text[start] not in (line[0], " "):
            break
        left, bottom, _, top = glyphs.box(start, start)
        places.append(LinePlace(left=_tenths(left), bottom=_tenths(bottom), height=_tenths(top - bottom)))
        if MARGIN * glyphs.height < bottom < (1 - MARGIN) * glyphs.height:
            break
    return tuple(places)


def _tenths(points: float) -> int:
    return round(10 * points)
