"""The rows of a workbook's sheets, their cells as they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from common.extraction.limits import ExtractionLimits
from common.extraction.xlsx_values import shown, unescaped
from common.extraction.xml_reading import Attributes

_MOST_COLUMNS = 16_384
_TRUE = frozenset({"1", "true"})


class Strings:
    """The part that holds the sheets' strings."""

    def __init__(self, limits: ExtractionLimits) -> None:
        self.found: list[str] = []
        self._limits = limits
        self._characters = 0
        self._parts: list[str] = []
        self._inside = False

    def start(self, name: str, attributes: Attributes) -> None:
        self._inside = name == "t"
        if name == "si":
            self._parts = []

    def end(self, name: str) -> None:
        self._inside = False
        if name == "si":
            self.found.append(unescaped("".join(self._parts)))
            self._characters += len(self.found[-1])
            self._limits.check_characters(self._characters)

    def text(self, text: str) -> None:
        if self._inside:
            self._parts.append(text)


class Cells:
    """From what is stored in a cell to what it shows."""

    def __init__(self, strings: Sequence[str], kinds: Sequence[str], *, from_1904: bool) -> None:
        self._strings = strings
        self._kinds = kinds
        self._from_1904 = from_1904

    def shown(self, value: str, kind: str, style: str) -> str:
        """The cell's text; `kind` and `style` are its attributes "t" and "s"."""
        if kind == "s":
            place = int(value) if value.isdecimal() and len(value) < 9 else -1
            return self._strings[place] if 0 <= place < len(self._strings) else ""
        if kind == "b":
            return "TRUE" if value in _TRUE else "FALSE"
        if kind in {"str", "inlineStr", "e", "d"}:
            return unescaped(value)
        place = int(style) if style.isdecimal() and len(style) < 9 else -1
        return shown(value, self._kinds[place] if 0 <= place < len(self._kinds) else "", from_1904=self._from_1904)


class SheetRows:
    """A sheet's rows, each given on as it ends."""

    def __init__(self, cells: Cells, write: Callable[[Sequence[str]], None]) -> None:
        self._cells = cells
        self._write = write
        self._row: list[str] = []
        self._number = 0
        self._column = 0
        self._kind = self._style = ""
        self._parts: list[str] = []
        self._inside = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "c":
            self._column = _column(attributes.get("r", ""), len(self._row))
            self._kind, self._style = attributes.get("t", ""), attributes.get("s", "")
            self._parts = []
        elif name in {"v", "t"}:
            self._inside = True
        elif name == "row":
            number = attributes.get("r", "")
            former, self._number = (
                self._number,
                int(number) if number.isdecimal() and len(number) < 9 else self._number + 1,
            )
            if self._number > former + 1:
                self._write(())
            self._row = []

    def end(self, name: str) -> None:
        if name in {"v", "t"}:
            self._inside = False
        elif name == "c" and self._parts:
            value = self._cells.shown("".join(self._parts), self._kind, self._style)
            self._row += [""] * (self._column - len(self._row))
            self._row.append(value)
        elif name == "row":
            self._write(self._row)

    def text(self, text: str) -> None:
        if self._inside:
            self._parts.append(text)


def _column(reference: str, following: int) -> int:
    """The column, from 0, that a reference such as "AB12" names; without one, the one that follows."""
    column = 0
    for character in reference[:3]:
        if not "A" <= character <= "Z":
            break
        column = column * 26 + ord(character) - ord("A") + 1
    return min(column, _MOST_COLUMNS) - 1 if column else following
