"""The paragraphs, lists and tables of an RTF document as text."""

from __future__ import annotations

from common.extraction.headed_text import HeadedText, Table

_BULLETS = frozenset("·•◦▪■□o§\uf0b7\uf0a7-–*")


class RtfText:
    """A story of the document: its body, a note, a text box."""

    def __init__(self) -> None:
        self.text = HeadedText()
        self.pending: list[str] = []  # notes and boxes, written behind their paragraph or table
        self._begun = False
        self._heading: tuple[int, int] | None = None
        self._table: Table | None = None
        self._row_open = False
        self._cell_open = False
        self._in_list = False

    def add(self, words: str, *, in_table: bool, level: int | None, label: str) -> None:
        """Words of a paragraph; a heading of that level where there is one, an item behind its label."""
        if in_table:
            self._begin_cell()
        elif not self._begun:
            self._end_table()
            self._begin_paragraph(level, label)
        self._begun = True
        for place, line in enumerate(words.split("\n")):
            if place:
                self.text.line_break()
            self.text.add(line)

    def end_paragraph(self) -> None:
        """A paragraph ends, in a cell or outside."""
        if self._heading:
            self.text.end_heading(*self._heading)
            self._heading = None
        if not self._row_open:
            self.text.drop_marker()
        self.text.block(1 if self._row_open or self._in_list else 2)
        self._begun = False
        if self._table is None:
            self._write_pending()

    def end_cell(self) -> None:
        """A cell ends; one without words counts."""
        self._begin_cell()
        self._cell_open = False
        self._begun = False

    def end_row(self, *, header: bool) -> None:
        """A row ends."""
        if self._table and self._row_open:
            self._table.end_row(header=header, by_look=True)
            self._row_open = self._cell_open = False

    def end(self) -> str:
        """The story ends; all of its text."""
        self.end_paragraph()
        self._end_table()
        return self.text.whole()

    def _begin_cell(self) -> None:
        if self._table is None:
            if self._begun:
                self.end_paragraph()
            self.text.block(2)
            self._table = self.text.table()
            self._in_list = False
        if not self._row_open:
            self._table.begin_row()
            self._row_open = True
        if not self._cell_open:
            self._table.begin_cell()
            self._cell_open = True

    def _end_table(self) -> None:
        if self._table is not None:
            self.end_row(header=False)
            self._table.end()
            self._table = None
            self.text.block(2)
        self._write_pending()

    def _begin_paragraph(self, level: int | None, label: str) -> None:
        label = " ".join(label.split())
        if level:
            self._heading = (self.text.begin_heading(), level)
            self.text.add(f"{label} " if label else "")
        elif label:
            self.text.item("- " if label in _BULLETS else f"{label} ", first=not self._in_list)
        else:
            self.text.block(2)
        self._in_list = bool(label) and not level

    def _write_pending(self) -> None:
        for text in filter(None, self.pending):
            self.text.inset(text, ())
            self._in_list = False
        self.pending.clear()
