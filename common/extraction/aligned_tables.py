"""Tables without lines: words that stand in columns, row after row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from common.extraction.headed_text import looks_like_header
from common.extraction.page_glyphs import Box
from common.extraction.table_words import Cell, TableOfWords, Word, is_gap, rows_by_order, same_columns, same_line

_LEAST_ROWS = 3
_LEAST_FULL_ROWS = 0.6
_MOST_APART = 2.6  # of a line's height, from the lowest line of a row to the next row
_NEXT_LINE = 1.35
_SINGLE_LINES = 8  # lines of one cell between two that go across columns
_PROSE = 28  # characters: cells that hold so many on a line, in two columns, are columns of prose
_LEADER = re.compile(r"(?:\. ?){4}|…{2}|_{4}")
_MARKER = re.compile(r"[^\w\s]|\(?(?:\d{1,3}|[A-Za-z]|[ivxlc]{1,5})[.)]|\[\d{1,3}\]")
_NUMBERING = re.compile(rf"{_MARKER.pattern}|\d+|[A-Za-z]")
_COUNT = re.compile(r"\d{1,4}|[ivxlc]{1,7}", re.IGNORECASE)


class _Piece(NamedTuple):
    """Words that follow each other on a line without a gap."""

    first: int
    last: int
    box: Box


type _Strip = list[_Piece]
"""The pieces of one line, from the left."""


def aligned_tables(
    text: str, words: Sequence[Word], first: int, last: int, begun: Sequence[float] = ()
) -> Iterator[TableOfWords]:
    """The tables among the words from `first` up to and without `last` that nothing but space parts into columns.

    Left out is whatever may be something else: columns of prose, a table of contents, a list and its numbers. Of a
    table that has `begun` on the page before, and whose columns are here again, a row is enough.
    """
    strips = _strips(words, first, last)
    here = 0
    while here < len(strips):
        if len(strips[here]) < 2:
            here += 1
            continue
        end, columns = _together(strips, here)
        goes_on = same_columns([left for left, _ in columns], begun)
        table = _table(text, words, strips[here:end], columns, goes_on=goes_on)
        if table:
            yield table
        here = end if table else here + 1


def _strips(words: Sequence[Word], first: int, last: int) -> list[_Strip]:
    strips: list[_Strip] = []
    for index in range(first, last):
        box = words[index].box
        piece = strips[-1][-1] if strips else None
        if piece is None or box.left < piece.box.left or not same_line(piece.box, box):
            strips.append([_Piece(index, index + 1, box)])
        elif is_gap(words[index - 1], words[index]):
            strips[-1].append(_Piece(index, index + 1, box))
        else:
            strips[-1][-1] = _Piece(piece.first, index + 1, piece.box._replace(right=box.right))
    return strips


def _together(strips: Sequence[_Strip], start: int) -> tuple[int, list[tuple[float, float]]]:
    """The end of the strips from `start` that fit into columns, and the columns: from where to where each goes."""
    columns = [(piece.box.left, piece.box.right) for piece in strips[start]]
    end = start + 1
    lowest = strips[start][0].box.bottom
    for place in range(start + 1, len(strips)):
        strip = strips[place]
        if place - end > _SINGLE_LINES or not _is_near(lowest - _row_top(strips, place), strip[0].box.height):
            break
        widened = _widened(columns, strip)
        if widened is None:
            break
        columns = widened
        goes_on = _column(columns, strip[0].box) > 0 and _continues(strips[place - 1][-1], strip[0])
        lowest = min(lowest, strip[0].box.bottom)
        if len(strip) > 1 or goes_on:
            end = place + 1
    return end, columns


def _is_near(drop: float, height: float) -> bool:
    """True for a way down (or up, behind a cell of several lines) that a table's next line may be away."""
    return -_SINGLE_LINES * _NEXT_LINE * height <= drop <= _MOST_APART * height


def _row_top(strips: Sequence[_Strip], place: int) -> float:
    """Where the highest line of the row is that begins with this strip: a cell of more lines may stand higher."""
    first = strips[place][0].box
    top = first.bottom
    for strip in strips[place + 1 : place + 1 + _SINGLE_LINES]:
        if strip[0].box.left <= first.left or not _is_near(first.bottom - strip[0].box.bottom, first.height):
            break
        top = max(top, strip[0].box.bottom)
    return top


def _continues(former: _Piece, piece: _Piece) -> bool:
    """True if a piece is the next line of the cell that the former one is in, or stands no lower in another."""
    drop = former.box.bottom - piece.box.bottom
    if drop <= 0:
        return piece.box.left > former.box.left and -drop <= _SINGLE_LINES * _NEXT_LINE * piece.box.height
    return drop <= _NEXT_LINE * piece.box.height and abs(former.box.left - piece.box.left) < 1


def _column(columns: Sequence[tuple[float, float]], box: Box) -> int:
    """The column that the box overlaps; -1 for none."""
    return next((place for place, (left, right) in enumerate(columns) if box.left < right and left < box.right), -1)


def _widened(columns: Sequence[tuple[float, float]], strip: _Strip) -> list[tuple[float, float]] | None:
    """The columns with room for these pieces; None if one of them would lie in two."""
    wider = [*columns, *((piece.box.left, piece.box.right) for piece in strip)]
    merged: list[tuple[float, float]] = []
    for left, right in sorted(wider):
        if merged and left < merged[-1][1]:
            merged[-1] = merged[-1][0], max(right, merged[-1][1])
        else:
            merged.append((left, right))
    if len(merged) < len(columns) or (len(strip) == 1 and len(merged) > len(columns)):
        return None
    return merged if len({_column(merged, piece.box) for piece in strip}) == len(strip) else None


def _table(
    text: str,
    words: Sequence[Word],
    strips: Sequence[_Strip],
    columns: Sequence[tuple[float, float]],
    *,
    goes_on: bool,
) -> TableOfWords | None:
    if len(strips) < 2 and not goes_on:
        return None
    pieces = [piece for strip in strips for piece in strip]
    placed = [
        (index, column)
        for piece in pieces
        for column in [_column(columns, piece.box)]
        for index in range(piece.first, piece.last)
    ]
    rows = rows_by_order(words, placed, len(columns))
    cells = [[_written(text, words, cell) for cell in row] for row in rows]
    full = sum(sum(map(bool, row)) > 1 for row in cells)
    few = len(rows) < _LEAST_ROWS and not _is_header_with_row(cells)
    if not goes_on and (few or full < _LEAST_FULL_ROWS * len(rows)):
        return None
    if _is_something_else(cells):
        return None
    lengths = [
        [words[p.last - 1].end - words[p.first].start for p in pieces if _column(columns, p.box) == place]
        for place in range(len(columns))
    ]
    if not goes_on and sum(median(each) >= _PROSE for each in lengths if each) > 1:
        return None
    return TableOfWords(pieces[0].first, pieces[-1].last, rows, tuple(left for left, _ in columns))


def _written(text: str, words: Sequence[Word], cell: Cell) -> str:
    return " ".join(text[words[index].start : words[index].end] for index in cell)


def _is_header_with_row(rows: Sequence[Sequence[str]]) -> bool:
    """True for a header over a single row, which may be the last of a table of the page before."""
    return len(rows) == 2 and len(rows[0]) > 2 and all(map(all, rows)) and looks_like_header(rows[0])


def _is_something_else(rows: Sequence[Sequence[str]]) -> bool:
    """True for a list with its numbers or bullets, a table of contents, names with colons behind them."""
    if any(_LEADER.search(cell) for row in rows for cell in row):
        return True
    first = [row[0] for row in rows if row[0]]
    last = [row[-1] for row in rows if row[-1]]
    if all(map(_MARKER.fullmatch, first)):
        return True
    if len(rows[0]) == 2 and (_labels(first) or all(map(_NUMBERING.fullmatch, first))):
        return True
    return _counts(last) and len(rows[0]) <= 3


def _counts(cells: Sequence[str]) -> bool:
    """True for nothing but numbers that never fall, as pages and items have them."""
    if not all(map(_COUNT.fullmatch, cells)):
        return False
    numbers = [int(cell) for cell in cells if cell.isdigit()]
    return all(one <= other for one, other in pairwise(numbers))


def _labels(cells: Sequence[str]) -> bool:
    return 2 * sum(cell.endswith(":") for cell in cells) > len(cells)
