"""The tables of a story of a Word document."""

from __future__ import annotations

from common.extraction.headed_text import HeadedText, Table
from common.extraction.xml_reading import number_of

OFF = frozenset({"0", "false", "off"})
_MOST_SPANNED = 64


class StoryTables:
    """Writes down table after table. One within a cell is none of its own: its words are the cell's."""

    def __init__(self, text: HeadedText) -> None:
        self._text = text
        self._open: list[Table] = []
        self._is_header = False
        self._spanned = 1

    @property
    def open(self) -> bool:
        """True within a table."""
        return bool(self._open)

    def start(self, name: str, value: str) -> None:
        """A table, a row or a cell begins, or says of itself what `value` is."""
        if name == "tbl":
            self._open.append(self._text.table())
            self._text.block(2)
        elif not self._open:
            return
        elif len(self._open) > 1:
            self._text.block(1)
        elif name == "tr":
            self._open[0].begin_row()
            self._is_header = False
        elif name == "tc":
            self._open[0].begin_cell()
            self._spanned = 1
        elif name == "tblHeader":
            self._is_header = value not in OFF
        else:
            self._spanned = min(number_of(value) or 1, _MOST_SPANNED)

    def end(self, name: str) -> bool:
        """What `start` was told of ends; True where that is a table that stands in no other."""
        if not self._open:
            return False
        table = self._open[-1]
        if name == "tbl":
            self._open.pop()
        if self._open[1:] or (name == "tbl" and self._open):
            self._text.block(1)
        elif name == "tc":
            for _ in range(self._spanned - 1):
                table.begin_cell()
            self._spanned = 1
        elif name == "tr":
            table.end_row(header=self._is_header, by_look=True)
        else:
            table.end()
            self._text.block(2)
            return True
        return False
