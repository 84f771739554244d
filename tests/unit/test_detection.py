"""A file's type is told by its content."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Permanent
from common.extraction import ExtractionLimits, detect_type, extract
from common.extraction.by_type import EXTRACTORS, load_extractor
from common.extraction.detection import type_of
from common.extraction.mime_types import CSV, EML, HTML, JSON, JSON_LINES, MARKDOWN, PDF, PLAIN, TSV, XML

README = "# A project\n\n## Use\n\n- one\n- two\n\nSee [the guide](guide.md).\n"
PROGRAM = "import os\nfrom pathlib import Path\n\n\ndef lamp(path):\n    return path\n\n"
PROSE = "It was a quiet evening.\n\nNobody spoke - not even the cook. 3 < 4, said the clock.\n"


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return content.getvalue()


def tarred() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("notes.txt"))
    return content.getvalue()


def outcome(content: bytes) -> str:
    try:
        return type_of(content)
    except Permanent as error:
        return error.reason


def refusal(content: bytes) -> Permanent:
    with pytest.raises(Permanent) as caught:
        type_of(content)
    return caught.value


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("%PDF-1.7\n", PDF),
        ("\r\n%PDF-1.4\n", PDF),
        ("garbage of a mail server\n%PDF-1.3\n%\u00e2\u00e3\n1 0 obj", PDF),
        ("A PDF file begins with %PDF-1.4 and a number of objects.\n", PLAIN),
        ("<!DOCTYPE html><p>x", HTML),
        ("\ufeff <!-- licence\n --> <HTML lang=en>", HTML),
        ('<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">', HTML),
        ("<h1>A fragment</h1><p>Text</p>", HTML),
        ("<p>never closed", PLAIN),
        (README, MARKDOWN),
        ("---\ntitle: A\ntags:\n  - b\n---\nText.\n", MARKDOWN),
        ("Text.\n\n```python\nprint(1)\n```\n", MARKDOWN),
        ("| a | b |\n|---|:---:|\n| 1 | 2 |\n", MARKDOWN),
        ("|a|b|\n|--|-:|\n|1|2|\n|3|4|\n", MARKDOWN),
        ("|a|b|\n|-|-|\n|1|2|\n|3|4|\n", MARKDOWN),
        ("a|b\n-|-\n1|2\n3|4\n", CSV),
        ('<div align="center">logo</div>\n\n' + README, MARKDOWN),
        (PROGRAM + README, PLAIN),
        (f"{README}\n```python\n{PROGRAM}```\n", MARKDOWN),
        (PROSE, PLAIN),
        ("# only one heading, or a comment\nx = 1\n", PLAIN),
        ("- milk\n- bread\n", PLAIN),
        ("<3 this", PLAIN),
        ("x", PLAIN),
        (" \n\n", PLAIN),
        ("BM is short for body mass, and MZ for nothing.", PLAIN),
        ('{"json": [1, 2]}', JSON),
        (' [\n1.5e-3, true, null, {"a": "[\\""}]\n', JSON),
        ('{"open": "beg', PLAIN),
        ("{not: json}", PLAIN),
        ("[1] Smith, J.", PLAIN),
        ("[section]\nkey = 1\n", PLAIN),
        ('{"a": 1}\n{"b": 2}\n', JSON_LINES),
        ('<?xml version="1.0"?>\n<feed><entry/></feed>', XML),
        ("<note><to>Bo</to></note>\n", XML),
        ("<note>never closed", PLAIN),
        ("<Name> said hello to <Place>", PLAIN),
        ("a,b\n1,2\n", CSV),
        ("a\tb\n1\t2\n", TSV),
        ("#include <stdio.h>\nint main(void) {\n    return f(a, b);\n}\n", PLAIN),
        ('Name,Use (of it)\nLamp,light\n"Key [a](b) [c](d)",**door** `x`\n', CSV),
        ("Coffee,Caffeine (mg)\nTall,150\n", CSV),
        ("<?xml-stylesheet href='a.xsl'?>\n<!DOCTYPE a [\n<!ENTITY b \"]>\">\n]>\n<a>x</a>\n", XML),
        ("<?php echo 1; ?>\n<a>x</a>\n", PLAIN),
        ("<blockquote>words</blockquote>\n", HTML),
        ("import os, sys\nfrom a import b, c\nprint(os, sys)\n", PLAIN),
        ("From: a@b.c\nTo: d@e.f\nSubject: x\n\nHello\n", EML),
        ("Received: from x\n\tby y\nFrom: a@b.c\n\nHello\n", EML),
        ("From: me\nNote: this is no mail\n\nHello\n", PLAIN),
        ("Subject: of the talk\nis what From: and To: mean\n", PLAIN),
    ],
)
def test_the_content_tells_the_type(content: str, expected: str) -> None:
    assert type_of(content.encode()) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Lamps\n=====\n\n.. note:: Mind it.\n\n- **one**\n- **two**\n- `three`_\n",
        "Lamps\n=====\n\nLight it::\n\n    light\n\n- **one**\n- **two**\n- ``three``\n",
        "- **one** of :class:`Lamp`\n- **two**\n- **three**\n",
        "#!/bin/sh\n## Light\n\n## Lamp\nlight\n",
        "## Light\n# the lamp `at dusk`\n# **always**\n#\n## Then\n# wait\nwait: 1\n",
        "=head1 NAME\n\n## lamp\n\n## lamp\n\n=cut\n",
        '.TH LAMP 1\n.SH "NAME"\n**lamp** - `light`\n\n## x\n',
        "\\documentclass{article}\n## a\n\n## b\n",
        "f[a](b);\nf[c](d);\n",
        'lamp "a" {\n  b = 1\n}\n\n## `c`\n\nlamp "d" {\n  e = 2\n}\n\n## `f`\n',
        "a: 1\n\n# Lit `at dusk` by `keepers` and `others` and `all`\n\nb: 2\n",
    ],
)
def test_other_markup_and_comments_are_no_markdown(text: str) -> None:
    assert type_of(text.encode()) == PLAIN


def test_a_block_of_nuls_in_a_text_is_no_sign_of_a_program() -> None:
    assert type_of(PROSE.encode() + bytes(5_000) + PROSE.encode()) == PLAIN
    assert type_of(b"a\0b") == PLAIN
    assert refusal(bytes(5_000)).reason == "UNSUPPORTED_TYPE"


def test_control_bytes_of_an_encoding_are_no_sign_of_a_program() -> None:
    assert type_of(("등대지기가 저녁에 등불을 켠다. " * 9).encode("iso2022_kr")) == PLAIN


def test_a_picture_with_a_pdf_file_in_it_is_a_picture() -> None:
    drawing = b"\1\0\0\0" + bytes(36) + b" EMF\0\0\1\0" + bytes(100)
    assert "an EMF drawing" in refusal(drawing + b"%PDF-1.4\n1 0 obj").message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(("text", "expected"), [(README, MARKDOWN), (PROSE, PLAIN), ("<html><p>Grüße", HTML)])
def test_the_encoding_does_not_matter(text: str, expected: str, encoding: str) -> None:
    assert type_of(text.encode(encoding)) == expected


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "a PNG image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP image"),
        (b"BM\x36\0\0\0\0\0", "a BMP image"),
        (gzip.compress(b"x"), "a gzip archive"),
        (tarred(), "a tar archive"),
        (zipped("notes.txt"), "a ZIP archive"),
        (zipped(), "an empty ZIP archive"),
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document"),
        (zipped("xl/workbook.xml"), "an Excel workbook"),
        (zipped("ppt/presentation.xml"), "a PowerPoint presentation"),
        (b"MZ\x90\0\x03\0\0\0", "a Windows program"),
        (b"\x7fELF\x02\x01", "a program"),
        (b"%!PS-Adobe-3.0\n", "a PostScript document"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"<svg xmlns='x'></svg>", "an SVG image"),
        (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><svg xmlns='x'></svg>", "an SVG image"),
        (b"<svg:svg xmlns:svg='x'></svg:svg>", "an SVG image"),
        (b"\0\1\2\3\4\5\6\7" * 99, "neither text"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(content: bytes, named: str) -> None:
    error = refusal(content)
    assert error.reason == "UNSUPPORTED_TYPE"
    assert named in error.message


def test_a_file_without_a_byte_is_empty() -> None:
    assert refusal(b"").reason == "EMPTY_FILE"


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF32_BE])
def test_a_file_of_a_byte_order_mark_alone_is_a_text_without_text(mark: bytes) -> None:
    assert type_of(mark) == PLAIN


@pytest.mark.parametrize("name", ["report.pdf", "page.html", "notes", "image.png", "ünï.MD"])
def test_the_name_does_not_matter(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(PROSE, encoding="utf-8")
    assert detect_type(path) == PLAIN
    extraction = extract(path, limits=ExtractionLimits())
    assert (extraction.mime_type, extraction.text, extraction.page_starts) == (PLAIN, PROSE, (0,))


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode("utf-16", "surrogatepass")))
def test_any_bytes_have_a_type_or_a_reason(content: bytes) -> None:
    assert outcome(content) in {*EXTRACTORS, "EMPTY_FILE", "UNSUPPORTED_TYPE"}


@given(
    st.lists(st.sampled_from(["-a: b\n", "- \n", "\n", "---", "```x\n", "[", "](", "<!--", " ", "|", "#", "**", "`"]))
)
def test_signs_in_any_order_make_a_text(parts: list[str]) -> None:
    assert type_of(("---\n" + "".join(parts)).encode()) in {MARKDOWN, PLAIN, CSV}


@pytest.mark.parametrize("mime_type", EXTRACTORS)
def test_each_type_has_its_extractor(mime_type: str) -> None:
    assert load_extractor(mime_type).__name__.startswith("extract_")


JSON_VALUES = st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.lists(st.text() | st.none(), max_size=3)


@given(st.dictionaries(st.text(), JSON_VALUES, min_size=1, max_size=4), st.sampled_from([None, 2]))
def test_json_is_told_whatever_is_in_it(value: object, indent: int | None) -> None:
    assert type_of(json.dumps(value, indent=indent).encode()) == JSON


def test_a_long_file_is_told_by_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content, expected in (
        (json.dumps(["word \\ 𝄞"] * 9_000), JSON),
        ('{"a": "b"}\n' * 9_000, JSON_LINES),
        ("a;b\n" * 30_000, CSV),
        ("<r>" + "<x>word</x>" * 9_000, XML),
    ):
        path.write_text(content, encoding="utf-8")
        assert detect_type(path) == expected
