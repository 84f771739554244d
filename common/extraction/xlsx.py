"""Excel workbooks: a sheet is a page, a row a line, read as a stream."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.extraction.containers import open_container
from common.extraction.figures import Figures, pointed_to
from common.extraction.headed_text import HeadedText
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import XLSX
from common.extraction.office import Damage, main_part, parts_of_kind, properties_title, relationships
from common.extraction.rows import RowWriter
from common.extraction.xlsx_rows import Cells, SheetRows, Strings
from common.extraction.xlsx_values import CellFormats
from common.extraction.xml_reading import Attributes
from common.model.chunks import Extraction

_READINGS = frozenset({"rPh"})  # how Japanese words are pronounced
_SHEETS = frozenset({"worksheet", "chartsheet"})
_LONGEST_NAME = 100
_LEVEL = 1
_TRUE = frozenset({"1", "true"})


def extract_xlsx(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The sheets' rows below the sheets' names: values as they were last computed, dates as ISO 8601 has them.

    Text boxes, and what charts say beside the cells that they repeat, stand behind the rows. A sheet without a word is
    an empty page.
    """
    text, damage = HeadedText(), Damage()
    with open_container(path, limits) as container:
        main = main_part(container)
        related = relationships(container, main)
        book = _Book()
        container.read_xml(main, book)
        limits.check_pages(len(book.sheets))
        strings, formats = Strings(limits), CellFormats()
        for part in parts_of_kind(related, "sharedStrings"):
            container.read_xml(part, strings, skip=_READINGS)
        for part in parts_of_kind(related, "styles"):
            container.read_xml(part, formats)
        for number, (name, reference) in enumerate(book.sheets):
            if number:
                text.page()
            sheet = related.get(reference)
            if sheet is not None and sheet.kind in _SHEETS:
                cells = Cells(strings.found, formats.kinds(), from_1904=book.from_1904)
                written = _SheetText(text, name, limits)
                container.read_xml(sheet.target, SheetRows(cells, written.row), skip=_READINGS)
                written.end_rows()
                place = f'sheet "{name[:_LONGEST_NAME]}"'
                for part in parts_of_kind(pointed_to(container, sheet.target, damage, place), "drawing"):
                    pointed = pointed_to(container, part, damage, place)
                    written.drawing(part, Figures(container, pointed, limits, damage, place, own_words=True))
            if progress:
                progress(number + 1, len(book.sheets))
        title = properties_title(container, damage)
    return Extraction(
        mime_type=XLSX,
        text=text.whole(),
        page_starts=text.page_starts,
        headings=tuple(text.headings),
        title=title,
        warnings=damage.warnings(),
    )


class _SheetText:
    """A sheet's text: its name, as soon as there is a word, its rows and what is drawn on it."""

    def __init__(self, text: HeadedText, name: str, limits: ExtractionLimits) -> None:
        self._text = text
        self._name = name
        self._limits = limits
        self._begun = False
        self._rows: RowWriter | None = None

    def row(self, row: Sequence[str]) -> None:
        self._limits.check_characters(self._text.length + sum(map(len, row)))  # one string may stand in many cells
        if self._rows is None:
            if not any(row):
                return
            self._begin()
            self._rows = RowWriter(self._text)
        self._rows.row(row)

    def end_rows(self) -> None:
        if self._rows is not None:
            self._rows.end()

    def drawing(self, part: str, figures: Figures) -> None:
        drawn = HeadedText()
        for shape in figures.shapes(part, "A drawing"):
            figures.write_shape(drawn, shape)
        if drawn.length:
            self._begin()
            self._text.inset(drawn.whole(), drawn.headings, deeper=_LEVEL)
            self._limits.check_characters(self._text.length)

    def _begin(self) -> None:
        if not self._begun:
            self._text.heading(self._name, _LEVEL)
            self._begun = True


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
