"""Tables whose cells are parted by lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from common.extraction.page_glyphs import Box
from common.extraction.table_words import Cell, TableOfWords, Word, rows_by_order

_SNAP = 3.0  # points: lines nearer to each other are one, as are the sides of one that is drawn as a rectangle
_SHORTEST = 4.0
_MOST_LINES = 400  # of a page, once those that go on from each other are one: beyond that, it is a drawing
_LEAST_FILLED = 0.4
_PARTED_BANDS = 2  # what lines part into more has lines between its rows, at least between most


def grids(rules: Sequence[Box]) -> list[Grid]:
    """What lines make that touch each other, where it may have columns and rows."""
    across, down = _joined(rules, level=True), _joined(rules, level=False)
    return [] if len(across) + len(down) > _MOST_LINES else list(_touching(across, down))


def _joined(rules: Sequence[Box], *, level: bool) -> list[Box]:
    """The lines across, or those down; what goes on from each other is one line."""
    lines: list[Box] = []
    for rule in sorted(rules, key=_across if level else _down):
        width, height = rule.right - rule.left, rule.top - rule.bottom
        thickness, length = (height, width) if level else (width, height)
        if thickness > _SNAP or length < _SHORTEST:
            continue
        last = lines[-1] if lines else None
        if last and level and rule.bottom - last.bottom < _SNAP / 2 and rule.left <= last.right + _SNAP:
            lines[-1] = last._replace(right=max(last.right, rule.right))
        elif last and not level and rule.left - last.left < _SNAP / 2 and rule.bottom <= last.top + _SNAP:
            lines[-1] = last._replace(top=max(last.top, rule.top))
        else:
            lines.append(rule)
    return lines


def _across(rule: Box) -> tuple[float, float]:
    return round(rule.bottom), rule.left


def _down(rule: Box) -> tuple[float, float]:
    return round(rule.left), rule.bottom


def _touching(across: Sequence[Box], down: Sequence[Box]) -> Iterator[Grid]:
    """The lines by which of them touch."""
    rest = [*across, *down]
    while rest:
        group = [rest.pop()]
        for line in group:
            touching = [other for other in rest if _touch(line, other)]
            rest = [other for other in rest if not _touch(line, other)]
            group += touching
        levels = [line for line in group if line.right - line.left > line.top - line.bottom]
        uprights = [line for line in group if line.right - line.left <= line.top - line.bottom]
        if levels and uprights:
            yield Grid(levels, uprights)


def _touch(one: Box, other: Box) -> bool:
    return (
        one.left <= other.right + _SNAP
        and other.left <= one.right + _SNAP
        and one.bottom <= other.top + _SNAP
        and other.bottom <= one.top + _SNAP
    )


class Grid:
    """Lines that touch, as the columns and bands that they make."""

    def __init__(self, levels: Sequence[Box], uprights: Sequence[Box]) -> None:
        every = [*levels, *uprights]
        self._levels, self._uprights = levels, uprights
        left, bottom = min(line.left for line in every), min(line.bottom for line in every)
        right, top = max(line.right for line in every), max(line.top for line in every)
        self._x = _places([left, right, *(line.left for line in uprights)])
        self._y = _places([bottom, top, *(line.bottom for line in levels)])
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}

    def holds(self, box: Box) -> bool:
        """True if the box begins within the lines, and they may be a table's, of two columns at least."""
        middle = (box.bottom + box.top) / 2
        return len(self._x) > 2 and self._x[0] <= box.left <= self._x[-1] and self._y[0] <= middle <= self._y[-1]

    def table(self, words: Sequence[Word]) -> TableOfWords | None:
        """The words between the lines; None if they don't follow each other, or hardly fill a table."""
        width = len(self._x) - 1
        placed = [(index, place) for index, word in enumerate(words) if (place := self._place(word.box))]
        if width < 2 or not placed or placed[-1][0] - placed[0][0] >= len(placed):
            return None
        by_band: dict[int, list[tuple[int, int]]] = {}
        for index, (band, column) in placed:
            by_band.setdefault(band, []).append((index, column))
        rows: list[list[Cell]] = []
        for band in sorted(by_band, reverse=True):
            rows += rows_by_order(words, by_band[band], width, parted=len(by_band) > _PARTED_BANDS)
        filled = sum(map(bool, (cell for row in rows for cell in row)))
        if len(rows) < 2 or filled < _LEAST_FILLED * width * len(rows) or _filled_columns(rows) < 2:
            return None
        return TableOfWords(placed[0][0], placed[-1][0] + 1, rows, tuple(self._x[:-1]))

    def _place(self, box: Box) -> tuple[int, int] | None:
        """The band (from below) and column of the cell that the middle of the box is in."""
        column = bisect_right(self._x, (box.left + box.right) / 2) - 1
        band = bisect_right(self._y, (box.bottom + box.top) / 2) - 1
        if not (0 <= column < len(self._x) - 1 and 0 <= band < len(self._y) - 1):
            return None
        if (band, column) not in self._cells:
            self._cells[band, column] = self._cell(band, column)
        return self._cells[band, column]

    def _cell(self, band: int, column: int) -> tuple[int, int]:
        """The top left of what no line parts from this band and column."""
        while band + 2 < len(self._y) and not self._parted_above(band, column):
            band += 1
        while column and not self._parted_left(band, column):
            column -= 1
        return band, column

    def _parted_above(self, band: int, column: int) -> bool:
        y, middle = self._y[band + 1], (self._x[column] + self._x[column + 1]) / 2
        return any(abs(line.bottom - y) <= _SNAP and line.left <= middle <= line.right for line in self._levels)

    def _parted_left(self, band: int, column: int) -> bool:
        x, middle = self._x[column], (self._y[band] + self._y[band + 1]) / 2
        return any(abs(line.left - x) <= _SNAP and line.bottom <= middle <= line.top for line in self._uprights)


def _places(values: Sequence[float]) -> list[float]:
    """The values in order, those that nearly are one as one."""
    places: list[float] = []
    for value in sorted(values):
        if not places or value - places[-1] > _SNAP:
            places.append(value)
    return places


def _filled_columns(rows: Sequence[Sequence[Cell]]) -> int:
    return sum(any(column) for column in zip(*rows, strict=True))
