"""Running heads and page numbers: what stands at the top and bottom of page after page and interrupts the text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from statistics import median

from common.extraction.edge_lines import EdgeLine, depth, edge_lines, is_again, level, same_place
from common.extraction.pages import EDGE_LINES, MARGIN, PageLayout
from common.extraction.running_lines import (
    differs_in_numbers,
    ends_with_page,
    is_same,
    names_page,
    page_number,
)

_LOOK_BACK = 2  # left and right pages may differ
_LOOK_FURTHER = 4
_NARROW_MARGIN = 0.095  # of a page's height: what is written there stands beside the text, apart from it or not
_APART = 1.8  # of a line's height: further from the text than a heading
_LARGE = 1.3  # of the usual line's height
_LEAST_LINES = 8  # of one of two pages whose heads say nothing of pages and differ in numbers: less may be a slide
_LEAST_OF_SLOT = 3


def running_lines(pages: Sequence[list[str]], layouts: Sequence[PageLayout | None] = ()) -> list[set[int]]:
    """By page the places of those lines that are running heads, page numbers or running feet. Tables have none.

    A bare number is one if it counts on with the pages around it. Another line is one if it stood at the same edge of
    one of the two pages before, a page number at its end aside, so that its first occurrence stays. Where it is known
    where lines stand, the first goes as well, if it stands in the margin at the same place and in the same size as the
    others; so does one that differs in numbers alone, or stands where most pages have their heads. A page that would
    keep no line keeps those that no page before had; where none keeps any, all lines stay.
    """
    looks = layouts or [None] * len(pages)
    top, bottom = _Edge(pages, looks, from_top=True), _Edge(pages, looks, from_top=False)
    found: list[set[int]] = []
    for number, lines in enumerate(pages):
        gone = top.running(number) | {len(lines) - 1 - place for place in bottom.running(number)}
        if len(gone) == len(lines):
            gone = top.repeated(number) | {len(lines) - 1 - place for place in bottom.repeated(number)}
        found.append(gone)
    if all(len(gone) == len(lines) for gone, lines in zip(found, pages, strict=True)):
        return [set() for _ in pages]
    return found


class _Edge:
    """One edge of all pages: their lines, counted from there."""

    def __init__(self, pages: Sequence[list[str]], layouts: Sequence[PageLayout | None], *, from_top: bool) -> None:
        self._layouts = layouts
        self._lengths = [len(lines) for lines in pages]
        self._pages = [edge_lines(*page, from_top=from_top) for page in zip(pages, layouts, strict=True)]
        self._near = [lines[: depth(lines)] for lines in self._pages]
        heights = [place.height for layout in layouts if layout for place in (*layout.top, *layout.bottom)]
        self._large = _LARGE * median(heights) if heights else 0.0
        self._known: dict[tuple[int, int], bool] = {}

    def running(self, number: int) -> set[int]:
        """All running lines of the page."""
        places = range(len(self._near[number]))
        placed = {place for place in places if self._runs(number, place) or self._in_slot(number, place)}
        placed |= self._numbers_beside(number, placed)
        return placed | set(self._repeated(number, placed))

    def repeated(self, number: int) -> set[int]:
        """Page numbers, and those of the running lines that a page before had."""
        return set(self._repeated(number, set()))

    def _repeated(self, number: int, known: set[int]) -> Iterator[int]:
        """The places of lines that repeat; behind a line that does not only if that one will."""
        for place, line in enumerate(self._near[number]):
            if (
                place in known
                or self._is_page_number(number, line)
                or self._stands_in(range(number - _LOOK_BACK, number), line)
            ):
                yield place
            elif not self._stands_in(range(number + 1, number + 1 + _LOOK_BACK), line):
                return

    def _stands_in(self, numbers: range, line: EdgeLine) -> bool:
        """True if the line stands at this edge of one of these pages."""
        return any(is_again(line, other) for _, other in self._others(numbers))

    def _is_page_number(self, number: int, line: EdgeLine) -> bool:
        """True if the line is a number alone, and so are others of the next pages, greater by the distance."""
        value = page_number(line.text)
        if value is None:
            return False
        return names_page(line.text, number + 1, len(self._pages)) or any(
            (its := page_number(other.text)) is not None
            and its - value == there - number
            and level(line, other, any_size=True)
            for there, other in self._others(_around(number, _LOOK_BACK))
        )

    def _runs(self, number: int, place: int) -> bool:
        """True for a page number, and for a line in the margin that stands there again on a page nearby."""
        if (number, place) not in self._known:
            self._known[number, place] = self._is_running(number, place)
        return self._known[number, place]

    def _is_running(self, number: int, place: int) -> bool:
        line = self._near[number][place]
        if self._is_page_number(number, line):
            return True
        apart = self._in_margin(number, line, MARGIN) and self._is_apart(number, place)
        return (apart or self._in_margin(number, line, _NARROW_MARGIN)) and (
            self._stands_there(number, line) or (apart and self._counts(number, line))
        )

    def _numbers_beside(self, number: int, placed: set[int]) -> set[int]:
        """The numbers that stand alone at the height of one of these lines."""
        lines = self._near[number]
        return {
            place
            for place, line in enumerate(lines)
            if line.place and page_number(line.text) is not None
            if any(lines[other].place and level(line, lines[other], any_size=True) for other in placed - {place})
        }

    def _stands_there(self, number: int, line: EdgeLine) -> bool:
        """True if another page has the line at the same place. Of a large one, two have to: it may be a title."""
        large = line.place is not None and line.place.height > self._large
        there = sum(
            same_place(line, other) and is_same(line.text, other.text) and not self._same_page(number, page)
            for page, other in self._others(_around(number, _LOOK_FURTHER if large else _LOOK_BACK))
        )
        return there > large

    def _counts(self, number: int, line: EdgeLine) -> bool:
        """True if another page has the line at the same height with other numbers."""
        if line.place is None or line.place.height > self._large:
            return False
        at_foot = (layout := self._layouts[number]) is not None and 2 * line.place.bottom < layout.height
        sure = ends_with_page(line.text) or self._lengths[number] >= _LEAST_LINES
        return any(
            level(line, other)
            and differs_in_numbers(line.text, other.text, may_be_note=at_foot)
            and (sure or self._lengths[there] >= _LEAST_LINES)
            for there, other in self._others(_around(number, _LOOK_BACK))
        )

    def _in_slot(self, number: int, place: int) -> bool:
        """True if the line stands apart where most pages that have a line there have a running one."""
        line = self._near[number][place]
        if line.place is None or line.place.height > self._large:
            return False
        running, every = self._slots.get((line.place.bottom, line.place.height), (0, 0))
        return running >= max(_LEAST_OF_SLOT, every / 2) and self._is_apart(number, place)

    @cached_property
    def _slots(self) -> dict[tuple[int, int], tuple[int, int]]:
        """The heights on a page with the sizes of lines there: how many run, of how many."""
        running: Counter[tuple[int, int]] = Counter()
        every: Counter[tuple[int, int]] = Counter()
        for number, lines in enumerate(self._near):
            for place, line in enumerate(lines):
                if line.place and self._in_margin(number, line, MARGIN):
                    slot = line.place.bottom, line.place.height
                    every[slot] += 1
                    running[slot] += self._runs(number, place)
        return {slot: (running[slot], count) for slot, count in every.items()}

    def _others(self, numbers: Sequence[int]) -> Iterator[tuple[int, EdgeLine]]:
        """The lines at the edge of these pages, as far as there are such pages."""
        for number in numbers:
            if 0 <= number < len(self._pages):
                for line in self._near[number]:
                    yield number, line

    def _same_page(self, one: int, other: int) -> bool:
        """True if so many lines are the same on both pages that they are no heads."""
        lines = [line.text for line in self._pages[one]]
        return len(lines) == EDGE_LINES and lines == [line.text for line in self._pages[other]]

    def _in_margin(self, number: int, line: EdgeLine, margin: float) -> bool:
        layout = self._layouts[number]
        if layout is None or line.place is None:
            return False
        return not margin * layout.height < line.place.bottom < (1 - margin) * layout.height

    def _is_apart(self, number: int, place: int) -> bool:
        """True if there is more space between the line and the next one than between lines of a text."""
        lines = self._near[number]
        here, following = lines[place].place, lines[place].following
        if here is None or following is None:
            return False
        if abs(here.bottom - following.bottom) >= _APART * here.height:
            return True
        return place + 1 < len(lines) and self._runs(number, place + 1)


def _around(number: int, distance: int) -> list[int]:
    return [*range(number - distance, number), *range(number + 1, number + 1 + distance)]
