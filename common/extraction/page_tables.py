"""A page's lines with its tables in them: a row is one line, its cells parted by " | "."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from common.extraction.aligned_tables import aligned_tables
from common.extraction.decoding import clean
from common.extraction.page_glyphs import Box, Glyphs
from common.extraction.page_text import is_broken, raw_lines
from common.extraction.pages import PageTable
from common.extraction.ruled_tables import Grid, grids
from common.extraction.table_words import Cell, TableOfWords, Word, is_gap

CELL_SEPARATOR = " | "

_SHORT = 0.85  # of the page's longest line: rows are, since their gaps take place
_ALL_SHORT = 50
_SPARSE, _SPARSE_BEHIND = 1.15, 1.05  # of the longest line's width for a character; behind a line that is sparse
_LEAST_SPARSE, _MOST_SPARSE = 0.48, 0.55  # of a line's height
_HIGHEST = 12  # lines up from the last line of a cell to the first of the next one
_LEAST_PARTED = 2
_FAR = 9  # lines: what tells of a table stands nearer to another that does
_NEAR, _MORE = 8, 2  # lines around one that tells of a table may be of it, up to two full ones in a row
_MOST_WORDS = 5_000
_WORD = re.compile(r"\S+")

type Span = tuple[int, int]
type Places = Callable[[int, int], Box]
"""The box of the characters from one to another on a line: `Glyphs.box`."""


def lines_of_tables(spans: Sequence[Span], box: Places) -> list[int]:
    """The short lines that are wide for what they hold, or stand beside the line before, and are not the only ones.

    `spans` are the lines' places in the page's text. Most pages are told from those with tables by this alone, which
    asks for the places of short lines that follow each other, of full ones behind such, and of the fullest.
    """
    if not spans:
        return []
    lengths = [end - start for start, end in spans]
    limit = _short(spans)
    odd: list[int] = []
    usual = bottom = 0.0
    former_told = False
    for number, length in enumerate(lengths):
        behind_odd = bool(odd) and odd[-1] == number - 1
        beside_short = former_told or (number + 1 < len(lengths) and lengths[number + 1] <= limit)
        if not behind_odd and (length > limit or not beside_short):
            former_told = False
            continue
        usual = usual or _usual(spans[lengths.index(max(lengths))], box)
        start, end = spans[number]
        left, low, right, top = box(start, end - 1)
        height = top - low
        sparse = usual * _SPARSE_BEHIND if behind_odd else min(max(usual * _SPARSE, _LEAST_SPARSE), _MOST_SPARSE)
        beside = former_told and -height / 4 < low - bottom < _HIGHEST * height
        if beside or (length > 2 and right - left > sparse * height * length):
            odd.append(number)
        bottom, former_told = low, True
    apart = [_FAR, *(after - before for before, after in pairwise(odd)), _FAR]
    return [number for number, before, after in zip(odd, apart, apart[1:], strict=False) if min(before, after) < _FAR]


def _usual(longest: Span, box: Places) -> float:
    """The width for a character in the longest line, as a share of its height."""
    start, end = longest
    line = box(start, end - 1)
    return max((line.right - line.left) / ((end - start) * max(line.height, 1.0)), 0.01)


def are_parted(text: str, spans: Sequence[Span], odd: Sequence[int], box: Places) -> bool:
    """True if two of these lines have gaps between their words, or stand beside the line before."""
    parted = 0
    for number in odd:
        words = _words(text, spans[number : number + 1], box)
        first = words[0].box
        beside = number > 0 and first.bottom > box(spans[number - 1][0], spans[number - 1][0]).bottom - first.height / 4
        if not text[words[0].start].isalnum():
            words = words[1:]  # an item's marker
        parted += beside or any(is_gap(one, other) for one, other in pairwise(words))
        if parted == _LEAST_PARTED:
            return True
    return False


def with_tables(
    text: str, spans: Sequence[Span], odd: Sequence[int], glyphs: Glyphs, begun: Sequence[float]
) -> tuple[list[str], tuple[PageTable, ...]]:
    """The page's lines, and which of them are rows of tables, looked for around the lines `odd`.

    `begun` are the columns of a table that may go on from the page before.
    Each word of the text stands in one of the lines, once.
    """
    ruled = grids(list(glyphs.rules()))
    lines: list[str] = []
    tables: list[PageTable] = []
    end = 0
    for first, last in _regions(odd, spans, ruled, glyphs.box):
        words = _words(text, spans[first:last], glyphs.box)
        for table in _found(text, words, ruled, begun) if len(words) <= _MOST_WORDS else ():
            rows = [row for each in table.rows if (row := _row(text, words, each))]
            lines += raw_lines(text[end : words[table.first].start])
            tables.append(PageTable(first=len(lines), last=len(lines) + len(rows), columns=table.columns))
            lines += rows
            end = words[table.last - 1].end
    return lines + raw_lines(text[end:]), tuple(tables)


def _regions(odd: Sequence[int], spans: Sequence[Span], ruled: Sequence[Grid], box: Places) -> list[Span]:
    """From which line to which to look for tables.

    That is what lies between ruling lines, and what is around lines that tell of a table.
    """
    limit = _short(spans)
    full = [end - start > limit for start, end in spans]
    beginnings = [box(start, start) for start, _ in spans] if ruled else []
    inside = [[number for number, place in enumerate(beginnings) if grid.holds(place)] for grid in ruled]
    between_lines = [(numbers[0], numbers[-1] + 1) for numbers in inside if numbers]
    regions: list[Span] = []
    for first, last in sorted([*between_lines, *(_around(number, full) for number in odd)]):
        if regions and first <= regions[-1][1]:
            regions[-1] = regions[-1][0], max(last, regions[-1][1])
        else:
            regions.append((first, last))
    return regions


def _around(number: int, full: Sequence[bool]) -> Span:
    """The lines around an odd one that may be of its table: up to two full ones in a row."""
    first, last = number, number + 1
    while first > max(0, number - _NEAR) and not all(full[first : first + _MORE]):
        first -= 1
    while last < min(len(full), number + _NEAR) and not all(full[last - _MORE : last]):
        last += 1
    return first, last


def _short(spans: Sequence[Span]) -> float:
    """The most characters of a short line."""
    longest = max(end - start for start, end in spans)
    return longest * _SHORT if longest > _ALL_SHORT else longest


def _words(text: str, spans: Sequence[Span], box: Places) -> list[Word]:
    places = (match.span() for start, end in spans for match in _WORD.finditer(text, start, end))
    return [Word(start, end, box(start, end - 1)) for start, end in places]


def _found(text: str, words: Sequence[Word], ruled: Sequence[Grid], begun: Sequence[float]) -> Iterator[TableOfWords]:
    """The tables in order: those with lines first, then what stands in columns between them."""
    end = 0
    tables = [table for grid in ruled if (table := grid.table(words))]
    for table in sorted(tables, key=lambda table: (table.first, -table.last)):
        if table.first >= end:
            yield from aligned_tables(text, words, end, table.first, begun)
            yield table
            end = table.last
    yield from aligned_tables(text, words, end, len(words), begun)


def _row(text: str, words: Sequence[Word], cells: Sequence[Cell]) -> str:
    """The row as a line; cells without a word keep their place, but for those at its end."""
    written = [_cell(text, words, cell) for cell in cells]
    while written and not written[-1]:
        written.pop()
    return CELL_SEPARATOR.join(written)


def _cell(text: str, words: Sequence[Word], cell: Cell) -> str:
    parts: list[str] = []
    for index in cell:
        start, end, _ = words[index]
        parts += (text[start:end], "" if is_broken(text, end) else " ")
    return " ".join(clean("".join(parts)).split())
