"""A growing text with its headings and tables, as all office formats are written down."""

from __future__ import annotations

import re
from collections.abc import Sequence

from common.extraction.block_text import BlockText, collapse
from common.model.chunks import Heading

SEPARATOR = " | "
_LONGEST_HEADER = 600
_LONGEST_NAME = 80
_YEAR = re.compile(r"(?:19|20)\d\d")
_NUMBER = re.compile(r"[+\-−(]?[$€£¥]?\s?\d[\d.,:/'’ \-]*(?:[%€$£)]|[eE][+-]?\d+)?")


class HeadedText(BlockText):
    """Block text whose headings and tables' header rows are noted as they are written."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[Heading] = []
        self._level = 0

    def heading(self, title: str, level: int) -> None:
        """A heading between blank lines, on a line of its own."""
        self.block(2)
        place = self.begin_heading()
        self.add(title)
        self.end_heading(place, level)

    def begin_heading(self) -> int:
        """What comes up to `end_heading`, which wants the place that this returns, is a heading."""
        self.block(2)
        self.begin_flat()
        return self.length

    def end_heading(self, place: int, level: int) -> None:
        """The end of what `begin_heading` began; nothing where no word came."""
        self.end_flat()
        title, start = self.since(place)
        if title:
            self._level = level
            self.headings.append(Heading(level=level, title=collapse(title), char_start=start))
        self.block(2)

    def end_headings(self) -> None:
        """What follows stands under none of the headings so far: one without words ends them."""
        if self.headings:
            self._level = 0
            self.headings.append(Heading(level=1, title="", char_start=self.length))

    def title_of_level(self, level: int) -> str | None:
        """The first heading of this level."""
        headings = (each for each in self.headings if each.char_end is None)
        return next((each.title for each in headings if each.level == level and each.title), None)

    def inset(self, text: str, headings: Sequence[Heading], *, deeper: int = 0) -> None:
        """Another text with its headings, as a block of its own, its headings so many levels further in."""
        if not text:
            return
        self.block(2)
        self.add_verbatim(text)
        shift = self.length - len(text)
        for each in headings:
            end = None if each.char_end is None else each.char_end + shift
            self.headings.append(
                Heading(level=each.level + deeper, title=each.title, char_start=each.char_start + shift, char_end=end)
            )
        self.block(2)

    def table(self) -> Table:
        """A table that begins here, inside the heading in force."""
        return Table(self, self.headings, self._level + 1)


class Table:
    """One table: each row a line, its cells parted by " | "; its header rows head the rows below them."""

    def __init__(self, text: BlockText, headings: list[Heading], level: int) -> None:
        self._text = text
        self._headings = headings
        self._level = level
        self._row_start = 0
        self._cells = 0
        self._header: tuple[str, int] | None = None
        self.has_body = False
        """True once a row below the header was written: no further row is one."""

    def begin_row(self) -> None:
        """A row begins on a line of its own."""
        self._text.block(1)
        self._text.begin_flat()
        self._row_start = self._text.length
        self._cells = 0

    def begin_cell(self) -> None:
        """Another cell of the row."""
        if self._cells:
            self._text.cell(SEPARATOR)
        self._cells += 1

    def end_row(self, *, header: bool = False, by_look: bool = False) -> None:
        """The row ends; it is a header if it says so, or looks so as the first, and stands above all others."""
        self._text.end_flat()
        self._text.drop_marker()
        row, start = self._text.since(self._row_start)
        if not row:
            return
        first = self._header is None and not self.has_body
        if (header and not self.has_body) or (by_look and first and looks_like_header(row.split(SEPARATOR))):
            self._header = (f"{self._header[0]} / {row}", self._header[1]) if self._header else (row, start)
        else:
            self.has_body = True

    def row(self, cells: Sequence[str], *, header: bool = False) -> None:
        """A whole row."""
        self.begin_row()
        for cell in cells:
            self.begin_cell()
            self._text.add(cell)
        self.end_row(header=header)

    def end(self) -> None:
        """The table ends here, and its header with it."""
        if self._header and self.has_body and len(self._header[0]) <= _LONGEST_HEADER:
            title, start = self._header
            heading = Heading(level=self._level, title=collapse(title), char_start=start, char_end=self._text.length)
            self._headings.append(heading)
        self._header, self.has_body = None, False


def looks_like_header(cells: Sequence[str]) -> bool:
    """True for two short names or more, each another, none of them a number but a year: what stands above columns."""
    filled = [cell.strip() for cell in cells]
    while filled and not filled[-1]:
        filled.pop()
    names = [cell for cell in filled if cell]
    return (
        len(names) >= 2
        and len(names) == len(set(names)) >= len(filled) - 1
        and all(len(name) <= _LONGEST_NAME and (not is_number(name) or _YEAR.fullmatch(name)) for name in names)
        and not all(map(is_number, names))
    )


def is_number(cell: str) -> bool:
    """True for what is measured, counted or dated, with a sign, currency or per cent if need be."""
    return _NUMBER.fullmatch(cell.strip()) is not None
