"""Tables that go on from page to page, and their headers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from common.extraction.headed_text import looks_like_header
from common.extraction.page_tables import CELL_SEPARATOR
from common.extraction.pages import PageTable
from common.extraction.table_words import same_columns

_LONGEST_HEADER = 600
_MOST_HEADER_ROWS = 3


class TablePart(NamedTuple):
    """What of a table stands on one page: the lines from `first` up to and without `last`.

    Of these the first `repeated` are header rows that an earlier part has. `header` is the table's header, and stands
    with the part that the table begins with; None if the table has none, or began before (`continues`).
    """

    first: int
    last: int
    repeated: int = 0
    continues: bool = False
    header: str | None = None


def table_parts(pages: Sequence[Sequence[str]], tables: Sequence[Sequence[PageTable]]) -> list[list[TablePart]]:
    """The parts of the tables by page, of pages without running lines.

    A table goes on where one is the last on its page, one of as many columns the first on the next, and either the
    columns are at the same places, or the header's rows are there again; and where these are there right behind it, at
    the top of another column of the page. The header is the rows that come again, else
    the first row if it looks like one.
    """
    found: list[list[TablePart]] = []
    begun: tuple[int, int] | None = None  # page, and number on it, of the part that the last table began with
    for page, (lines, its) in enumerate(zip(pages, tables, strict=True)):
        found.append([])
        for number, table in enumerate(its):
            rows = lines[table.first : table.last]
            follows = table.first == its[number - 1].last if number else _ends(pages[page - 1], tables[page - 1])
            if begun and follows and (number or table.first == 0):
                first_page, first_number = begun
                first = tables[first_page][first_number]
                first_rows = pages[first_page][first.first : first.last]
                again = _again(rows, first_rows)
                if len(table.columns) == len(first.columns) and (
                    again or (not number and same_columns(table.columns, first.columns))
                ):
                    found[-1].append(TablePart(table.first, table.last, repeated=again, continues=True))
                    part = found[first_page][first_number]
                    if again:
                        found[first_page][first_number] = part._replace(header=_title(first_rows[:again]))
                    continue
            begun = page, number
            header = _title(rows[:1]) if len(rows) > 1 and looks_like_header(rows[0].split(CELL_SEPARATOR)) else None
            found[-1].append(TablePart(table.first, table.last, header=header))
    return found


def _ends(lines: Sequence[str], tables: Sequence[PageTable]) -> bool:
    """True if the page ends with a table."""
    return bool(tables) and tables[-1].last == len(lines)


def _again(rows: Sequence[str], first_rows: Sequence[str]) -> int:
    """How many rows at the beginning are there again."""
    pairs = zip(rows[:_MOST_HEADER_ROWS], first_rows, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _title(rows: Sequence[str]) -> str | None:
    title = " / ".join(rows)
    return title if len(title) <= _LONGEST_HEADER else None
