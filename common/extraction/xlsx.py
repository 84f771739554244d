"""Excel workbooks: a sheet is a page, a row a line, read as a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from common.extraction.containers import open_container
from common.extraction.drawing import Shape, read_shapes
from common.extraction.headed_text import HeadedText
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import XLSX
from common.extraction.office import main_part, parts_of_kind, properties_title, relationships
from common.extraction.rows import RowWriter
from common.extraction.xlsx_values import CellFormats, shown, unescaped
from common.extraction.xml_reading import Attributes
from common.model.chunks import Extraction

_READINGS = frozenset({"rPh"})  # how Japanese words are pronounced
_MOST_COLUMNS = 16_384
_TRUE = frozenset({"1", "true"})


def extract_xlsx(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The sheets' rows below the sheets' names: values as they were last computed, dates as ISO 8601 has them.

    Text boxes stand behind the rows. A sheet without a value is an empty page.
    """
    text = HeadedText()
    with open_container(path, limits) as container:
        main = main_part(container)
        related = relationships(container, main)
        book = _Book()
        container.read_xml(main, book)
        limits.check_pages(len(book.sheets))
        strings, formats = _Strings(limits), CellFormats()
        for part in parts_of_kind(related, "sharedStrings"):
            container.read_xml(part, strings, skip=_READINGS)
        for part in parts_of_kind(related, "styles"):
            container.read_xml(part, formats)
        for number, (name, reference) in enumerate(book.sheets):
            if number:
                text.page()
            sheet = related.get(reference)
            if sheet is not None and sheet.kind == "worksheet":
                cells = _Cells(strings.found, formats.kinds(), from_1904=book.from_1904)
                rows = _SheetText(text, name, limits)
                container.read_xml(sheet.target, _Sheet(cells, rows.write), skip=_READINGS)
                rows.end()
                for drawing in parts_of_kind(relationships(container, sheet.target), "drawing"):
                    rows.write_shapes(read_shapes(container, drawing))
            if progress:
                progress(number + 1, len(book.sheets))
        title, warnings = properties_title(container)
    return Extraction(
        mime_type=XLSX,
        text=text.whole(),
        page_starts=text.page_starts,
        headings=tuple(text.headings),
        title=title,
        warnings=warnings,
    )


class _SheetText:
    """A sheet's text: its name, as soon as there is a row with a value, and its rows."""

    def __init__(self, text: HeadedText, name: str, limits: ExtractionLimits) -> None:
        self._text = text
        self._name = name
        self._limits = limits
        self._rows: RowWriter | None = None

    def write(self, row: Sequence[str]) -> None:
        self._limits.check_characters(self._text.length + sum(map(len, row)))  # one string may stand in many cells
        if self._rows is None:
            if not any(row):
                return
            self._text.heading(self._name, 1)
            self._rows = RowWriter(self._text)
        self._rows.row(row)

    def end(self) -> None:
        if self._rows is not None:
            self._rows.end()

    def write_shapes(self, shapes: Sequence[Shape]) -> None:
        for shape in shapes:
            if self._rows is None and shape.title().strip():
                self._text.heading(self._name, 1)
                self._rows = RowWriter(self._text)
            shape.write(self._text)


class _Book:
    """The part that names the sheets."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.from_1904 = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            self.sheets.append((attributes.get("name", ""), attributes.get("r:id", "")))
        elif name == "workbookPr":
            self.from_1904 = attributes.get("date1904", "") in _TRUE

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...


class _Strings:
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


class _Cells:
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


class _Sheet:
    """A sheet's rows, each given on as it ends."""

    def __init__(self, cells: _Cells, write: Callable[[Sequence[str]], None]) -> None:
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
