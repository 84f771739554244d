"""RTF becomes its words, in whatever code page they were written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.mime_types import RTF
from common.extraction.rtf import extract_rtf
from common.model.chunks import Extraction
from tests.unit.packed_files import outline, page_texts, read, tables

HEADER = (
    r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fcharset204 Arial Cyr;}"
    r"{\f2\fcharset128 MS Mincho;}}{\colortbl;\red0\green0\blue0;}"
    r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0\sbasedon0 heading 1;}{\*\cs10 Default;}}"
    r"{\*\generator Some Program;}{\info{\title A document}{\author Nobody}}"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def rtf(path: Path, body: str) -> Extraction:
    path.write_bytes((HEADER + body + "}").encode("latin-1"))
    return read(path)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"One {\b bold}\i  and\i0  more.\par Next", "One bold and more.\n\nNext"),
        (r"a\line b\tab c\~d\_e\-f", "a\nb c d-ef"),
        (r"\'e4\'F6 \endash  \ldblquote x\rdblquote  \{\\\}", "äö – “x” {\\}"),
        (r"\u8364?\u-10179?\u-8704?", "€😀"),
        (r"{\uc2\u228\'61\'65}{\uc0\u228}b \u246\'f6", "ääb ö"),
        (r"{\f1\'cf\'f0\'e8}{\f2\'93\'fa\'96\'7b}", "При日本"),
        ("line one \r\nline two\\\nnew paragraph", "line one line two\n\nnew paragraph"),
        (r'{\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt a link}} on', "a link on"),
        (r"{\header head}{\footer foot}{\pict\bin5 }}}{{ }{\*\unknown no}yes", "yes"),
        (r"kept {\deleted gone}\deleted gone\deleted0  here", "kept here"),
        (r"word{\xe {\v word}}{\tc\tcl2 {\v entry}} and", "word and"),
        (r"{\upr{ansi}{\*\ud{unic\u246o}}}", "unicö"),
        (r"{\*\bkmkstart here}text{\*\bkmkend here}", "text"),
    ],
)
def test_words_are_read(path: Path, body: str, text: str) -> None:
    assert rtf(path, body).text == text


def test_a_document_becomes_its_text(path: Path) -> None:
    extraction = rtf(
        path,
        r"\pard\s1 Heading\par\pard\outlinelevel1 Second\par\pard"
        r" Words{\footnote\pard\plain A note.}\~go on.\par"
        r"{\listtext\pard\f1\'b7\tab}dot\par{\listtext 2.\tab}two\par"
        r"\trowd\trhdr\cellx1\cellx2\pard\intbl Route\cell Price\cell\row"
        r"\trowd\cellx1\cellx2\pard\intbl North\par west\cell\cell\row"
        r"\trowd\cellx1\cellx2\pard\intbl\cell 7\cell\row\pard"
        r" After{\shp{\*\shpinst{\sp{\sn a}{\sv 1}}{\shptxt \pard In a box\par}}} the table\page Second page\par",
    )
    rows = "Route | Price\nNorth west\n | 7"
    assert page_texts(extraction) == [
        "Heading\n\nSecond\n\nWords go on.\n\nA note.\n\n- dot\n2. two\n\n" + rows + "\n\nAfter the table",
        "Second page\n\nIn a box",
    ]
    assert (extraction.mime_type, extraction.title) == (RTF, "A document")
    assert outline(extraction) == [(1, "Heading"), (2, "Second")]
    assert tables(extraction) == [("Route | Price", rows)]


def test_a_row_ends_a_heading_that_did_not_end(path: Path) -> None:
    extraction = rtf(path, r"\pard\s1 Heading \pard\intbl A\cell B\cell\row\intbl 1\cell 2\cell\row")
    assert extraction.text == "Heading\n\nA | B\n1 | 2"
    assert outline(extraction) == [(1, "Heading")]


def test_words_of_unknown_code_pages_are_read_as_they_can_be(path: Path) -> None:
    path.write_bytes(rb"{\rtf1\ansicpg99999{\fonttbl{\f0\fcharset99 X;}}\f0 \'e4 b}")
    assert read(path).text == "ä b"
    path.write_bytes(rb"{\rtf1\ansicpg1251 \'cf{\fonttbl{\f7\fcharset77 X;}}\f7\'8a}")
    assert read(path).text == "Пä"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (rb"{\rtf1 breaks off", "CORRUPT_FILE"),
        (rb"{\rtf1 " + b"{" * 20_000 + b"x" + b"}" * 20_001, "NESTED_TOO_DEEPLY"),
        (rb"{\rtf1 " + b"word " * 30 + rb"\par}", "TOO_MUCH_TEXT"),
    ],
)
def test_what_cannot_be_read_is_refused(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(Permanent) as caught:
        read(path, ExtractionLimits(characters=100))
    assert caught.value.reason == reason


CONTROLS = (
    r"{ } \par \row \cell \intbl \trowd \pard \u-1 \u55357? \uc0 \uc \'8 \'ff \bin3 \* \footnote \shptxt \listtext "
    r"\page \s1 \fonttbl \stylesheet \f1 \outlinelevel0 \info \title \deleted \upr \ud"
)
PARTS = st.sampled_from([*CONTROLS.split(" "), "word ", "\\", "\xff"])


@given(st.lists(PARTS, max_size=40))
def test_any_sequence_of_words_ends_in_a_text_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.rtf"
    path.write_bytes((r"{\rtf1 " + "".join(parts) + "}").encode("latin-1"))
    try:
        extraction = extract_rtf(path, ExtractionLimits(), None)
    except Permanent as error:
        assert error.reason == "CORRUPT_FILE"  # noqa: PT017
    else:
        assert extraction.text.encode().decode() == extraction.text
        assert list(extraction.page_starts) == sorted(extraction.page_starts)
        assert list(extraction.headings) == sorted(extraction.headings, key=lambda each: each.char_start)
