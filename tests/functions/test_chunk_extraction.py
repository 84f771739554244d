"""`chunk` and documents that harm their reader, or take long: a parser's fault costs one job, at its first attempt."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from common import split_store
from common.adapters.forked_extraction.extractor import ForkedExtractor
from common.bootstrap import Application
from common.extraction import ExtractionLimits, extract
from common.ports import TextExtractor
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK, pdf
from tests.functions.topics import Published
from tests.integration import harmful_parsers

PAGES = [f"Page {number} of the logbook.\nNothing of note was seen on watch {number}." for number in range(1, 8)]


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture
def name() -> str:
    return f"acme/docs/{uuid4()}"


def chunk_with(installation: Installation, extractor: TextExtractor, **settings: str) -> FlaskClient:
    """The function, reading by this extractor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Application, "extractor", extractor)
        return installation.create("chunk", **settings)["chunk"]


@pytest.fixture(scope="module")
def harmed(installation: Installation) -> FlaskClient:
    reader = harmful_parsers.__name__
    return chunk_with(
        installation, ForkedExtractor(memory_bytes=harmful_parsers.MEMORY_BYTES, seconds=60.0, reader=reader)
    )


def kept(installation: Installation, job: object) -> list[str]:
    """The objects that are kept of the job's extraction, without the folder."""
    folder = split_store.folder(UUID(str(job)))
    found = installation.storage.list_blobs(installation.extraction_bucket, prefix=folder)
    return sorted(blob.name.removeprefix(folder) for blob in found)


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("crash", "EXTRACTION_CRASHED"),
        ("find_no_memory", "EXTRACTION_MEMORY"),
        ("nest", "NESTED_TOO_DEEPLY"),
        ("raise", "CORRUPT_FILE"),
    ],
)
def test_what_a_document_does_to_its_parser_costs_its_job_at_the_first_attempt(
    installation: Installation, harmed: FlaskClient, name: str, does: str, reason: str
) -> None:
    registered = installation.register(name, does)
    assert harmed.post("/", json=registered.body).status_code == 204
    assert installation.topics.take() == []
    job = installation.job(registered.content["job_id"])
    assert (job["status"], job["stage"], job["reason"], job["retryable"]) == ("failed", "chunk", reason, False)
    assert (job["attempts"], job["lease_token"]) == (0, None)
    assert harmful_parsers.SECRET not in str(job["error_message"])


def test_a_document_that_never_ends_costs_its_job(installation: Installation, name: str) -> None:
    reader = harmful_parsers.__name__
    hasty = ForkedExtractor(memory_bytes=harmful_parsers.MEMORY_BYTES, seconds=0.2, reader=reader)
    registered = installation.register(name, "hang")
    assert chunk_with(installation, hasty).post("/", json=registered.body).status_code == 204
    assert installation.job(registered.content["job_id"])["reason"] == "EXTRACTION_TIMEOUT"


def test_what_ended_by_no_fault_of_the_document_is_tried_again(
    installation: Installation, harmed: FlaskClient, name: str
) -> None:
    registered = installation.register(name, "kill_server")
    assert harmed.post("/", json=registered.body).status_code == 503
    job = installation.job(registered.content["job_id"])
    assert (job["status"], job["attempts"], job["lease_token"]) == ("running", 1, None)
    assert [each.subscription for each in installation.accept("chunk", registered.body)] == ["embed"]


def test_the_instance_serves_another_document_while_one_does_not_end(
    installation: Installation, harmed: FlaskClient, name: str, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    slow, other = installation.register(f"{name}-slow", f"await {pipe}"), installation.register(name, HANDBOOK)
    with ThreadPoolExecutor(1) as others:
        reading = others.submit(harmed.application.test_client().post, "/", json=slow.body)
        assert harmed.post("/", json=other.body).status_code == 204
        assert not reading.done()
        pipe.write_text("Go on.")
        assert reading.result().status_code == 204
    assert len(installation.topics.take()) == 4


@pytest.fixture
def paged(installation: Installation) -> FlaskClient:
    return installation.create("chunk", extraction_step_seconds="1e-9", defer_seconds="1e-9")["chunk"]


def continued(installation: Installation, chunk: FlaskClient, body: Mapping[str, Any]) -> Iterator[list[Published]]:
    """Push the message, and whatever it is continued by, to its end; gives what each push published."""
    while True:
        assert chunk.post("/", json=body).status_code == 204
        published = installation.topics.take()
        yield published
        if [each.subscription for each in published] != ["chunk"]:
            return
        body = published[0].body


def test_a_long_document_is_read_page_by_page_and_is_the_same(
    installation: Installation, paged: FlaskClient, name: str, tmp_path: Path
) -> None:
    content = pdf(*PAGES)
    registered = installation.register(name, content)
    job = registered.content["job_id"]
    *steps, last = continued(installation, paged, registered.body)
    assert len(steps) == len(PAGES)
    for step in steps:
        assert step[0].content == registered.content
        assert step[0].attributes["deferrals"] == "0"
    row = installation.job(job)
    assert (row["status"], row["stage"], row["attempts"]) == ("running", "embed", 0)
    assert (row["pages"], row["pages_read"]) == (7, 7)
    path = tmp_path / "whole"
    path.write_bytes(content)
    split = split_store.read(installation.applications[0].objects, installation.extraction_bucket, UUID(job))
    assert split is not None
    assert split.extraction == extract(path, limits=ExtractionLimits())
    assert {each.subscription for each in last} == {"embed"}


def test_how_far_reading_has_come_is_known(installation: Installation, paged: FlaskClient, name: str) -> None:
    registered = installation.register(name, pdf(*PAGES))
    job = registered.content["job_id"]
    caller = installation.caller("acme")
    for read, _ in zip((1, 2, 3), continued(installation, paged, registered.body), strict=False):
        shown = caller("GET", f"/v1/jobs/{job}").get_json()
        assert (shown["status"], shown["stage"], shown["pages_read"], shown["pages"]) == ("running", "chunk", read, 7)
        assert installation.job(job)["lease_token"] is None


def test_a_duplicate_goes_on_where_the_others_are(installation: Installation, paged: FlaskClient, name: str) -> None:
    registered = installation.register(name, pdf(*PAGES))
    job = registered.content["job_id"]
    pushes = 0
    while installation.job(job)["total_chunks"] is None:
        assert paged.post("/", json=registered.body).status_code == 204
        installation.topics.take()
        pushes += 1
    assert pushes == len(PAGES) + 1
    assert len(kept(installation, job)) == len(PAGES) + 1


def test_pages_that_were_stored_before_a_crash_are_not_lost(
    installation: Installation, paged: FlaskClient, name: str
) -> None:
    """It may have ended between the pages and their row: then they are read again, and are the same."""
    registered = installation.register(name, pdf(*PAGES))
    job = registered.content["job_id"]
    assert paged.post("/", json=registered.body).status_code == 204
    before = kept(installation, job)
    assert len(before) == 1
    installation.rows("update ingestion_jobs set pages_read = 0, pages = null where id = :job", job=job)
    [again] = installation.topics.take()
    assert paged.post("/", json=again.body).status_code == 204
    assert kept(installation, job) == before
    assert installation.job(job)["pages_read"] == 1


def test_other_code_puts_together_what_is_stored(installation: Installation, paged: FlaskClient, name: str) -> None:
    registered = installation.register(name, pdf(*PAGES))
    assert paged.post("/", json=registered.body).status_code == 204
    [again] = installation.topics.take()
    rest, last = continued(installation, installation.functions["chunk"], again.body)
    assert [each.content for each in rest] == [registered.content]
    assert {each.subscription for each in last} == {"embed"}
    assert installation.job(registered.content["job_id"])["pages_read"] == len(PAGES)


def test_pages_go_with_their_document(installation: Installation, paged: FlaskClient, name: str) -> None:
    registered = installation.register(name, pdf(*PAGES))
    job = registered.content["job_id"]
    for _ in continued(installation, paged, registered.body):
        pass
    assert len(kept(installation, job)) == len(PAGES) + 1
    installation.caller("acme")("DELETE", f"/v1/documents/{registered.content['document_id']}")
    retire = installation.create("retire", purge_grace_seconds="30.001", question_seconds="30")["retire"]
    installation.rows("update ingestion_jobs set retired_at = now() - interval '1 hour' where id = :job", job=job)
    for published in installation.topics.take():
        if published.subscription == "retire-document":
            assert retire.post("/", json=published.body).status_code == 204
    assert kept(installation, job) == []


def test_a_document_without_pages_is_read_in_one_step(
    installation: Installation, paged: FlaskClient, name: str
) -> None:
    registered = installation.register(name, HANDBOOK)
    assert paged.post("/", json=registered.body).status_code == 204
    assert [each.subscription for each in installation.topics.take()] == ["embed"] * 3
    assert len(kept(installation, registered.content["job_id"])) == 1
