"""`chunk` and scans: read by OCR, or not, as its settings say."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from common import split_store
from tests.functions.installation import Installation
from tests.scans import mixed, scanned

TOWER = "The tower is 43 metres tall from its base to the gallery."
LAMP = "The lens of the lamp is cleaned with rainwater every Monday."


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


def chunked(installation: Installation, content: bytes, **settings: str) -> tuple[Any, dict[str, Any]]:
    """The document's split and its job, after `chunk`."""
    registered = installation.register(f"acme/docs/{uuid4()}", content)
    chunk = installation.create("chunk", **settings)["chunk"]
    assert chunk.post("/", json=registered.body).status_code == 204
    job = UUID(str(registered.content["job_id"]))
    objects = installation.applications[-1].objects
    return split_store.read(objects, installation.extraction_bucket, job), installation.job(job)


def test_a_scan_is_read(installation: Installation) -> None:
    split, job = chunked(installation, mixed([(TOWER, False), (LAMP, True)]))
    assert split.extraction.text.split("\n") == [TOWER, LAMP]
    assert (job["warnings"], job["pages"]) == ([], 2)


def test_off_a_scan_is_warned_of(installation: Installation) -> None:
    split, job = chunked(installation, mixed([(TOWER, False), (LAMP, True)]), ocr="off")
    assert split.extraction.text.strip() == TOWER
    assert job["warnings"] == ["Page 2 is an image of which no text was read."]


@pytest.mark.parametrize(("page", "ocr"), [("", "local"), (LAMP, "off")], ids=["local", "off"])
def test_a_document_without_a_page_of_text_has_no_text(installation: Installation, page: str, ocr: str) -> None:
    split, job = chunked(installation, scanned(page), ocr=ocr)
    assert split is None
    assert (job["status"], job["stage"], job["reason"]) == ("failed", "chunk", "NO_TEXT")
