"""Pages of a PDF that are images, where their reader fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.pages import PageImage
from common.extraction.pdf import assemble_ranges, read_range
from common.model.chunks import Extraction
from tests.scans import mixed

LIMITS = ExtractionLimits()
TEXT = "The tower is 43 metres tall."


def read(path: Path, pages: list[tuple[str, bool]], error: Exception) -> Extraction:
    def failing(image: PageImage) -> list[str]:
        raise error

    path.write_bytes(mixed(pages))
    return assemble_ranges([read_range(path, LIMITS, 0, lambda: False, None, page_reader=failing)], LIMITS)


def test_it_costs_the_page_and_is_told(tmp_path: Path) -> None:
    extraction = read(tmp_path / "object", [(TEXT, False), ("a", True), ("b", True)], ValueError("what it says"))
    assert extraction.text.strip() == TEXT
    assert extraction.warnings == (
        "Page 2 is an image of which no text was read.",
        "Page 3 is an image of which no text was read.",
        "OCR failed at pages that are images (ValueError): what they show is missing.",
    )


def test_a_document_of_nothing_else_says_what_failed(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="ValueError") as refused:
        read(tmp_path / "object", [("a", True)], ValueError("what it says"))
    assert refused.value.reason == "OCR_FAILED"


def test_want_of_memory_costs_the_document(tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        read(tmp_path / "object", [(TEXT, False), ("a", True)], MemoryError())
