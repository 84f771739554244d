"""Comma- and tab-separated files become rows under their header."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.delimited import extract_delimited
from common.extraction.delimiters import delimiter_of
from common.extraction.mime_types import CSV, TSV
from tests.unit.packed_files import read, tables


@pytest.mark.parametrize(
    ("content", "text", "mime_type"),
    [
        ('Name,Age\n"Müller, Max",12\nBo,13\n', "Name | Age\nMüller, Max | 12\nBo | 13", CSV),
        ('a;b;c\n1;"x\ny ""z""";3\n\n4;;6', 'a | b | c\n1 | x y "z" | 3\n\n4 |  | 6', CSV),
        ("one\ttwo\r\n1\t2\r\n", "one | two\n1 | 2", TSV),
        ("1|2|3\n4|5|6\n", "1 | 2 | 3\n4 | 5 | 6", CSV),
        ('a, b, c\n1, "x, y", 3\n4, 5, 6\n7, 8, 9\n', "a | b | c\n1 | x, y | 3\n4 | 5 | 6\n7 | 8 | 9", CSV),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_records_become_rows(tmp_path: Path, content: str, text: str, mime_type: str, encoding: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content.encode(encoding))
    extraction = read(path)
    assert (extraction.text, extraction.mime_type) == (text, mime_type)


def test_the_first_record_is_the_header_if_it_looks_so(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("Route,2023,2024\nNorth,1,2\nSouth,3,4\n", encoding="utf-8")
    assert tables(read(path)) == [("Route | 2023 | 2024", read(path).text)]
    path.write_text("Name,Town\nAnn,\nBo,Ulm\nCy,Kiel\n", encoding="utf-8")
    assert tables(read(path)) == [("Name | Town", "Name | Town\nAnn\nBo | Ulm\nCy | Kiel")]
    for content in ("1,2\n3,4\n", "a,a\nb,c\n", "-5 %,x\n3,y\n"):
        path.write_text(content, encoding="utf-8")
        assert tables(read(path)) == []


@pytest.mark.parametrize(
    "content",
    [
        "one line, alone",
        "Dear Ann, and Bo,\nthis is a letter, not a table,\nand it says nothing.\n",
        "Hello, you\nGood, bye\nIt is, well\n",
        "Eggs, milk and bread\nA pen, ink and paper\nWood, coal and oil\nTea, rum, or nothing\n",
        "By day, by night, at sea\nin fog, in rain, in snow\nit turns, it shines, never stops, it seems\nit is lit\n",
        "int a(b, c);\nint d(e, f);\nx(1, 2);\n",
        "call(a,b)\ncall(c,d)\ncall(e,f)\n",
        "x,\ny,\nz,\n",
        "NAMES = [\n    'a',\n    'b',\n]\nTYPES = (\n    'x','y',\n)\n",
        "\tone\n\ttwo\n",
        "a,b\nc\nd\ne,f,g\n",
        'an open "quote\nnever closed, is it\n',
        "",
    ],
)
def test_prose_and_code_are_no_tables(content: str) -> None:
    assert delimiter_of(content, whole=True) is None


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("Sales;;\n;;\nname;city;note\nAnn;Bonn;\nBo;Rome;\nCy;Oslo;late\nDi;Linz;late\nEd;Bern;late\n", ";"),
        ("name,city\nAnn,Bonn (D)\nBo,Rome (I)\nCy,Oslo (N)\n", ","),
    ],
)
def test_empty_cells_and_parentheses_at_the_end_of_lines_are_no_code(content: str, delimiter: str) -> None:
    assert delimiter_of(content, whole=True) == delimiter


def test_of_a_beginning_the_last_line_says_nothing() -> None:
    assert delimiter_of("a,b\n1,2\n3", whole=False) == ","


def test_a_long_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a,b\n" + "1,2\n" * 99, encoding="utf-8")
    with pytest.raises(Permanent) as caught:
        read(path, ExtractionLimits(characters=300))
    assert caught.value.reason == "TOO_MUCH_TEXT"


CELLS = st.text(st.sampled_from('abc,;"\n\t7ä '), max_size=8)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_each_word_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str
) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    path = tmp_path_factory.getbasetemp() / "words.csv"
    path.write_bytes(file.getvalue().encode())
    found = delimiter_of(file.getvalue(), whole=True) or ","
    text = extract_delimited(path, ExtractionLimits(), None).text
    if found == delimiter:
        words = [word for row in rows for cell in row for word in cell.split()]
        assert [word for word in text.split() if word != "|"] == words
    else:
        letters = "".join(cell for row in rows for cell in row if cell)
        assert all(text.count(letter) >= letters.count(letter) for letter in "abc7ä")
