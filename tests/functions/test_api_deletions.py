"""Receipts: what a deletion removed where, told once it is seen to be gone."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from common.model.documents import deletion_id
from tests.functions.caller import Caller
from tests.functions.events import event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK

QUESTION = "How tall is the tower?"
COUNTS = ("jobs", "chunks", "vectors", "chunk_texts", "extractions", "failed_messages", "tombstones")


@pytest.fixture(scope="module")
def acme(installation: Installation) -> Caller:
    installation.project("acme", "docs")
    return installation.caller("acme")


@pytest.fixture
def live(installation: Installation, acme: Caller) -> dict[str, Any]:
    """The registration of a document that answers."""
    return installation.ingest(f"acme/docs/{uuid4()}.md", HANDBOOK).content


def purge(installation: Installation, content: dict[str, Any], *, after_grace: bool = True) -> None:
    if after_grace:
        installation.rows(
            "update ingestion_jobs set retired_at = retired_at - interval '1 hour' where document_id = :id",
            id=content["document_id"],
        )
    ids = {key: content[key] for key in ("team_id", "document_id")}
    installation.accept("retire", event("document-retired", ids, **ids))


def delete(installation: Installation, acme: Caller, content: dict[str, Any]) -> dict[str, Any]:
    """Delete the document over the API; returns its receipt."""
    answered = acme("DELETE", f"/v1/documents/{content['document_id']}")
    assert answered.json is not None
    installation.topics.take()
    return dict(answered.json["deletion"])


def receipt(acme: Caller, content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = acme.get(
        f"/v1/deletions/{deletion_id(UUID(content['document_id']), content['generation'])}"
    )
    return found


def counts(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(found[name] for name in COUNTS)


def test_a_deletion_is_answered_by_its_pending_receipt(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    pending = delete(installation, acme, live)
    assert pending.pop("created_at")
    assert pending == {
        "id": str(deletion_id(UUID(live["document_id"]), live["generation"])),
        "project_id": live["project_id"],
        "document_id": live["document_id"],
        "title": live["object_name"].rpartition("/")[2],
        "gcs_uri": f"gs://{installation.bucket}/{live['object_name']}",
        "generation": live["generation"],
        "cause": "api",
        "status": "pending",
        "object": "deleted",
        "completed_at": None,
        **dict.fromkeys(COUNTS, 0),
    }
    purge(installation, live, after_grace=False)
    assert receipt(acme, live)["status"] == "pending"


def test_a_receipt_is_complete_once_all_is_gone_and_says_what_that_was(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    answer = acme.ask("docs", QUESTION, filter={"document_ids": [live["document_id"]]})
    cited = len({each["chunk_id"] for each in answer["citations"]})
    ids = {key: live[key] for key in ("team_id", "document_id", "job_id")}
    installation.accept("dead_letter", event("dead-letter", live, **ids))
    acme("POST", f"/v1/documents/{live['document_id']}:reprocess")
    installation.topics.take()
    delete(installation, acme, live)
    purge(installation, live)
    found = receipt(acme, live)
    assert found["status"] == "complete"
    assert found["completed_at"] > found["created_at"]
    assert counts(found) == (2, 5 - cited, 5, 5, 1, 1, cited)
    listed = acme.get("/v1/projects/docs/deletions", page_size=1)["deletions"]
    assert listed == [found]


def test_what_an_object_s_deletion_removed_is_told_too(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    installation.storage.bucket(installation.bucket).blob(live["object_name"]).delete()
    push = installation.deleted(live["object_name"], live["generation"])
    installation.accept("retire", push)
    purge(installation, live)
    before = receipt(acme, live)
    assert (before["cause"], before["status"], before["object"]) == ("object", "complete", "deleted")
    assert counts(before) == (1, 5, 5, 5, 1, 0, 0)
    installation.accept("retire", push)
    purge(installation, live)
    assert receipt(acme, live) == before


def test_a_deletion_is_not_complete_while_its_object_stands(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    delete(installation, acme, live)
    installation.rows(
        "update deletions set generation = :generation where document_id = :id",
        id=live["document_id"],
        generation=installation.upload(live["object_name"], HANDBOOK),
    )
    purge(installation, live)
    statement = "select completed_at from deletions where document_id = :id"
    assert installation.row(statement, id=live["document_id"])["completed_at"] is None
    installation.storage.bucket(installation.bucket).blob(live["object_name"]).delete()
    purge(installation, live)
    assert installation.row(statement, id=live["document_id"])["completed_at"] is not None


def test_a_document_that_comes_again_changes_no_receipt(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    delete(installation, acme, live)
    again = installation.ingest(live["object_name"], HANDBOOK).content
    purge(installation, live)
    assert counts(receipt(acme, live)) == (1, 5, 5, 5, 1, 0, 0)
    assert acme.get(f"/v1/documents/{again['document_id']}")["status"] == "ready"
    assert installation.ids(again["job_id"])[1] != []


def test_a_key_of_another_project_finds_no_receipt(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    installation.project("acme", "other")
    path = f"/v1/deletions/{delete(installation, acme, live)['id']}"
    assert installation.caller("acme", project="docs").get(path)["id"] == path.rpartition("/")[2]
    assert installation.caller("acme", project="other")("GET", path).status_code == 404
    assert acme("GET", f"/v1/deletions/{uuid4()}").status_code == 404
