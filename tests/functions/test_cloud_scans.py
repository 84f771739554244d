"""Scans on Google Cloud's parts: `chunk` has them read by Document AI where it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from common import split_store
from tests.conftest import TestDatabase
from tests.document_ai import PROCESSOR, DocumentAi, running_document_ai
from tests.functions.cloud import CloudInstallation, cloud_installed
from tests.functions.topics import Topics
from tests.scans import mixed

TOWER = "The tower is 43 metres tall from its base to the gallery."
LAMP = "The lens of the lamp is cleaned with rainwater every Monday."


@pytest.fixture(scope="module")
def service() -> Iterator[DocumentAi]:
    with running_document_ai() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def cloud(
    database: TestDatabase, function_topics: Topics, function_storage: str, service: DocumentAi
) -> Iterator[CloudInstallation]:
    with cloud_installed(database, function_topics, function_storage, "cloud-scans") as parts:
        parts.project("acme", "docs")
        settings = {"ocr": "document_ai", "document_ai_processor": PROCESSOR, "document_ai_endpoint": service.endpoint}
        parts.functions |= parts.create("chunk", **settings)
        yield parts


def test_a_scan_is_read_once_the_service_is_there_again(cloud: CloudInstallation, service: DocumentAi) -> None:
    registered = cloud.register("acme/docs/scan.pdf", mixed([(TOWER, False), (LAMP, True)]))
    service.failures += [(503, "The service is currently unavailable.")] * 100
    answered = cloud.deliver("chunk", registered.body)
    assert (answered.status_code, answered.text) == (503, "OCR_UNAVAILABLE")
    service.failures.clear()
    assert cloud.deliver("chunk", registered.body).status_code == 204
    job = UUID(str(registered.content["job_id"]))
    split = split_store.read(cloud.applications[-1].objects, cloud.extraction_bucket, job)
    assert split is not None
    assert split.extraction.text.split("\n") == [TOWER, LAMP]
    assert cloud.job(job)["warnings"] == []
