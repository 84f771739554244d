"""Books become pages, a chapter each, in reading order."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.mime_types import EPUB
from tests.unit.packed_files import outline, page_texts, read, write_zip

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
)
BOOK = (
    '<!DOCTYPE package PUBLIC "x" "http://127.0.0.1:9/x.dtd">'
    '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
    "<dc:title>The Book</dc:title><dc:title>Its subtitle</dc:title></metadata><manifest>"
    '<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    '<item id="b" href="text/b%20b.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="a" href="../a.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="gone" href="gone.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="i" href="i.png" media-type="image/png"/></manifest>'
    '<spine><itemref idref="n"/><itemref idref="a"/><itemref idref="gone"/><itemref idref="i"/><itemref idref="b"/>'
    "</spine></package>"
)
FIRST = "<html><body><h1>One</h1><p>First words<a>*</a>.</p><aside>A note.</aside></body></html>"
SECOND = (
    "<html><body><h1>Two</h1><h2>Deep</h2><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>"
)


def members(**others: str) -> dict[str, str]:
    return {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": BOOK,
        "OPS/nav.xhtml": "<html><body><nav>One Two</nav></body></html>",
        "a.xhtml": FIRST,
        "OPS/text/b b.xhtml": SECOND,
        **others,
    }


def test_chapters_are_pages_in_reading_order(tmp_path: Path) -> None:
    extraction = read(write_zip(tmp_path / "file", members()))
    assert page_texts(extraction) == ["One\n\nFirst words*.\n\nA note.", "", "Two\n\nDeep\n\nA | B\n1 | 2"]
    assert (extraction.mime_type, extraction.title) == (EPUB, "The Book")
    assert outline(extraction) == [(1, "One"), (1, "Two"), (2, "Deep")]
    assert [(each.level, each.title) for each in extraction.headings if each.char_end] == [(3, "A | B")]
    assert all(extraction.text.startswith(each.title, each.char_start) for each in extraction.headings)
    assert extraction.warnings == ("Page 2 is missing from the book and is empty.",)


@pytest.mark.parametrize(
    ("method", "refused"),
    [("http://www.w3.org/2001/04/xmlenc#aes128-cbc", True), ("http://www.idpf.org/2008/embedding", False)],
)
def test_a_book_under_copy_protection_is_refused(tmp_path: Path, method: str, refused: bool) -> None:
    encryption = f'<e><EncryptedData><EncryptionMethod Algorithm="{method}"/></EncryptedData></e>'
    path = write_zip(tmp_path / "file", members(**{"META-INF/encryption.xml": encryption}))
    if refused:
        with pytest.raises(Permanent) as caught:
            read(path)
        assert caught.value.reason == "ENCRYPTED_FILE"
    else:
        assert read(path).title == "The Book"


@pytest.mark.parametrize(
    "broken",
    [
        {"META-INF/container.xml": "<container/>"},
        {"OPS/book.opf": "<package/>"},
        {"OPS/book.opf": "<package>"},
        {"OPS/book.opf": '<!DOCTYPE p [<!ENTITY a "b">]><package/>'},
        {"META-INF/container.xml": CONTAINER.replace("OPS/book.opf", "../../etc/passwd")},
    ],
)
def test_a_book_without_chapters_is_damaged(tmp_path: Path, broken: dict[str, str]) -> None:
    with pytest.raises(Permanent) as caught:
        read(write_zip(tmp_path / "file", members(**broken)))
    assert caught.value.reason == "CORRUPT_FILE"


def test_limits_hold(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "file", members())
    for limits, reason in [
        (ExtractionLimits(pages=2), "TOO_MANY_PAGES"),
        (ExtractionLimits(characters=20), "TOO_MUCH_TEXT"),
        (ExtractionLimits(markup_bytes=20), "TOO_MUCH_TEXT"),
    ]:
        with pytest.raises(Permanent) as caught:
            read(path, limits)
        assert caught.value.reason == reason
