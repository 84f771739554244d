"""A project or team that is deleted in the middle of everything: its documents end, and leave nothing behind."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from common.split_store import object_name
from tests.functions.events import event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Published

STEPS = ("intake", "chunk", "embed", "record")


@pytest.fixture
def team(installation: Installation) -> str:
    """A team of the test's own, with the project `docs`."""
    name = f"team {uuid4()}"
    installation.project(name, "docs")
    return name


def close(installation: Installation, team: str, deleted: str) -> None:
    if deleted == "team":
        installation.administration.delete_team(team)
    else:
        installation.administration.delete_project(team, "docs")


def withdraw(installation: Installation) -> int:
    with installation.applications[0].database.transaction() as transaction:
        return len(transaction.deletions.withdraw(100))


def sent_until(installation: Installation, name: str, step: str) -> tuple[dict[str, Any], list[Published]]:
    """The document's registration, and every message up to the step, which is not done."""
    registered = installation.register(name, HANDBOOK)
    sent, waiting = [registered], [registered]
    for function in STEPS[1:]:
        if function == step:
            break
        waiting = [new for each in waiting for new in installation.accept(function, each.body)]
        sent += waiting
    return registered.content, sent


def purge(installation: Installation, content: dict[str, Any]) -> None:
    installation.rows(
        "update ingestion_jobs set retired_at = retired_at - interval '1 hour' where document_id = :id",
        id=content["document_id"],
    )
    ids = {key: content[key] for key in ("team_id", "document_id")}
    installation.accept("retire", event("document-retired", ids, **ids))


def is_gone(installation: Installation, content: dict[str, Any]) -> bool:
    blob = installation.storage.bucket(installation.extraction_bucket).get_blob(object_name(UUID(content["job_id"])))
    return blob is None and installation.ids(content["job_id"]) == ([], [], [])


def receipts(installation: Installation, content: dict[str, Any]) -> list[tuple[str, bool]]:
    rows = installation.rows("select * from deletions where document_id = :id", id=content["document_id"])
    return [(row["cause"], row["completed_at"] is not None) for row in rows]


@pytest.mark.parametrize("late", ["before", "after"])
@pytest.mark.parametrize("step", ["chunk", "embed", "record", "live"])
def test_a_document_on_its_way_ends_there_and_leaves_nothing(
    installation: Installation, team: str, step: str, late: str
) -> None:
    """Messages that were under way are delivered before or after the project's documents are withdrawn."""
    content, sent = sent_until(installation, f"{team}/docs/a.md", step)
    close(installation, team, "project")
    if late == "after":
        assert withdraw(installation) == 1
    for message in sent:
        assert installation.accept(installation.topics.function_of(message), message.body) == []
    if late == "before":
        assert withdraw(installation) == 1
    assert receipts(installation, content) == [("project", False)]
    job, document = installation.job(content["job_id"]), installation.document(content["document_id"])
    assert (job["status"], job["reason"]) == (("succeeded", None) if step == "live" else ("failed", "SUPERSEDED"))
    assert (document["wanted_job_id"], document["active_job_id"]) == (None, None)
    purge(installation, content)
    assert is_gone(installation, content)
    assert receipts(installation, content) == [("project", True)]
    assert installation.storage.bucket(installation.bucket).get_blob(content["object_name"]) is not None


def test_a_team_s_documents_go_with_it(installation: Installation, team: str) -> None:
    content = installation.ingest(f"{team}/docs/a.md", HANDBOOK).content
    close(installation, team, "team")
    assert withdraw(installation) == 1
    purge(installation, content)
    assert is_gone(installation, content)
    assert receipts(installation, content) == [("team", True)]


def test_an_object_that_comes_when_its_project_is_deleted_is_not_taken_in_again(
    installation: Installation, team: str
) -> None:
    name = f"{team}/docs/a.md"
    content = installation.ingest(name, HANDBOOK).content
    close(installation, team, "project")
    withdraw(installation)
    installation.administration.create_project(team, "docs")
    assert installation.accept("intake", installation.finalized(name, content["generation"])) == []
    assert installation.rows("select id from documents where object_name = :name", name=name) == [
        {"id": UUID(content["document_id"])}
    ]
    new = installation.ingest(name, HANDBOOK).content
    assert new["document_id"] != content["document_id"]
    assert installation.document(new["document_id"])["status"] == "ready"


def test_a_reprocessing_under_way_ends_with_its_project(installation: Installation, team: str) -> None:
    content = installation.ingest(f"{team}/docs/a.md", HANDBOOK).content
    caller = installation.caller(team)
    assert caller("POST", f"/v1/documents/{content['document_id']}:reprocess").status_code == 202
    [again] = installation.topics.take()
    batches = installation.accept("chunk", again.body)
    close(installation, team, "project")
    assert caller("POST", f"/v1/documents/{content['document_id']}:reprocess").status_code == 404
    assert withdraw(installation) == 1
    assert installation.accept("embed", batches[0].body) == []
    purge(installation, content)
    assert is_gone(installation, content)
    assert is_gone(installation, again.content)
    receipt = installation.row("select jobs, chunks from deletions where document_id = :id", id=content["document_id"])
    assert receipt == {"jobs": 2, "chunks": 5}


def test_an_object_deleted_behind_its_project_changes_no_receipt(installation: Installation, team: str) -> None:
    name = f"{team}/docs/a.md"
    content = installation.ingest(name, HANDBOOK).content
    close(installation, team, "project")
    withdraw(installation)
    installation.accept("retire", installation.deleted(name, content["generation"]))
    assert receipts(installation, content) == [("project", False)]
    assert installation.document(content["document_id"])["deleted_generation"] == content["generation"]
    purge(installation, content)
    assert receipts(installation, content) == [("project", True)]
