"""Workbooks become pages of rows whose cells read as they are shown."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.mime_types import XLSX
from common.extraction.xlsx_values import shown
from tests.unit.packed_files import OFFICE, SHEET, outline, page_texts, read, relations, tables, write_office


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def write_sheet(path: Path, rows: str, strings: str = "", book: str = "") -> Path:
    return write_office(
        path,
        "xlsx",
        {
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}">{book}<sheets>'
            '<sheet name="S" sheetId="1" r:id="a"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relations(
                ("a", "worksheet", "sheet.xml"),
                ("b", "sharedStrings", "/xl/strings.xml"),
                ("c", "styles", "styles.xml"),
            ),
            "xl/sheet.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData></worksheet>',
            "xl/strings.xml": f'<sst xmlns="{SHEET}">{strings}</sst>',
            "xl/styles.xml": f'<styleSheet xmlns="{SHEET}">'
            '<numFmts><numFmt numFmtId="164" formatCode="[$-407]d\\. mmm yyyy"/>'
            '</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/>'
            '<xf numFmtId="10"/><xf numFmtId="46"/></cellXfs></styleSheet>',
        },
    )


def test_sheets_are_pages_and_rows_stand_under_their_header(path: Path) -> None:
    book = Workbook()
    sales = book.active
    assert sales is not None
    sales.title = "Sales 2024"
    for row in [["Report of the year"], [], ["Region", "Day", 2023], ["North", date(2024, 1, 5), 1.5]]:
        sales.append(row)
    sales.append(["South", datetime(2024, 1, 6, 14, 30), 0.1 + 0.2])  # noqa: DTZ001
    sales.append([None, time(9, 5), True])
    book.create_sheet("Empty")
    notes = book.create_sheet("Notes")
    notes["C3"] = "Only\nthis"
    book.save(path)
    extraction = read(path)
    first, second, third = page_texts(extraction)
    assert first == (
        "Sales 2024\n\nReport of the year\n\nRegion | Day | 2023\nNorth | 2024-01-05 | 1.5\n"
        "South | 2024-01-06 14:30 | 0.3\n | 09:05 | TRUE"
    )
    assert (second, third) == ("", "Notes\n\nOnly this")
    assert extraction.mime_type == XLSX
    assert outline(extraction) == [(1, "Sales 2024"), (1, "Notes")]
    [(title, rows)] = tables(extraction)
    assert title == "Region | Day | 2023"
    assert rows.endswith("TRUE")


def test_stored_values_read_as_they_are_shown(path: Path) -> None:
    strings = "<si><r><t>rich </t></r><r><t>text</t></r><rPh><t>reading</t></rPh></si><si><t>a_x000D_b</t></si>"
    rows = (
        '<row r="2"><c r="A2" t="s"><v>0</v></c><c r="C2" t="s"><v>1</v></c><c r="D2" t="s"><v>99</v></c>'
        '<c r="E2" t="str"><f>A1&amp;"x"</f><v>computed</v></c><c r="F2" t="e"><v>#N/A</v></c></row>'
        '<row><c s="1"><v>45296</v></c><c s="2"><v>0.125</v></c><c s="3"><v>1.5</v></c><c><v>1E+2</v></c>'
        '<c s="77"><v>7</v></c><c t="b"><v>0</v></c><c t="inlineStr"><is><t>in</t><t>line</t></is></c></row>'
    )
    extraction = read(write_sheet(path, rows, strings))
    assert extraction.text == (
        "S\n\nrich text |  | a b |  | computed | #N/A\n2024-01-05 | 12.5% | 36:00:00 | 100 | 7 | FALSE | inline"
    )


def test_days_are_counted_from_1904_where_the_book_says_so(path: Path) -> None:
    rows = '<row r="1"><c r="A1" s="1"><v>0</v></c></row>'
    assert read(write_sheet(path, rows, book='<workbookPr date1904="1"/>')).text == "S\n\n1904-01-01"
    assert read(write_sheet(path, rows)).text == "S\n\n1899-12-31"


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("12", "", "12"),
        ("0.30000000000000004", "", "0.3"),
        ("1.5E-7", "", "1.5e-07"),
        ("1E400", "", "inf"),
        ("no number", "date", "no number"),
        ("60", "date", "1900-02-28"),
        ("61", "date", "1900-03-01"),
        ("-1", "date", "-1"),
        ("1e9", "date", "1000000000"),
        ("2958465", "date", "9999-12-31"),
        ("0.5", "time", "12:00"),
        ("0.999999", "date time", "1900-01-01 00:00"),
        ("0.07", "share", "7%"),
    ],
)
def test_a_number_is_shown(value: str, kind: str, expected: str) -> None:
    assert shown(value, kind, from_1904=False) == expected


def test_a_second_table_has_its_own_header_and_a_gap_alone_makes_none(path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [["A", "B"], [1, 2], [], [3, 4], [], ["C", "D"], [5, 6], [], ["word", "word"], ["one", "two"]]:
        sheet.append(row)
    book.save(path)
    assert [(title, rows.split("\n")[-1]) for title, rows in tables(read(path))] == [
        ("A | B", "3 | 4"),
        ("C | D", "one | two"),
    ]


def test_text_boxes_stand_behind_the_rows(path: Path) -> None:
    def sheet(rows: str) -> str:
        return f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData></worksheet>'

    drawing = '<d xmlns:xdr="x"><xdr:sp><p><r><t>In a box</t></r></p></xdr:sp></d>'
    related = relations(("d", "drawing", "drawing.xml"))
    names = ("one", "two", "three")
    write_office(
        path,
        "xlsx",
        {
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
            + "".join(f'<sheet name="{name}" r:id="{name}"/>' for name in names)
            + "</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(*((name, "worksheet", f"{name}.xml") for name in names)),
            "xl/one.xml": sheet("<row><c><v>1</v></c></row>"),
            "xl/two.xml": sheet(""),
            "xl/three.xml": sheet(""),
            "xl/_rels/one.xml.rels": related,
            "xl/_rels/two.xml.rels": related,
            "xl/drawing.xml": drawing,
        },
    )
    assert page_texts(read(path)) == ["one\n\n1\n\nIn a box", "two\n\nIn a box", ""]


def test_cells_far_apart_do_not_make_the_text_long(path: Path) -> None:
    rows = "".join(
        f'<row r="{row * 1000}"><c r="A{row}"><v>1</v></c><c r="XFD{row}"><v>2</v></c></row>' for row in (1, 2)
    )
    text = read(write_sheet(path, rows)).text
    assert text.split() == ["S", *(["1", *["|"] * 33, "2"] * 2)]


def test_limits_hold(path: Path) -> None:
    row = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>' * 30
    write_sheet(path, row, "<si><t>word word</t></si>")
    for limits, reason in [
        (ExtractionLimits(characters=100), "TOO_MUCH_TEXT"),
        (ExtractionLimits(pages=0), "TOO_MANY_PAGES"),
        (ExtractionLimits(decompressed_bytes=1000), "DECOMPRESSED_TOO_LARGE"),
    ]:
        with pytest.raises(Permanent) as caught:
            read(path, limits)
        assert caught.value.reason == reason


CELLS = st.text(st.sampled_from("abcäöü汉é7 _x"), min_size=1, max_size=9).filter(lambda text: bool(text.strip()))


@settings(max_examples=30)
@given(st.lists(st.lists(st.none() | CELLS, max_size=4), max_size=8))
def test_each_word_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str | None]]
) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Sheet"
    for row in rows:
        sheet.append(row)
    path = tmp_path_factory.getbasetemp() / "words.xlsx"
    book.save(path)
    words = [word for row in rows for cell in row if cell for word in cell.split()]
    assert [word for word in read(path).text.split() if word != "|"] == (["Sheet", *words] if words else [])
