"""Scans through the child process, within the limits that it has in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.adapters.forked_extraction.extractor import READER, READER_OF_SCANS, ForkedExtractor
from common.extraction import ExtractionLimits
from common.extraction.pages import PageRange, encoded
from common.model.chunks import Extraction
from common.ports import TextExtractor
from tests.scans import mixed, scanned

LIMITS = ExtractionLimits()
MEMORY = 1536 * 1024 * 1024  # what a document may take by default
TOWER = "The tower is 43 metres tall from its base to the gallery."
LAMP = "The lens of the lamp is cleaned with rainwater every Monday."
FOGHORN = "The foghorn is sounded when the keeper cannot see the church."
UNREAD = "Page {} is an image of which no text was read."
NO_LETTERS = " "


@pytest.fixture(scope="module")
def extractor() -> TextExtractor:
    return ForkedExtractor(memory_bytes=MEMORY, seconds=300.0, reader=READER_OF_SCANS)


def read(extractor: TextExtractor, path: Path, content: bytes) -> Extraction:
    path.write_bytes(content)
    extraction = extractor.read(path, LIMITS)
    assert isinstance(extraction, Extraction)
    return extraction


def pages(extraction: Extraction) -> list[str]:
    ends = [*extraction.page_starts[1:], len(extraction.text)]
    return [extraction.text[start:end].strip() for start, end in zip(extraction.page_starts, ends, strict=True)]


def test_scanned_pages_are_read_beside_pages_of_text(extractor: TextExtractor, tmp_path: Path) -> None:
    content = mixed([(TOWER, False), (LAMP, True), ("", False), (NO_LETTERS, True), (FOGHORN, True)])
    extraction = read(extractor, tmp_path / "object", content)
    assert pages(extraction) == [TOWER, LAMP, "", "", FOGHORN]
    assert extraction.warnings == (UNREAD.format(4),)


def test_they_are_read_in_steps_like_others(extractor: TextExtractor, tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(mixed([(LAMP, True), (NO_LETTERS, True)]))
    stored: list[Path] = []
    for start in range(2):
        step = extractor.read(path, LIMITS, start=start, seconds=0.0)
        assert isinstance(step, PageRange)
        assert (step.start, step.end, step.total) == (start, start + 1, 2)
        stored.append(tmp_path / str(start))
        stored[-1].write_bytes(encoded(step))
    extraction = extractor.assemble(stored, LIMITS)
    assert pages(extraction) == [LAMP, ""]
    assert extraction.warnings == (UNREAD.format(2),)


def test_off_nothing_is_read_and_the_pages_are_named(tmp_path: Path) -> None:
    off = ForkedExtractor(memory_bytes=MEMORY, seconds=60.0, reader=READER)
    extraction = read(off, tmp_path / "object", mixed([(TOWER, False), (LAMP, True)]))
    assert pages(extraction) == [TOWER, ""]
    assert extraction.warnings == (UNREAD.format(2),)


@pytest.mark.full
def test_500_scanned_pages_are_read_within_the_memory_of_one_document(tmp_path: Path) -> None:
    extractor = ForkedExtractor(memory_bytes=MEMORY, seconds=3600.0, reader=READER_OF_SCANS)
    texts = [f"Sheet {number} of the log\n" + "\n".join([TOWER, LAMP][: number % 3]) for number in range(500)]
    extraction = read(extractor, tmp_path / "object", scanned(*texts))
    assert extraction.warnings == ()
    assert [page.splitlines()[0].split(" of")[0] for page in pages(extraction)] == [f"Sheet {n}" for n in range(500)]
