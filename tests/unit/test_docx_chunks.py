"""What a Word document embeds as another document is part of its text."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import Permanent
from common.extraction import ExtractionLimits
from tests.unit.packed_files import OFFICE, WORD, outline, read, relations, write_office

PAGE = "<html><body><h1>Lamps</h1><p>Größe: zwölf</p></body></html>"
MHT = (
    "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html; charset=utf-8\n"
    f"Content-Transfer-Encoding: 8bit\n\n{PAGE}\n--x\nContent-Type: image/png\n\n\n--x--\n"
)
BODY = "<w:p><w:r><w:t>before</w:t></w:r></w:p>{}<w:p><w:r><w:t>behind</w:t></w:r></w:p>"


def embedding(path: Path, name: str, content: bytes) -> Path:
    body = BODY.format('<w:altChunk r:id="c1"/>')
    document = f'<w:document xmlns:w="{WORD}" xmlns:r="{OFFICE}"><w:body>{body}</w:body></w:document>'
    parts: dict[str, str | bytes] = {
        "word/document.xml": document,
        "word/_rels/document.xml.rels": relations(("c1", "aFChunk", name)),
        f"word/{name}": content,
    }
    return write_office(path, "docx", parts)


@pytest.mark.parametrize(("name", "content"), [("a.html", PAGE), ("a.mht", MHT)])
def test_an_embedded_page_stands_in_its_place(tmp_path: Path, name: str, content: str) -> None:
    extraction = read(embedding(tmp_path / "file", name, content.encode()))
    assert extraction.text == "before\n\nLamps\n\nGröße: zwölf\n\nbehind"
    assert outline(extraction) == [(1, "Lamps")]
    assert extraction.warnings == ()


def test_embedded_text_stands_in_its_place(tmp_path: Path) -> None:
    assert read(embedding(tmp_path / "file", "a.txt", b"one\r\ntwo\n")).text == "before\n\none\ntwo\n\nbehind"


@pytest.mark.parametrize("content", [b"PK\3\4", b"\x89PNG\r\n\x1a\n\0\0", b"", MHT.replace("/html", "/css").encode()])
def test_what_is_not_read_within_a_document_is_told(tmp_path: Path, content: bytes) -> None:
    extraction = read(embedding(tmp_path / "file", "a.docx", content))
    assert extraction.text == "before\n\nbehind"
    assert extraction.warnings == ("The part word/a.docx is of a type that is not read within a document.",)


def test_embedded_text_counts(tmp_path: Path) -> None:
    path = embedding(tmp_path / "file", "a.txt", b"word " * 100)
    with pytest.raises(Permanent) as caught:
        read(path, ExtractionLimits(characters=300))
    assert caught.value.reason == "TOO_MUCH_TEXT"
