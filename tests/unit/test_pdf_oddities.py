"""PDF files as no program should write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.pdf import extract_pdf
from common.model.chunks import Extraction

EMPTY_PAGE = b"10 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>endobj\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.pdf"


def read(path: Path) -> Extraction:
    return extract_pdf(path, ExtractionLimits(), None)


def refusal(path: Path) -> str:
    with pytest.raises(Permanent) as caught:
        read(path)
    return caught.value.reason


def raw_pdf(
    outline: bytes, info: bytes = b"", kids: bytes = b"10 0 R", pages: int = 1, page: bytes = EMPTY_PAGE
) -> bytes:
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/Outlines 3 0 R>>endobj\n"
        + b"2 0 obj<</Type/Pages/Kids[%b]/Count %d>>endobj\n" % (kids, pages)
        + outline
        + EMPTY_PAGE
        + b"9 0 obj<<%b>>endobj\ntrailer<</Root 1 0 R/Info 9 0 R>>\n%%%%EOF" % info
    )


def entries(*parts: bytes) -> bytes:
    first = b"3 0 obj<</First 4 0 R/Last 4 0 R/Count 1>>endobj\n"
    return first + b"".join(b"%d 0 obj<<%b>>endobj\n" % (4 + place, part) for place, part in enumerate(parts))


@pytest.mark.parametrize(
    ("outline", "titles"),
    [
        (
            entries(
                b"/Title(One)/Next 5 0 R/First 5 0 R/Dest[10 0 R/Fit]",
                b"/Title(Two)/Next 4 0 R/First 4 0 R/Dest[10 0 R/Fit]",
            ),
            ["One", "Two"],
        ),
        (entries(b"/Title(Itself)/Next 4 0 R/First 4 0 R/Dest[10 0 R/Fit]"), ["Itself"]),
        (entries(b"/Title(Leads nowhere)/Dest[99 0 R/Fit]"), []),
        (entries(b"/Title<FEFFD80000410042>/Dest[10 0 R/Fit]"), []),
        (entries(b"/Title<FEFF0041000000420007>/Dest[10 0 R/Fit]"), ["A B"]),
        (entries(b"/Title()/Dest[10 0 R/Fit]"), []),
        (b"3 0 obj(no outline)endobj\n", []),
    ],
)
def test_odd_outlines_give_what_they_hold(path: Path, outline: bytes, titles: list[str]) -> None:
    path.write_bytes(raw_pdf(outline))
    assert [each.title for each in read(path).headings] == titles


@pytest.mark.parametrize("title", [b"<FEFFD800004100420043>", b"(\\000\\007)", b"12"])
def test_a_broken_title_is_none(path: Path, title: bytes) -> None:
    path.write_bytes(raw_pdf(entries(), b"/Title" + title))
    assert read(path).title is None


def test_an_unreadable_page_is_empty_and_warned_of(path: Path) -> None:
    path.write_bytes(raw_pdf(b"3 0 obj null endobj\n", kids=b"10 0 R 99 0 R", pages=2))
    extraction = read(path)
    assert extraction.page_starts == (0, 0)
    assert extraction.warnings == ("Page 2 could not be read and is empty.",)


def test_a_pdf_without_a_readable_page_is_corrupt(path: Path) -> None:
    path.write_bytes(raw_pdf(b"3 0 obj null endobj\n", kids=b"99 0 R"))
    assert refusal(path) == "CORRUPT_PDF"
    path.write_bytes(raw_pdf(b"3 0 obj null endobj\n", kids=b"", pages=0))
    assert refusal(path) == "CORRUPT_PDF"


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"%PDF-1.4\nrubbish\n%%EOF", b"%PDF-1.4" + b"\0" * 999])
def test_what_only_begins_like_a_pdf_is_corrupt(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refusal(path) == "CORRUPT_PDF"
