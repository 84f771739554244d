"""A run of `reconcile`: what it does without one of its parts, commands that it finishes, and what it forgets."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import pytest

from tests.functions.caller import Caller
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK

ROWS = "select count(*) as rows from {table}"


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture(scope="module")
def caller(installation: Installation) -> Caller:
    return installation.caller("acme")


@pytest.fixture(autouse=True)
def settled(installation: Installation) -> None:
    """Nothing of another test is left to be found."""
    grace_is_over(installation)
    while any(reconcile(installation)[name] for name in ("purges", "receipts")):
        installation.run()


@pytest.fixture
def ready(installation: Installation) -> dict[str, Any]:
    """A document that answers."""
    content = installation.ingest(f"acme/docs/{uuid4()}.md", HANDBOOK).content
    return installation.document(content["document_id"])


def reconcile(installation: Installation) -> dict[str, Any]:
    answered = installation.functions["reconcile"].post("/")
    assert answered.status_code == 200, answered.text
    assert answered.json is not None
    return dict(answered.json)


def stand_still(installation: Installation) -> None:
    installation.rows("update ingestion_jobs set updated_at = now() - interval '1 hour' where status = 'queued'")


def grace_is_over(installation: Installation) -> None:
    installation.rows("update ingestion_jobs set retired_at = now() - interval '1 hour' where retired_at is not null")


def rows(installation: Installation, table: str) -> int:
    return int(installation.row(ROWS.format(table=table))["rows"])


def test_a_run_that_cannot_reach_the_bucket_does_all_else_and_says_so(installation: Installation) -> None:
    registered = installation.register(f"acme/docs/{uuid4()}.md", HANDBOOK)
    stand_still(installation)
    without = installation.create("reconcile", upload_bucket="no-such-bucket")["reconcile"]
    answered = without.post("/")
    assert answered.status_code == 503
    assert answered.json is not None
    assert (answered.json["jobs"], answered.json["exhausted"]) == (1, False)
    assert answered.json["left_over"] == ["bucket"]
    [failure] = answered.json["failed"]
    assert failure == {"step": "bucket", "reason": "CONFIGURATION", "message": answered.json["message"]}
    assert "There is no bucket no-such-bucket" in answered.json["message"]
    [published] = installation.topics.take()
    assert published.content == registered.content
    installation.deliver("chunk", published.body)
    installation.run()


def test_a_run_with_nothing_to_do_is_no_news(installation: Installation, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        done = reconcile(installation)
    assert (done["exhausted"], done["left_over"], done["failed"], done["cursor"]) == (True, [], [], "")
    assert [record for record in caplog.records if record.name.startswith("functions.reconcile")] == []


def test_what_a_run_did_is_an_event_with_its_numbers(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    installation.upload(f"acme/docs/{uuid4()}.txt", "A text.")
    with caplog.at_level(logging.INFO):
        done = reconcile(installation)
    [record] = [each for each in caplog.records if each.__dict__.get("event") == "reconciled"]
    said = {name: value for name, value in done.items() if isinstance(value, int | float) and name != "exhausted"}
    assert said["objects"] == 1
    assert {name: record.__dict__[name] for name in said} == said
    installation.run()


def test_a_reprocess_that_committed_and_was_not_published_is_finished(
    installation: Installation, caller: Caller, ready: dict[str, Any]
) -> None:
    answered = caller("POST", f"/v1/documents/{ready['id']}:reprocess")
    assert answered.status_code == 202, answered.text
    assert [lost.subscription for lost in installation.topics.take()] == ["chunk"]
    assert reconcile(installation)["jobs"] == 0
    stand_still(installation)
    assert reconcile(installation)["jobs"] == 1
    installation.run()
    document = installation.document(ready["id"])
    assert document["status"] == "ready"
    assert document["active_job_id"] != ready["active_job_id"]


def test_a_deletion_that_committed_and_was_not_published_is_finished(
    installation: Installation, caller: Caller, ready: dict[str, Any]
) -> None:
    assert caller("DELETE", f"/v1/documents/{ready['id']}").status_code == 202
    assert [lost.subscription for lost in installation.topics.take()] == ["retire-document"]
    grace_is_over(installation)
    assert reconcile(installation)["purges"] == 1
    installation.run()
    assert installation.ids(ready["active_job_id"]) == ([], [], [])
    [receipt] = installation.rows("select completed_at from deletions where document_id = :id", id=ready["id"])
    assert receipt["completed_at"] is not None


def test_a_deletion_of_which_all_is_purged_but_the_receipt_is_finished(
    installation: Installation, caller: Caller, ready: dict[str, Any]
) -> None:
    assert caller("DELETE", f"/v1/documents/{ready['id']}").status_code == 202
    grace_is_over(installation)
    installation.run()
    installation.rows("update deletions set completed_at = null where document_id = :id", id=ready["id"])
    assert reconcile(installation)["receipts"] == 1
    installation.run()
    [receipt] = installation.rows("select completed_at from deletions where document_id = :id", id=ready["id"])
    assert receipt["completed_at"] is not None
    assert reconcile(installation)["receipts"] == 0


def test_old_questions_and_the_tombstones_that_only_they_cited_are_forgotten(
    installation: Installation, caller: Caller
) -> None:
    installation.project("acme", "asked")
    content = installation.ingest(f"acme/asked/{uuid4()}.md", HANDBOOK).content
    answer = caller.ask("asked", "How tall is the tower?")
    created = {"title": "a", "text": "b"}
    caller("POST", "/v1/projects/asked/documents", json=created, headers={"Idempotency-Key": "old"})
    installation.run()
    assert caller("DELETE", f"/v1/documents/{content['document_id']}").status_code == 202
    grace_is_over(installation)
    installation.run()
    tombstones = {str(each) for each in installation.ids(content["job_id"])[0]}
    assert tombstones == {each["chunk_id"] for each in answer["citations"]} != set()
    assert reconcile(installation)["forgotten"] == 0
    installation.rows("update query_logs set created_at = now() - interval '401 days'")
    installation.rows("update idempotency_keys set created_at = now() - interval '25 hours'")
    keeping = installation.create("reconcile", query_log_seconds="0")["reconcile"].post("/")
    assert keeping.json is not None
    assert (keeping.json["forgotten"], rows(installation, "idempotency_keys")) == (1, 0)
    assert reconcile(installation)["forgotten"] == 1
    assert (rows(installation, "query_logs"), rows(installation, "query_citations")) == (0, 0)
    assert installation.ids(content["job_id"])[0] == []
