"""Scans read by Document AI: the child shows its pages to the instance, which alone reaches anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.adapters.forked_extraction.extractor import SCANS_BY_INSTANCE, ForkedExtractor
from common.errors import AiInfraError, ConfigurationError, Deferred, Retryable
from common.extraction import ExtractionLimits
from common.model.chunks import Extraction
from common.ports import PageReader
from local.ports import LOOPBACK, free_ports
from tests.document_ai import DocumentAi, page_reader, running_document_ai
from tests.scans import mixed

LIMITS = ExtractionLimits()
MEMORY = 1536 * 1024 * 1024
TOWER = "The tower is 43 metres tall from its base to the gallery."
LAMP = "The lens of the lamp is cleaned with rainwater every Monday."
FOGHORN = "The foghorn is sounded when the keeper cannot see the church."


@pytest.fixture(scope="module")
def running() -> Iterator[DocumentAi]:
    with running_document_ai() as stand_in:
        yield stand_in


@pytest.fixture
def service(running: DocumentAi) -> DocumentAi:
    running.failures.clear()
    running.asked = 0
    return running


@pytest.fixture(scope="module")
def content() -> bytes:
    return mixed([(TOWER, False), (LAMP, True), (FOGHORN, True)])


def read(reader: PageReader, path: Path, content: bytes) -> Extraction:
    path.write_bytes(content)
    extractor = ForkedExtractor(memory_bytes=MEMORY, seconds=300.0, reader=SCANS_BY_INSTANCE, page_reader=reader)
    extraction = extractor.read(path, LIMITS)
    assert isinstance(extraction, Extraction)
    return extraction


def test_pages_that_are_images_are_read_and_no_others_are_shown(
    service: DocumentAi, content: bytes, tmp_path: Path
) -> None:
    extraction = read(page_reader(service.endpoint), tmp_path / "object", content)
    assert extraction.text.split("\n") == [TOWER, LAMP, FOGHORN]
    assert (extraction.warnings, service.asked) == ((), 2)


def test_a_page_that_it_does_not_take_costs_that_page(service: DocumentAi, content: bytes, tmp_path: Path) -> None:
    service.failures.append((400, "Unable to read the image."))
    extraction = read(page_reader(service.endpoint), tmp_path / "object", content)
    assert extraction.text.split() == f"{TOWER} {FOGHORN}".split()
    unread, failed = extraction.warnings
    assert unread == "Page 2 is an image of which no text was read."
    assert "PageRefused" in failed


def test_what_passes_is_waited_for(service: DocumentAi, content: bytes, tmp_path: Path) -> None:
    service.failures += [(503, "Unavailable."), (500, "Internal."), (504, "Deadline exceeded.")]
    extraction = read(page_reader(service.endpoint), tmp_path / "object", content)
    assert extraction.text.split("\n") == [TOWER, LAMP, FOGHORN]
    assert service.asked == 5


@pytest.mark.parametrize(
    ("status", "kind"), [(503, Retryable), (429, Deferred), (403, ConfigurationError), (404, ConfigurationError)]
)
def test_what_is_not_the_documents_fault_does_not_fail_it(
    service: DocumentAi, content: bytes, tmp_path: Path, status: int, kind: type[AiInfraError]
) -> None:
    service.failures += [(status, "No.")] * 100
    with pytest.raises(kind) as raised:
        read(page_reader(service.endpoint), tmp_path / "object", content)
    assert raised.value.reason == {503: "OCR_UNAVAILABLE", 429: "QUOTA"}.get(status, "CONFIGURATION")
    assert ("AI_INFRA_DOCUMENT_AI_PROCESSOR" in raised.value.message) is (kind is ConfigurationError)


def test_a_processor_that_is_not_there_is_named(service: DocumentAi, content: bytes, tmp_path: Path) -> None:
    other = page_reader(service.endpoint, "projects/test-project/locations/eu/processors/other")
    with pytest.raises(ConfigurationError, match="processors/other"):
        read(other, tmp_path / "object", content)


def test_no_answer_is_tried_again_later(content: bytes, tmp_path: Path) -> None:
    (closed,) = free_ports(1)
    with pytest.raises(Retryable) as raised:
        read(page_reader(f"http://{LOOPBACK}:{closed}"), tmp_path / "object", content)
    assert raised.value.reason == "OCR_UNAVAILABLE"
