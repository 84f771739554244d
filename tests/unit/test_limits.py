"""What is at a limit is read, and one over it is refused by its name."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import Permanent
from common.extraction import ExtractionLimits
from tests.unit.packed_files import read, write_docx

PARAGRAPH = "<w:p><w:r><w:t>word</w:t></w:r></w:p>"
WORD_DEPTH = 5  # of the text of a paragraph: document, body, p, r, t
UNREAD = "[Content_Types].xml"  # it tells the type alone

type Written = tuple[str, int]
"""The limit that a file was written for, and how much of it the file takes."""


def html(path: Path) -> Written:
    content = b"<!DOCTYPE html><p>word</p>"
    path.write_bytes(content)
    return "markup_bytes", len(content)


def text(path: Path) -> Written:
    path.write_text("word", encoding="utf-8")
    return "characters", 4


def unpacked(path: Path) -> Written:
    with zipfile.ZipFile(write_docx(path, PARAGRAPH)) as archive:
        return "decompressed_bytes", sum(each.file_size for each in archive.infolist() if each.filename != UNREAD)


def ratio(path: Path) -> Written:
    with zipfile.ZipFile(write_docx(path, PARAGRAPH + " " * 17_000_000)) as archive:
        main = archive.getinfo("word/document.xml")
    return "compression_ratio", -(-main.file_size // main.compress_size)


def members(path: Path) -> Written:
    with zipfile.ZipFile(write_docx(path, PARAGRAPH)) as archive:
        return "parts", len(archive.infolist())


def message(path: Path) -> Written:
    path.write_bytes(
        b"From: a@example.com\nTo: b@example.com\nSubject: lamp\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nword\n--x\n\nword\n--x--\n"
    )
    return "parts", 3


def elements(path: Path) -> Written:
    write_docx(path, PARAGRAPH)
    return "depth", WORD_DEPTH


def values(path: Path) -> Written:
    path.write_text('[{"a}": ["word [[["]}, [[[]]]]', encoding="utf-8")
    return "depth", 4


def groups(path: Path) -> Written:
    path.write_bytes(rb"{\rtf1 {{word}}}")
    return "depth", 3


@pytest.mark.parametrize("write", [html, text, unpacked, ratio, members, message, elements, values, groups])
def test_a_limit_is_the_most_that_is_taken(tmp_path: Path, write: Callable[[Path], Written]) -> None:
    path = tmp_path / "file"
    limit, taken = write(path)
    assert "word" in read(path, replace(ExtractionLimits(), **{limit: taken})).text
    with pytest.raises(Permanent) as caught:
        read(path, replace(ExtractionLimits(), **{limit: taken - 1}))
    reasons = {"parts": "TOO_MANY_PARTS", "depth": "NESTED_TOO_DEEPLY"}
    packed = {"decompressed_bytes": "DECOMPRESSED_TOO_LARGE", "compression_ratio": "DECOMPRESSED_TOO_LARGE"}
    assert caught.value.reason == (reasons | packed).get(limit, "TOO_MUCH_TEXT")


def test_brackets_without_end_are_refused_before_they_are_laid_out(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"[" * 1_000_000 + b"]" * 1_000_000)
    with pytest.raises(Permanent) as caught:
        read(path)
    assert caught.value.reason == "NESTED_TOO_DEEPLY"
