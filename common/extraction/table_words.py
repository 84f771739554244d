"""Words with their places, and how those of a table part into rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from common.extraction.page_glyphs import Box

_NEXT_ROW = 1.35  # of a line's height, down from the line before: further than the lines of one cell stand apart
_SAME_LINE = 0.4
_SAME_COLUMN = 2.0  # points
_GAP = 0.7  # of a line's height: wider than the spaces of justified prose, as far as it need be


class Word(NamedTuple):
    """`text[start:end]` of a page, and its place."""

    start: int
    end: int
    box: Box


type Cell = list[int]
"""A cell's words, by their places among the page's."""


class TableOfWords(NamedTuple):
    """The words from `first` up to and without `last`, all of them, by rows and cells; and where its columns begin."""

    first: int
    last: int
    rows: list[list[Cell]]
    columns: tuple[float, ...]


def same_line(one: Box, other: Box) -> bool:
    """True if the two stand on one line."""
    return abs(one.bottom - other.bottom) <= _SAME_LINE * max(one.height, other.height)


def same_columns(one: Sequence[float], other: Sequence[float]) -> bool:
    """True if as many columns begin at the same places."""
    return len(one) == len(other) > 0 and all(abs(a - b) <= _SAME_COLUMN for a, b in zip(one, other, strict=True))


def is_gap(one: Word, other: Word) -> bool:
    """True if there is more between two words of a line than a space, or than spaces that were typed."""
    return other.box.left - one.box.right >= _GAP * other.box.height and other.start - one.end <= 1


def rows_by_order(
    words: Sequence[Word], placed: Sequence[tuple[int, int]], width: int, *, parted: bool = False
) -> list[list[Cell]]:
    """Rows of words that come cell by cell, as every program writes them. `placed` are words with their columns.

    A row ends where a word stands in a column further left than the one before, or in the same one clearly below it;
    the latter not where other signs part rows (`parted`).
    """
    rows: list[list[Cell]] = []
    former, column_before = -1, width
    for index, column in placed:
        box = words[index].box
        below = not parted and former >= 0 and words[former].box.bottom - box.bottom > _NEXT_ROW * box.height
        if column < column_before or (column == column_before and below):
            rows.append([[] for _ in range(width)])
        rows[-1][column].append(index)
        former, column_before = index, column
    return rows
