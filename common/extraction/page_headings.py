"""Headings of pages without an outline: short lines that are larger than the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import median

from common.extraction.outline import Found, OutlineEntry
from common.extraction.page_glyphs import Box
from common.extraction.page_text import raw_lines
from common.extraction.pages import LargeLine, PageLayout

_LARGER = 1.17  # than the text: 12 points beside 10 are, another font's 10 are not
_LONGEST, _SHORT = 120, 40  # characters
_MOST_LINES = 4
_MOST_SHARE = 0.25  # of the lines: where more are large, size tells nothing
_SAME_SIZE = 1.03
_DEEPEST_LEVEL = 6
_ENDS = '.:;!?)]"”’»'
_WORD = re.compile(r"[^\W\d_]{2}")
_ENDS_SENTENCE = re.compile(r"[.,;]$")

type Span = tuple[int, int]


def large_lines(
    text: str, spans: Sequence[Span], lines: Sequence[str], box: Callable[[int, int], Box]
) -> tuple[int, tuple[LargeLine, ...]]:
    """The height of the page's longest line, in tenths of a point, and the short lines that are larger throughout."""
    if not spans:
        return 0, ()
    start, end = max(spans, key=lambda span: span[1] - span[0])
    most = max(min(_LONGEST, (end - start) / _LARGER), _SHORT)
    body = box(start, start).height
    found: list[LargeLine] = []
    place = 0
    may_end = True  # the line before: a heading stands behind a paragraph's end, or another line of it
    for first, last in spans:
        may_begin, may_end = may_end, last - first <= most or text[last - 1] in _ENDS
        if not may_begin or last - first > most or (height := box(first, first).height) < _LARGER * body:
            continue
        written = raw_lines(text[first:last])
        if box(last - 1, last - 1).height * _SAME_SIZE < height or not written or written[0] not in lines[place:]:
            continue  # an initial, or a table's cell
        place = lines.index(written[0], place) + 1
        found.append(LargeLine(line=place - 1, height=round(10 * height)))
    return round(10 * body), tuple(found)


def headings_by_size(pages: Sequence[Sequence[str]], layouts: Sequence[PageLayout | None]) -> list[list[Found]]:
    """By page the headings of a document that has no outline, as if it had one; none where size tells nothing.

    The larger, the further out. Lines of one size that follow each other are one heading. What ends as a sentence does,
    or has no word, is none.
    """
    bodies = [layout.body for layout in layouts if layout and layout.body]
    if not bodies:
        return [[] for _ in pages]
    least = _LARGER * median(bodies)
    found = [list(_of_page(number, *page, least)) for number, page in enumerate(zip(pages, layouts, strict=True))]
    large = sum(each.last - each.first for of_page in found for each, _ in of_page)
    if large > _MOST_SHARE * sum(map(len, pages)):
        return [[] for _ in pages]
    levels = _levels(height for of_page in found for _, height in of_page)
    return [[replace(each, entry=replace(each.entry, level=levels[height])) for each, height in page] for page in found]


def _of_page(number: int, lines: Sequence[str], layout: PageLayout | None, least: float) -> Iterator[tuple[Found, int]]:
    """The page's headings with their heights, all of level 1."""
    run: list[LargeLine] = []
    large = [each for each in layout.large if each.height >= least] if layout else []
    for each in [*large, None]:
        if run and each and _goes_on(run, each):
            run.append(each)
            continue
        if run:
            title = " ".join(lines[place.line] for place in run)
            if len(title) <= _LONGEST and _WORD.search(title) and not _ENDS_SENTENCE.search(title):
                yield Found(OutlineEntry(1, title, number), run[0].line, run[-1].line + 1), run[0].height
        run = [each] if each else []


def _goes_on(run: Sequence[LargeLine], line: LargeLine) -> bool:
    return line.line == run[-1].line + 1 and line.height == run[-1].height and len(run) < _MOST_LINES


def _levels(heights: Iterable[int]) -> dict[int, int]:
    """The level of each height: 1 for the greatest; those that nearly are one are one."""
    levels: dict[int, int] = {}
    level, former = 0, 0.0
    for height in sorted(set(heights), reverse=True):
        if height * _SAME_SIZE < former or not level:
            level, former = min(level + 1, _DEEPEST_LEVEL), height
        levels[height] = level
    return levels
