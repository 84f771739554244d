"""Packed files end within limits, whatever is in them, and by their content whatever they are called."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from pptx import Presentation

from common.errors import Permanent
from common.extraction import ExtractionLimits, detect_type
from common.extraction.mime_types import DOCX, EPUB, PPTX, XLSX
from tests.unit.packed_files import WORD, read, write_docx, write_office, write_zip

PARAGRAPH = "<w:p><w:r><w:t>word</w:t></w:r></w:p>"


@cache
def document() -> bytes:
    content = io.BytesIO()
    made = Document()
    made.add_paragraph("Words of a document.")
    made.save(content)
    return content.getvalue()


@cache
def book() -> bytes:
    content = io.BytesIO()
    made = Workbook()
    assert made.active is not None
    made.active.append(["words"])
    made.save(content)
    return content.getvalue()


@cache
def show() -> bytes:
    content = io.BytesIO()
    made = Presentation()
    made.slides.add_slide(made.slide_layouts[0]).shapes.title.text = "Words"
    made.save(content)
    return content.getvalue()


MAKERS: list[tuple[Callable[[], bytes], str]] = [(document, DOCX), (book, XLSX), (show, PPTX)]


def refusal(path: Path, limits: ExtractionLimits | None = None) -> str:
    with pytest.raises(Permanent) as caught:
        read(path, limits)
    return caught.value.reason


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "misnamed.pdf"


@pytest.mark.parametrize(("make", "mime_type"), MAKERS)
def test_office_files_are_told_by_what_is_in_them(path: Path, make: Callable[[], bytes], mime_type: str) -> None:
    path.write_bytes(make())
    assert detect_type(path) == mime_type
    assert read(path).mime_type == mime_type


@pytest.mark.parametrize(
    ("members", "mime_type"),
    [
        ({"mimetype": "application/epub+zip"}, EPUB),
        ({"META-INF/container.xml": "<x/>"}, EPUB),
        ({"[content_types].XML": "application/vnd.ms-word.document.macroEnabled.main+xml"}, DOCX),
        ({"[Content_Types].xml": "application/vnd.ms-excel.sheet.macroEnabled.main+xml"}, XLSX),
        (
            {"[Content_Types].xml": "application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml"},
            PPTX,
        ),
        ({"[Content_Types].xml": "", "word\\document.xml": ""}, DOCX),
        ({"word/document.xml": ""}, DOCX),
        ({"notes/word.xml": ""}, ""),
        ({"[Content_Types].xml": "<Types/>", "word\\document.xml": ""}, DOCX),
        ({"[Content_Types].xml": "<Types/>", "xl/workbook.xml": ""}, XLSX),
    ],
)
def test_kinds_of_packed_files(path: Path, members: dict[str, str], mime_type: str) -> None:
    write_zip(path, members)
    if mime_type:
        assert detect_type(path) == mime_type
    else:
        assert refusal(path) == "UNSUPPORTED_TYPE"


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"notes.txt": "x"}, "a ZIP archive"),
        ({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": ""}, "an OpenDocument file"),
        ({"META-INF/MANIFEST.MF": "x"}, "a Java archive"),
        (
            {"[Content_Types].xml": "application/vnd.ms-excel.sheet.binary.macroEnabled.main", "xl/workbook.bin": ""},
            "Excel",
        ),
    ],
)
def test_other_packed_files_are_refused_by_their_names(path: Path, members: dict[str, str], named: str) -> None:
    write_zip(path, members)
    with pytest.raises(Permanent, match=named) as caught:
        read(path)
    assert caught.value.reason == "UNSUPPORTED_TYPE"


@pytest.mark.parametrize(("make", "mime_type"), MAKERS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_damaged(path: Path, make: Callable[[], bytes], mime_type: str, share: float) -> None:
    content = make()
    path.write_bytes(content[: int(len(content) * share)])
    assert refusal(path) == "CORRUPT_FILE"


@settings(max_examples=40)
@given(st.sampled_from(MAKERS), st.data())
def test_a_file_with_damaged_bytes_ends_in_a_text_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, maker: tuple[Callable[[], bytes], str], data: st.DataObject
) -> None:
    content = bytearray(maker[0]())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        content[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    try:
        extraction = read(path)
    except Permanent as error:
        assert error.reason in {"CORRUPT_FILE", "UNSUPPORTED_TYPE", "ENCRYPTED_FILE", "DECOMPRESSED_TOO_LARGE"}  # noqa: PT017
    else:
        assert extraction.mime_type == maker[1]


def test_members_under_a_password_are_refused(path: Path) -> None:
    write_docx(path, PARAGRAPH)
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := content.find(mark, place + 1)) >= 0:
            content[place + flags] |= 1
    path.write_bytes(content)
    assert refusal(path) == "ENCRYPTED_FILE"


def compound(*streams: str) -> bytes:
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<H", header, 30, 9)
    struct.pack_into("<I", header, 48, 1)
    entries = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in ("Root Entry", *streams))
    return bytes(header) + bytes(512) + entries


@pytest.mark.parametrize(
    ("content", "reason", "named"),
    [
        (compound("EncryptionInfo", "EncryptedPackage"), "ENCRYPTED_FILE", "password"),
        (compound("WordDocument"), "UNSUPPORTED_TYPE", "old Word document"),
        (compound("Workbook"), "UNSUPPORTED_TYPE", "old Excel workbook"),
        (compound("PowerPoint Document"), "UNSUPPORTED_TYPE", "old PowerPoint presentation"),
        (compound("__properties_version1.0"), "UNSUPPORTED_TYPE", "Outlook message"),
        (compound(), "UNSUPPORTED_TYPE", "old Microsoft Office"),
        (compound()[:100], "CORRUPT_FILE", "breaks off"),
    ],
)
def test_old_and_encrypted_office_files_are_refused(path: Path, content: bytes, reason: str, named: str) -> None:
    path.write_bytes(content)
    with pytest.raises(Permanent, match=named) as caught:
        read(path)
    assert caught.value.reason == reason


def test_a_bomb_is_not_unpacked(path: Path) -> None:
    write_office(path, "docx", {"word/document.xml": b"<x>" + b"a" * 50_000_000})
    assert path.stat().st_size < 100_000
    assert refusal(path) == "DECOMPRESSED_TOO_LARGE"


def test_what_is_read_of_all_parts_is_counted(path: Path) -> None:
    write_docx(path, PARAGRAPH, styles="<w:style/>", numbering="<w:num/>" + " " * 3000)
    assert read(path, ExtractionLimits(decompressed_bytes=8000)).text == "word"
    assert refusal(path, ExtractionLimits(decompressed_bytes=4000)) == "DECOMPRESSED_TOO_LARGE"


def test_a_part_that_says_it_is_smaller_is_damaged(path: Path) -> None:
    write_office(path, "docx", {"word/document.xml": b"<x/>" + b" " * 1_000_000})
    content = path.read_bytes().replace(struct.pack("<I", 1_000_004), struct.pack("<I", 4))
    path.write_bytes(content)
    assert refusal(path) == "CORRUPT_FILE"


@pytest.mark.parametrize(
    "main",
    [
        "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
        "<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'><x/>",
        "<x>&undefined;</x>",
        "<x><y></x>",
        "<?xml version='1.0' encoding='no-such'?><x/>",
        "",
        "\0\1\2",
    ],
)
def test_xml_that_declares_or_lacks_something_is_damaged(path: Path, main: str) -> None:
    assert refusal(write_office(path, "docx", {"word/document.xml": main})) == "CORRUPT_FILE"


@pytest.mark.parametrize(("make", "mime_type"), MAKERS)
def test_damaged_properties_cost_the_title_alone(path: Path, make: Callable[[], bytes], mime_type: str) -> None:
    with zipfile.ZipFile(io.BytesIO(make())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    write_zip(path, members | {"docProps/core.xml": members["docProps/core.xml"][:-9]})
    extraction = read(path)
    assert (extraction.mime_type, len(extraction.warnings)) == (mime_type, 1)
    assert "ords" in extraction.text
    assert "properties are damaged" in extraction.warnings[0]


@pytest.mark.parametrize(
    ("kind", "main"), [("docx", "word/document"), ("xlsx", "xl/workbook"), ("pptx", "ppt/presentation")]
)
def test_elements_nested_without_end_are_refused(path: Path, kind: str, main: str) -> None:
    write_office(path, kind, {f"{main}.xml": "<p>" * 5000})
    assert refusal(path) == "NESTED_TOO_DEEPLY"


def test_tables_nested_as_far_as_may_be_are_read(path: Path) -> None:
    depth = 300
    body = "<w:tbl><w:tr><w:tc>" * depth + PARAGRAPH + "</w:tc></w:tr></w:tbl>" * depth
    assert read(write_docx(path, body)).text == "word"


@pytest.mark.parametrize("kind", ["docx", "xlsx", "pptx"])
def test_a_file_without_its_main_part_is_damaged(path: Path, kind: str) -> None:
    write_office(path, kind, {})
    assert refusal(path) == "CORRUPT_FILE"
    write_office(path, kind, {"_rels/.rels": "<Relationships/>"})
    assert refusal(path) == "CORRUPT_FILE"


def test_a_document_without_words_has_none(path: Path) -> None:
    assert read(write_docx(path, "<w:p/>")).text == ""
    assert read(write_office(path, "docx", {"word/document.xml": f'<w:document xmlns:w="{WORD}"/>'})).text == ""


def test_a_part_packed_in_no_common_way_is_refused(path: Path) -> None:
    write_docx(path, PARAGRAPH)
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content, zipfile.ZIP_LZMA if name == "word/document.xml" else zipfile.ZIP_STORED)
    assert refusal(path) == "CORRUPT_FILE"
