"""A new generation of the same bytes: recognised, and not made again; what else differs is made."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from common.split_store import object_name
from tests.functions.caller import Caller
from tests.functions.events import event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK

OTHER = HANDBOOK.replace("43", "44")


@pytest.fixture(scope="module")
def acme(installation: Installation) -> Caller:
    installation.project("acme", "docs")
    return installation.caller("acme")


@pytest.fixture
def name(acme: Caller) -> str:
    return f"acme/docs/{uuid4()}.md"


@pytest.fixture
def live(installation: Installation, name: str) -> dict[str, Any]:
    """The registration of a document that answers."""
    return installation.ingest(name, HANDBOOK).content


def has_split(installation: Installation, content: dict[str, Any]) -> bool:
    bucket = installation.storage.bucket(installation.extraction_bucket)
    return bucket.get_blob(object_name(UUID(content["job_id"]))) is not None


def outcome(installation: Installation, content: dict[str, Any]) -> tuple[object, ...]:
    job = installation.job(content["job_id"])
    return job["status"], job["stage"], job["reason"]


UNCHANGED = ("succeeded", "live", "UNCHANGED")
LIVE = ("succeeded", "live", None)


def test_the_same_bytes_are_recognised_and_nothing_is_made_of_them(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    before = installation.ids(live["job_id"]), installation.job(live["job_id"])
    new = installation.register(live["object_name"], HANDBOOK)
    assert installation.accept("chunk", new.body) == []
    assert outcome(installation, new.content) == UNCHANGED
    job = installation.job(new.content["job_id"])
    assert (job["total_chunks"], job["chunks_created"], job["pages"]) == (0, 0, 1)
    assert (job["error_message"], job["retryable"], job["lease_token"]) == (None, None, None)
    assert job["sha256"] == before[1]["sha256"]
    assert (installation.ids(live["job_id"]), installation.job(live["job_id"])) == before
    assert installation.ids(new.content["job_id"]) == ([], [], [])
    assert not has_split(installation, new.content)
    document = acme.get(f"/v1/documents/{live['document_id']}")
    assert (document["status"], document["generation"]) == ("ready", new.content["generation"])
    assert document["job_id"] == document["active_job_id"] == live["job_id"]
    assert (document["pages"], document["chunks"], document["failure"]) == (1, 5, None)
    told = acme.get(f"/v1/jobs/{new.content['job_id']}")
    assert (told["status"], told["reason"], told["progress"]) == ("succeeded", "UNCHANGED", 1.0)


def test_once_or_often_the_end_is_the_same(installation: Installation, live: dict[str, Any]) -> None:
    new = installation.ingest(live["object_name"], HANDBOOK)
    before = installation.document(live["document_id"]), installation.job(new.content["job_id"])
    push = installation.finalized(live["object_name"], new.content["generation"])
    assert installation.accept("chunk", new.body) == []
    assert installation.accept("intake", push) == []
    assert (installation.document(live["document_id"]), installation.job(new.content["job_id"])) == before


def test_the_bytes_of_the_last_unchanged_generation_are_recognised_again(
    installation: Installation, live: dict[str, Any]
) -> None:
    for _ in range(2):
        new = installation.ingest(live["object_name"], HANDBOOK).content
        assert outcome(installation, new) == UNCHANGED
    assert installation.document(live["document_id"])["active_job_id"] == UUID(live["job_id"])


def test_other_bytes_are_made_and_then_these_again(installation: Installation, live: dict[str, Any]) -> None:
    assert outcome(installation, installation.ingest(live["object_name"], HANDBOOK).content) == UNCHANGED
    for content in (OTHER, HANDBOOK):
        new = installation.ingest(live["object_name"], content).content
        assert outcome(installation, new) == LIVE
        assert installation.document(live["document_id"])["active_job_id"] == UUID(new["job_id"])


def test_the_same_bytes_behind_a_failed_generation_are_ready_at_once(
    installation: Installation, live: dict[str, Any]
) -> None:
    installation.ingest(live["object_name"], b"%PDF-1.7\nbroken")
    assert installation.document(live["document_id"])["status"] == "failed"
    assert outcome(installation, installation.ingest(live["object_name"], HANDBOOK).content) == UNCHANGED
    assert installation.document(live["document_id"])["status"] == "ready"


def test_the_bytes_of_a_generation_that_failed_are_tried_again(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    first = registered.content
    chunk = installation.create("chunk", max_document_characters="7")["chunk"]
    assert chunk.post("/", json=registered.body).status_code == 204
    assert installation.job(first["job_id"])["status"] == "failed"
    assert outcome(installation, installation.ingest(name, HANDBOOK).content) == LIVE


def test_the_bytes_of_a_generation_that_never_answered_are_made(installation: Installation, name: str) -> None:
    old = installation.register(name, HANDBOOK)
    installation.accept("chunk", old.body)
    new = installation.ingest(name, HANDBOOK).content
    assert outcome(installation, new) == LIVE
    assert installation.job(old.content["job_id"])["reason"] == "SUPERSEDED"


def test_a_reprocessing_makes_the_same_bytes_again(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    installation.ingest(live["object_name"], HANDBOOK)
    for _ in range(2):
        job = acme("POST", f"/v1/documents/{live['document_id']}:reprocess").json
        assert job is not None
        installation.run()
        assert installation.job(job["id"])["reason"] is None
        assert installation.document(live["document_id"])["active_job_id"] == UUID(job["id"])


def test_under_other_settings_the_same_bytes_are_made_again(installation: Installation, live: dict[str, Any]) -> None:
    generation = installation.upload(live["object_name"], HANDBOOK)
    intake = installation.create("intake", chunk_size="48")["intake"]
    assert intake.post("/", json=installation.finalized(live["object_name"], generation)).status_code == 204
    installation.run()
    document = installation.document(live["document_id"])
    assert (document["generation"], document["status"]) == (generation, "ready")
    assert document["active_job_id"] != UUID(live["job_id"])


def test_a_deletion_of_an_unchanged_generation_takes_out_what_answers(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    new = installation.ingest(live["object_name"], HANDBOOK).content
    installation.accept("retire", installation.deleted(live["object_name"], live["generation"]))
    assert installation.document(live["document_id"])["active_job_id"] == UUID(live["job_id"])
    installation.accept("retire", installation.deleted(live["object_name"], new["generation"]))
    assert installation.document(live["document_id"])["active_job_id"] is None
    assert installation.job(live["job_id"])["retired_at"] is not None
    assert acme("GET", f"/v1/documents/{live['document_id']}").status_code == 404


def test_a_document_deleted_while_its_bytes_were_compared_stays_deleted(
    installation: Installation, live: dict[str, Any]
) -> None:
    new = installation.register(live["object_name"], HANDBOOK)
    delete = (
        "if new.lease_token is not null then"
        " update documents set deleted_generation = generation, wanted_job_id = null, active_job_id = null"
        f" where id = '{live['document_id']}'; end if; return null;"
    )
    with installation.triggered("ingestion_jobs", "after update of lease_token", delete):
        assert installation.accept("chunk", new.body) == []
    assert outcome(installation, new.content) == ("failed", "chunk", "SUPERSEDED")
    assert installation.document(live["document_id"])["wanted_job_id"] is None


def test_whoever_lost_the_lease_ends_nothing(installation: Installation, live: dict[str, Any]) -> None:
    new = installation.register(live["object_name"], HANDBOOK)
    taken_over = "if new.lease_token is not null then new.lease_token := gen_random_uuid(); end if; return new;"
    with installation.triggered("ingestion_jobs", "before update of lease_token", taken_over):
        [again] = installation.accept("chunk", new.body)
    assert installation.job(new.content["job_id"])["status"] == "running"
    assert installation.document(live["document_id"])["wanted_job_id"] == UUID(new.content["job_id"])
    assert again.content == new.content


def test_what_a_late_run_leaves_of_an_unchanged_generation_is_purged(
    installation: Installation, live: dict[str, Any]
) -> None:
    new = installation.ingest(live["object_name"], HANDBOOK).content
    blob = installation.storage.bucket(installation.extraction_bucket).blob(object_name(UUID(new["job_id"])))
    blob.upload_from_string(b"late")
    installation.rows(
        "update ingestion_jobs set retired_at = retired_at - interval '1 hour' where id = :id", id=new["job_id"]
    )
    ids = {key: live[key] for key in ("team_id", "document_id")}
    installation.accept("retire", event("document-retired", ids, **ids))
    assert not has_split(installation, new)
    assert has_split(installation, live)
    assert len(installation.ids(live["job_id"])[1]) == 5
