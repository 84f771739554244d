"""Documents and jobs: list, read, create from text, delete, reprocess."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.model.documents import job_id
from tests.functions.caller import Caller
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK, pdf

NOTE = "The ferry to Kittelsund leaves from the north pier at half past seven in the morning, except on Sundays."
ASKED = "When does the ferry to Kittelsund leave?"


@pytest.fixture(scope="module")
def acme(installation: Installation) -> Caller:
    for name in ("docs", "notes", "listed"):
        installation.project("acme", name)
    return installation.caller("acme")


@pytest.fixture(scope="module")
def handbook(installation: Installation, acme: Caller) -> dict[str, Any]:
    return installation.ingest("acme/docs/guides/handbook.md", HANDBOOK).content


@pytest.fixture
def fresh(installation: Installation, acme: Caller) -> dict[str, Any]:
    """A ready document of the test's own."""
    return installation.ingest(f"acme/docs/{uuid4()}.txt", NOTE).content


def create(acme: Caller, project: str = "notes") -> dict[str, Any]:
    answered = acme("POST", f"/v1/projects/{project}/documents", json={"title": "Ferry", "text": NOTE})
    assert answered.status_code == 202, answered.text
    assert answered.json is not None
    return dict(answered.json)


def reason(answered: Any) -> tuple[int, str]:
    return answered.status_code, answered.json["error"]["details"][0]["reason"]


def test_a_document_tells_what_is_known_of_it(
    installation: Installation, acme: Caller, handbook: dict[str, Any]
) -> None:
    document = acme.get(f"/v1/documents/{handbook['document_id']}")
    times = {name: datetime.fromisoformat(document.pop(name)) for name in ("created_at", "updated_at")}
    assert times["created_at"] <= times["updated_at"]
    assert len(document.pop("sha256")) == 64
    assert document == {
        "id": handbook["document_id"],
        "project_id": handbook["project_id"],
        "title": "handbook.md",
        "source_type": "upload",
        "mime_type": "text/markdown",
        "status": "ready",
        "gcs_uri": f"gs://{installation.bucket}/acme/docs/guides/handbook.md",
        "bucket": installation.bucket,
        "object_name": "acme/docs/guides/handbook.md",
        "generation": handbook["generation"],
        "size": len(HANDBOOK),
        "source_url": None,
        "metadata": {},
        "job_id": handbook["job_id"],
        "active_job_id": handbook["job_id"],
        "pages": 1,
        "chunks": 5,
        "failure": None,
        "warnings": [],
    }


def test_a_failed_document_says_where_why_and_whether_to_try_again(installation: Installation, acme: Caller) -> None:
    content = installation.ingest("acme/docs/broken.pdf", b"%PDF-1.7\nbroken").content
    document = acme.get(f"/v1/documents/{content['document_id']}")
    assert (document["status"], document["pages"], document["chunks"]) == ("failed", None, None)
    failure = document["failure"]
    assert (failure["stage"], failure["reason"], failure["retryable"]) == ("chunk", "CORRUPT_PDF", False)
    assert failure["message"]
    job = acme.get(f"/v1/jobs/{document['job_id']}")
    assert (job["status"], job["stage"], job["reason"]) == ("failed", "chunk", "CORRUPT_PDF")
    assert (job["error_message"], job["retryable"]) == (failure["message"], False)


def test_documents_are_listed_newest_first_and_by_status(installation: Installation, acme: Caller) -> None:
    ready, failed = (
        installation.ingest(f"acme/listed/{name}", content).content
        for name, content in (("a.txt", NOTE.encode()), ("b.pdf", b"%PDF-1.7\nbroken"))
    )
    waiting = installation.register("acme/listed/c.txt", NOTE).content
    deleted = installation.register("acme/listed/d.txt", NOTE).content
    acme("DELETE", f"/v1/documents/{deleted['document_id']}")

    def listed(**query: object) -> list[str]:
        return [document["id"] for document in acme.get("/v1/projects/listed/documents", **query)["documents"]]

    assert listed() == [each["document_id"] for each in (waiting, failed, ready)]
    assert listed(status="ready") == [ready["document_id"]]
    assert listed(status="failed") == [failed["document_id"]]
    assert listed(status="uploaded") == [waiting["document_id"]]
    assert listed(status="processing") == []
    answered = acme("GET", "/v1/projects/listed/documents", query_string={"status": "gone"})
    assert answered.json is not None
    assert answered.json["error"]["details"][0]["metadata"] == {"field": "status"}


def test_the_chunks_cover_the_text(acme: Caller, handbook: dict[str, Any]) -> None:
    path = f"/v1/documents/{handbook['document_id']}"
    document = acme.get(f"{path}/text")
    text, chunks = document["text"], acme.get(f"{path}/chunks")["chunks"]
    assert (document["document_id"], document["job_id"]) == (handbook["document_id"], handbook["job_id"])
    assert document["page_starts"] == [0]
    assert [chunk["index"] for chunk in chunks] == list(range(5))
    assert chunks[0]["char_start"] == 0
    assert chunks[-1]["char_end"] == len(text)
    for before, after in pairwise(chunks):
        assert before["char_start"] < after["char_start"] <= before["char_end"] < after["char_end"]
    for chunk in chunks:
        assert text[chunk["char_start"] : chunk["char_end"]] == chunk["text"]
        assert 0 < chunk["token_count"] <= 64
    assert chunks[2]["heading_path"] == ["Lighthouse handbook", "When is the foghorn sounded?"]


def test_the_text_of_a_pdf_comes_with_its_page_starts(installation: Installation, acme: Caller) -> None:
    content = installation.ingest("acme/docs/pages.pdf", pdf("The first page.", "The second page.")).content
    document = acme.get(f"/v1/documents/{content['document_id']}/text")
    text, starts = document["text"], document["page_starts"]
    assert [text[start:].split(".")[0] for start in starts] == ["The first page", "The second page"]
    assert acme.get(f"/v1/documents/{content['document_id']}")["pages"] == 2


@pytest.mark.parametrize("part", ["text", "chunks"])
def test_a_document_that_is_not_ready_has_no_text_yet(installation: Installation, acme: Caller, part: str) -> None:
    content = installation.register(f"acme/docs/{uuid4()}.txt", NOTE).content
    answered = acme("GET", f"/v1/documents/{content['document_id']}/{part}")
    assert reason(answered) == (409, "DOCUMENT_NOT_READY")


def test_chunks_that_changed_between_two_pages_are_told(
    installation: Installation, acme: Caller, handbook: dict[str, Any]
) -> None:
    content = installation.ingest(f"acme/docs/{uuid4()}.md", HANDBOOK).content
    path = f"/v1/documents/{content['document_id']}/chunks"
    token = acme.get(path, page_size=2)["next_page_token"]
    installation.ingest(content["object_name"], HANDBOOK.replace("43", "44"))
    answered = acme("GET", path, query_string={"page_token": token})
    assert reason(answered) == (409, "DOCUMENT_CHANGED")


def test_a_document_created_from_text_becomes_ready_and_answers(installation: Installation, acme: Caller) -> None:
    created = create(acme)
    assert (created["title"], created["source_type"], created["status"]) == ("Ferry", "manual", "uploaded")
    object_name = created["object_name"]
    assert object_name.split("/")[:2] == [str(installation.administration.team("acme").id), created["project_id"]]
    stored = installation.storage.bucket(installation.bucket).blob(object_name).download_as_text()
    assert stored == NOTE
    installation.run()
    document = acme.get(f"/v1/documents/{created['id']}")
    assert (document["status"], document["title"], document["mime_type"]) == ("ready", "Ferry", "text/plain")
    answer = acme.ask("notes", ASKED)
    assert {(citation["document_id"], citation["title"]) for citation in answer["citations"]} == {
        (created["id"], "Ferry")
    }


def test_the_notification_of_a_created_document_changes_nothing(installation: Installation, acme: Caller) -> None:
    created = create(acme)
    [registered] = installation.topics.take()
    metadata = {"source-type": "manual", "title": "Ferry"}
    push = installation.finalized(created["object_name"], created["generation"], metadata=metadata)
    [again] = installation.accept("intake", push)
    assert again.content == registered.content
    assert acme.get(f"/v1/documents/{created['id']}") == created


@pytest.mark.parametrize("project", ["name", "id"])
def test_a_project_is_named_by_name_or_id(installation: Installation, acme: Caller, project: str) -> None:
    record = installation.administration.project("acme", "notes")
    assert create(acme, "notes" if project == "name" else str(record.id))["project_id"] == str(record.id)


def test_a_deleted_document_is_gone_at_once_and_its_object_with_it(
    installation: Installation, acme: Caller, fresh: dict[str, Any]
) -> None:
    path = f"/v1/documents/{fresh['document_id']}"
    answered = acme("DELETE", path)
    assert answered.status_code == 202
    assert answered.json is not None
    assert (answered.json["id"], answered.json["status"]) == (fresh["document_id"], "deleted")
    [published] = installation.topics.take()
    assert published.subscription == "retire-document"
    assert published.content == {"team_id": fresh["team_id"], "document_id": fresh["document_id"]}
    for gone in (path, f"{path}/text", f"{path}/chunks", f"{path}/jobs", f"/v1/jobs/{fresh['job_id']}"):
        assert acme("GET", gone).status_code == 404
    for method, gone in (("DELETE", path), ("POST", f"{path}:reprocess")):
        assert acme(method, gone).status_code == 404
    assert installation.storage.bucket(installation.bucket).get_blob(fresh["object_name"]) is None
    answer = acme.ask("docs", ASKED, min_score=0, filter={"document_ids": [fresh["document_id"]]})
    assert answer["citations"] == []


def test_the_delete_notification_of_a_deleted_document_changes_nothing(
    installation: Installation, acme: Caller, fresh: dict[str, Any]
) -> None:
    acme("DELETE", f"/v1/documents/{fresh['document_id']}")
    before = installation.document(fresh["document_id"])["deleted_generation"]
    installation.accept("retire", installation.deleted(fresh["object_name"], fresh["generation"]))
    assert installation.document(fresh["document_id"])["deleted_generation"] == before


def test_an_object_overwritten_meanwhile_is_not_deleted_with_the_old_document(
    installation: Installation, acme: Caller, fresh: dict[str, Any]
) -> None:
    newer = installation.upload(fresh["object_name"], NOTE.replace("seven", "eight"))
    acme("DELETE", f"/v1/documents/{fresh['document_id']}")
    installation.topics.take()
    # The emulator ignores a delete's precondition, so the object itself cannot be looked for here.
    [published] = installation.accept("intake", installation.finalized(fresh["object_name"], newer))
    assert published.content["generation"] == newer
    assert acme.get(f"/v1/documents/{fresh['document_id']}")["status"] == "uploaded"


def test_a_reprocessed_document_gets_another_job_and_answers_all_the_while(
    installation: Installation, acme: Caller, fresh: dict[str, Any]
) -> None:
    path = f"/v1/documents/{fresh['document_id']}"
    answered = acme("POST", f"{path}:reprocess")
    assert answered.status_code == 202
    job = answered.json
    assert job is not None
    assert job["id"] == str(job_id(UUID(fresh["document_id"]), fresh["generation"], 2))
    assert (job["status"], job["run"], job["generation"]) == ("queued", 2, fresh["generation"])
    document = acme.get(path)
    assert (document["status"], document["job_id"], document["active_job_id"]) == (
        "uploaded",
        job["id"],
        fresh["job_id"],
    )
    scope = {"document_ids": [fresh["document_id"]]}
    assert acme.ask("docs", ASKED, filter=scope)["grounded"] is True
    installation.run()
    document = acme.get(path)
    assert (document["status"], document["active_job_id"]) == ("ready", job["id"])
    assert acme.ask("docs", ASKED, filter=scope)["grounded"] is True
    jobs = acme.get(f"{path}/jobs")["jobs"]
    assert [(each["id"], each["status"], each["run"]) for each in jobs] == [
        (job["id"], "succeeded", 2),
        (fresh["job_id"], "succeeded", 1),
    ]


def test_a_job_tells_how_it_went(acme: Caller, handbook: dict[str, Any]) -> None:
    job = acme.get(f"/v1/jobs/{handbook['job_id']}")
    created, started, finished = (
        datetime.fromisoformat(job.pop(name)) for name in ("created_at", "started_at", "finished_at")
    )
    assert created <= started <= finished
    assert job == {
        "id": handbook["job_id"],
        "document_id": handbook["document_id"],
        "status": "succeeded",
        "stage": "live",
        "attempts": 0,
        "reason": None,
        "error_message": None,
        "retryable": None,
        "warnings": [],
        "total_chunks": 5,
        "chunks_created": 5,
        "pages": 1,
        "pages_read": 1,
        "progress": 1.0,
        "embedding_model": "all-minilm-l6-v2-int8",
        "generation": handbook["generation"],
        "run": 1,
        "replays": 0,
    }


def test_progress_grows_with_each_batch(installation: Installation, acme: Caller) -> None:
    registered = installation.register(f"acme/docs/{uuid4()}.md", HANDBOOK)
    path = f"/v1/jobs/{registered.content['job_id']}"
    seen = [acme.get(path)["progress"]]
    for batch in installation.accept("chunk", registered.body):
        [embedded] = installation.accept("embed", batch.body)
        installation.accept("record", embedded.body)
        seen.append(acme.get(path)["progress"])
    assert seen == [0.0, 0.4, 0.8, 1.0]


def test_a_project_tells_where_its_files_are_dropped(installation: Installation, acme: Caller) -> None:
    record = installation.administration.project("acme", "docs")
    project = acme.get("/v1/projects/docs")
    assert datetime.fromisoformat(project.pop("created_at")).tzinfo is not None
    assert project == {
        "id": str(record.id),
        "name": "docs",
        "team_id": str(record.team_id),
        "team": "acme",
        "settings": {},
        "bucket": installation.bucket,
        "object_prefix": "acme/docs/",
    }
    assert acme.get(f"/v1/projects/{record.id}")["name"] == "docs"
