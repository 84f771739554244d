"""Rows of cells, as sheets and delimited files have them, as text with the header in force for each row."""

from __future__ import annotations

from collections.abc import Sequence

from common.extraction.headed_text import HeadedText, looks_like_header

_WIDEST_GAP = 32  # empty cells in a row; what stands further apart belongs to no one table


class RowWriter:
    """Writes row after row. The first row that looks like a header is one, and so is one behind an empty row.

    Rows without a word are left out and leave a blank line.
    """

    def __init__(self, text: HeadedText) -> None:
        self._text = text
        self._table = text.table()
        self._waiting: Sequence[str] = ()
        self._behind_gap = False
        self._has_rows = False
        self._left = -1  # empty cells at the left of the table's first row, which no row of it needs

    def row(self, cells: Sequence[str]) -> None:
        """The next row; it is written once the one behind it is known."""
        if any(cell and not cell.isspace() for cell in cells):
            self._write_waiting(cells)
            self._waiting = cells
        elif self._waiting:
            self._write_waiting(())
            self._behind_gap = True

    def end(self) -> None:
        """There are no more rows."""
        self._write_waiting(())
        self._table.end()
        self._text.block(2)

    def _write_waiting(self, following: Sequence[str]) -> None:
        cells, self._waiting = self._waiting, ()
        if not cells:
            return
        header = self._is_header(cells, following)
        if self._behind_gap:
            self._text.block(2)
            self._behind_gap = False
        if header:
            self._table.end()
            self._table = self._text.table()
            self._left = -1
        if self._left < 0:
            self._left = _leading_gap(cells)
        self._has_rows = self._has_rows or _filled(cells) > 1
        self._table.row(_without_wide_gaps(cells[min(self._left, _leading_gap(cells)) :]), header=header)

    def _is_header(self, cells: Sequence[str], following: Sequence[str]) -> bool:
        if self._has_rows and not self._behind_gap:
            return False
        if not looks_like_header(cells) or (_filled(following) < 2 and len(following) != len(cells)):
            return False
        return not self._has_rows or not looks_like_header(following)


def _filled(cells: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def _leading_gap(cells: Sequence[str]) -> int:
    return next((place for place, cell in enumerate(cells) if cell.strip()), 0)


def _without_wide_gaps(cells: Sequence[str]) -> Sequence[str]:
    if len(cells) <= _WIDEST_GAP:
        return cells
    kept: list[str] = []
    gap = 0
    for cell in cells:
        gap = 0 if cell else gap + 1
        if gap <= _WIDEST_GAP:
            kept.append(cell)
    return kept
