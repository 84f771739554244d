"""`TextExtractor`: in a child process, and in the caller's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.adapters.forked_extraction.extractor import ForkedExtractor
from common.errors import Permanent
from common.extraction import ExtractionLimits, extract, reading
from common.extraction.pages import PageRange, encoded
from common.ports import TextExtractor
from tests.functions.texts import HANDBOOK, pdf

LIMITS = ExtractionLimits(characters=10_000, pages=50)


@pytest.fixture(params=["forked", "here"], scope="module")
def extractor(request: pytest.FixtureRequest) -> TextExtractor:
    return ForkedExtractor(memory_bytes=1 << 30, seconds=60.0) if request.param == "forked" else reading


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "object"


@pytest.mark.parametrize(
    "content",
    [
        HANDBOOK.encode(),
        pdf("The first.", "", "The third."),
        "<html><body><h1>Größe</h1><p>Ελληνικά 🎈".encode(),
        b" \n",
    ],
)
def test_it_reads_what_the_parser_reads(extractor: TextExtractor, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert extractor.read(path, LIMITS) == extract(path, limits=LIMITS)


def test_a_long_text_comes_whole(extractor: TextExtractor, path: Path) -> None:
    text = "Ein Satz, in dem nicht nur ASCII steht: größer. " * 200_000
    path.write_text(text)
    assert extractor.read(path, ExtractionLimits()) == extract(path, limits=ExtractionLimits())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "EMPTY_FILE"),
        (b"\x89PNG\r\n\x1a\n", "UNSUPPORTED_TYPE"),
        (b"%PDF-1.7\nthis is no PDF", "CORRUPT_PDF"),
        (b"word " * 2_001, "TOO_MUCH_TEXT"),
        (pdf(*["page"] * 51), "TOO_MANY_PAGES"),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_same_words(
    extractor: TextExtractor, path: Path, content: bytes, reason: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(Permanent) as expected:
        extract(path, limits=LIMITS)
    with pytest.raises(Permanent) as refused:
        extractor.read(path, LIMITS)
    assert (refused.value.reason, refused.value.message) == (reason, expected.value.message)


def test_pages_are_told_as_they_are_read(extractor: TextExtractor, path: Path) -> None:
    path.write_bytes(pdf(*(f"Page {number}." for number in range(1, 41))))
    told: list[tuple[int, int]] = []
    extractor.read(path, LIMITS, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (40, 40)
    assert [total for _, total in told] == [40] * len(told)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert len(told) > 1


def test_a_document_is_read_a_few_pages_at_a_time_and_put_together(
    extractor: TextExtractor, path: Path, tmp_path: Path
) -> None:
    path.write_bytes(pdf(*(f"Page {number} of the document.\nIt has a text." for number in range(1, 6))))
    ranges: list[Path] = []
    start = 0
    while start < 5:
        read = extractor.read(path, LIMITS, start=start, seconds=0.0)
        assert isinstance(read, PageRange)
        assert (read.start, read.end, read.total) == (start, start + 1, 5)
        start = read.end
        ranges.append(tmp_path / str(start))
        ranges[-1].write_bytes(encoded(read))
    assert extractor.assemble(ranges, LIMITS) == extract(path, limits=LIMITS)


def test_what_has_no_pages_is_read_as_a_whole_however_little_time_there_is(
    extractor: TextExtractor, path: Path
) -> None:
    path.write_text(HANDBOOK)
    assert extractor.read(path, LIMITS, seconds=0.0) == extract(path, limits=LIMITS)


def test_a_document_whose_ranges_are_too_long_together_is_refused(extractor: TextExtractor, tmp_path: Path) -> None:
    ranges = [
        PageRange(mime_type="application/pdf", start=start, total=3, pages=([f"word{start} " * 800],))
        for start in range(3)
    ]
    paths = [tmp_path / str(each.start) for each in ranges]
    for path, each in zip(paths, ranges, strict=True):
        path.write_bytes(encoded(each))
    with pytest.raises(Permanent) as refused:
        extractor.assemble(paths, LIMITS)
    assert refused.value.reason == "TOO_MUCH_TEXT"
