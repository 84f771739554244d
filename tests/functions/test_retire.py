"""`retire`: out of answers at once, then vectors, texts and extraction go, and only what Postgres says may go."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from common.messages import DocumentRetired
from common.model.chunks import chunk_id
from common.split_store import object_name
from functions.retire.confirmation import ConfirmDeletions
from functions.retire.use_case import PurgeDocument
from tests.functions.caller import Caller
from tests.functions.events import event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK

QUESTION = "How tall is the tower?"


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


def retired_message(content: dict[str, Any]) -> dict[str, Any]:
    """The push of the document's `document-retired`."""
    ids = retired_content(content)
    return event("document-retired", ids, **ids)


def retired_content(content: dict[str, Any]) -> dict[str, Any]:
    return {key: content[key] for key in ("team_id", "document_id")}


def age(installation: Installation, content: dict[str, Any]) -> None:
    """The document's jobs left the answers an hour ago."""
    installation.rows(
        "update ingestion_jobs set retired_at = retired_at - interval '1 hour' where document_id = :id",
        id=content["document_id"],
    )


def has_extraction(installation: Installation, content: dict[str, Any]) -> bool:
    bucket = installation.storage.bucket(installation.extraction_bucket)
    return bucket.get_blob(object_name(UUID(content["job_id"]))) is not None


def kept(installation: Installation, content: dict[str, Any]) -> tuple[int, int, int, bool]:
    """Rows, vectors, texts and extraction that the job still has."""
    rows, vectors, texts = installation.ids(content["job_id"])
    return len(rows), len(vectors), len(texts), has_extraction(installation, content)


def test_a_deleted_object_leaves_the_answers_at_once_and_is_purged_after_a_grace(
    installation: Installation, live: dict[str, Any]
) -> None:
    push = installation.deleted(live["object_name"], live["generation"])
    [published] = installation.accept("retire", push)
    assert published.subscription == "retire-document"
    assert published.content == {"team_id": live["team_id"], "document_id": live["document_id"]}
    document = installation.document(live["document_id"])
    assert (document["deleted_generation"], document["wanted_job_id"]) == (live["generation"], None)
    assert document["active_job_id"] is None
    answering = "select 1 from document_chunks where document_id = :id and retired_at is null"
    assert installation.rows(answering, id=live["document_id"]) == []
    assert installation.accept("retire", published.body) == []
    assert kept(installation, live) == (5, 5, 5, True)
    age(installation, live)
    assert installation.accept("retire", published.body) == []
    assert kept(installation, live) == (0, 0, 0, False)
    assert installation.job(live["job_id"])["purged_at"] is not None


def test_a_repeated_purge_changes_nothing(installation: Installation, live: dict[str, Any]) -> None:
    installation.accept("retire", installation.deleted(live["object_name"], live["generation"]))
    age(installation, live)
    installation.accept("retire", retired_message(live))
    before = installation.job(live["job_id"]), installation.document(live["document_id"])
    installation.accept("retire", retired_message(live))
    assert (installation.job(live["job_id"]), installation.document(live["document_id"])) == before


def test_a_repeated_deletion_publishes_again_and_changes_nothing_else(
    installation: Installation, live: dict[str, Any]
) -> None:
    push = installation.deleted(live["object_name"], live["generation"])
    first = installation.accept("retire", push)
    before = installation.ids(live["job_id"]), installation.job(live["job_id"])["retired_at"]
    again = installation.accept("retire", push)
    assert [each.content for each in again] == [each.content for each in first]
    assert (installation.ids(live["job_id"]), installation.job(live["job_id"])["retired_at"]) == before


def test_a_cited_chunk_stays_as_a_tombstone_without_text(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    answer = acme.ask("docs", QUESTION, filter={"document_ids": [live["document_id"]]})
    cited = {UUID(citation["chunk_id"]) for citation in answer["citations"]}
    assert cited
    installation.accept("retire", installation.deleted(live["object_name"], live["generation"]))
    age(installation, live)
    installation.accept("retire", retired_message(live))
    rows = installation.rows("select * from document_chunks where job_id = :job", job=live["job_id"])
    assert {row["id"] for row in rows} == cited
    for row in rows:
        assert (row["text_preview"], row["tsv"], row["heading_path"]) == (None, None, [])
        assert row["retired_at"] is not None
    assert kept(installation, live)[1:] == (0, 0, False)


def test_what_is_wanted_or_active_is_never_purged(installation: Installation, live: dict[str, Any]) -> None:
    waiting = installation.register(live["object_name"], HANDBOOK).content
    installation.rows(
        "update ingestion_jobs set retired_at = now() - interval '1 year' where document_id = :id",
        id=live["document_id"],
    )
    installation.accept("retire", retired_message(live))
    assert kept(installation, live) == (5, 5, 5, True)
    assert installation.job(waiting["job_id"])["purged_at"] is None


def test_of_two_generations_the_old_one_is_purged(installation: Installation, live: dict[str, Any]) -> None:
    new = installation.ingest(live["object_name"], HANDBOOK.replace("43", "44")).content
    assert kept(installation, live) == (5, 5, 5, True)
    age(installation, live)
    installation.accept("retire", retired_message(live))
    assert kept(installation, live) == (0, 0, 0, False)
    assert kept(installation, new) == (5, 5, 5, True)


@pytest.mark.parametrize("delete_first", [True, False])
def test_an_overwrites_delete_of_the_old_generation_changes_nothing(
    installation: Installation, name: str, *, delete_first: bool
) -> None:
    old = installation.register(name, HANDBOOK).content
    delete = installation.deleted(name, old["generation"])
    generation = installation.upload(name, HANDBOOK.replace("43", "44"))
    if delete_first:
        installation.accept("retire", delete)
        installation.accept("intake", installation.finalized(name, generation))
    else:
        installation.accept("intake", installation.finalized(name, generation))
        assert installation.accept("retire", delete) == []
    document = installation.document(old["document_id"])
    assert (document["generation"], document["status"]) == (generation, "uploaded")
    assert document["wanted_job_id"] is not None
    assert (document["deleted_generation"] or 0) < generation


def test_a_delete_that_comes_before_its_finalize_is_remembered(installation: Installation, name: str) -> None:
    generation = installation.upload(name, HANDBOOK)
    assert installation.accept("retire", installation.deleted(name, generation)) == []
    assert installation.accept("intake", installation.finalized(name, generation)) == []
    [document] = installation.rows("select * from documents where object_name = :name", name=name)
    assert (document["generation"], document["deleted_generation"]) == (0, generation)
    assert installation.rows("select 1 from ingestion_jobs where document_id = :id", id=document["id"]) == []


@pytest.mark.parametrize("name", ["nobody/docs/a.txt", "acme/nothing/a.txt", "stray.txt", "acme/docs"])
def test_a_delete_of_what_leads_nowhere_does_nothing(installation: Installation, acme: Caller, name: str) -> None:
    assert installation.accept("retire", installation.deleted(name, 1)) == []
    assert installation.rows("select 1 from documents where object_name = :name", name=name) == []


def test_a_delete_forgets_the_unrouted_object(installation: Installation, acme: Caller) -> None:
    statement = "select generation from unrouted_objects where object_name = 'nobody/docs/b.txt'"
    for generation in (1, 2):
        installation.accept("intake", installation.finalized("nobody/docs/b.txt", generation))
    installation.accept("retire", installation.deleted("nobody/docs/b.txt", 1))
    assert installation.rows(statement) == [{"generation": 2}]
    installation.accept("retire", installation.deleted("nobody/docs/b.txt", 2))
    assert installation.rows(statement) == []


def test_a_document_deleted_while_it_is_ingested_leaves_nothing_behind(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    content = registered.content
    batches = installation.accept("chunk", registered.body)
    [embedded] = installation.accept("embed", batches[0].body)
    [retired] = installation.accept("retire", installation.deleted(name, content["generation"]))
    job = installation.job(content["job_id"])
    assert (job["status"], job["reason"]) == ("failed", "SUPERSEDED")
    for function, late in (("embed", batches[1]), ("record", embedded), ("chunk", registered), ("retire", retired)):
        assert installation.accept(function, late.body) == []
    assert kept(installation, content) == (0, 0, 0, False)
    assert installation.job(content["job_id"])["purged_at"] is not None


def test_failed_messages_of_a_deleted_document_lose_their_text(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    content = registered.content
    [batch, *_] = installation.accept("chunk", registered.body)
    installation.accept("dead_letter", event("dead-letter", batch.content, **batch.attributes))
    statement = "select length(data) as size from failed_messages where document_id = :id"
    assert installation.row(statement, id=content["document_id"])["size"] > 0
    installation.accept("retire", retired_message(content))
    assert installation.row(statement, id=content["document_id"])["size"] > 0
    installation.accept("retire", installation.deleted(name, content["generation"]))
    installation.accept("retire", retired_message(content))
    assert installation.row(statement, id=content["document_id"])["size"] == 0


def test_a_purge_of_one_document_touches_no_other(
    installation: Installation, acme: Caller, live: dict[str, Any]
) -> None:
    other = installation.ingest(f"acme/docs/{uuid4()}.md", HANDBOOK).content
    installation.accept("retire", installation.deleted(live["object_name"], live["generation"]))
    age(installation, live)
    installation.accept("retire", retired_message(live))
    assert kept(installation, other) == (5, 5, 5, True)
    everything = sorted(chunk_id(UUID(other["job_id"]), index) for index in range(5))
    assert installation.ids(other["job_id"])[0] == everything


def test_a_retired_document_that_is_not_there_is_done(installation: Installation) -> None:
    assert installation.accept("retire", event("document-retired")) == []


def repetition_due(installation: Installation, content: dict[str, Any]) -> None:
    """An hour has passed since the purge."""
    installation.rows(
        "update ingestion_jobs set purged_at = purged_at - interval '61 minutes',"
        " next_purge_at = next_purge_at - interval '61 minutes' where id = :id",
        id=content["job_id"],
    )


def copied(installation: Installation, content: dict[str, Any]) -> list[dict[str, Any]]:
    """The job's vectors, to be written again as they are."""
    return installation.rows(
        "select chunk_id, team_id, project_id, document_id, job_id, embedding::text as vector from chunk_vectors"
        " where job_id = :job",
        job=content["job_id"],
    )


def written_again(installation: Installation, vectors: list[dict[str, Any]]) -> None:
    for vector in vectors:
        installation.rows(
            "insert into chunk_vectors"
            " values (:chunk_id, :team_id, :project_id, :document_id, :job_id, cast(:vector as halfvec))",
            **vector,
        )


def test_what_a_stalled_embed_that_died_had_written_late_goes_with_the_repetition(
    installation: Installation, live: dict[str, Any]
) -> None:
    late = copied(installation, live)
    installation.accept("retire", installation.deleted(live["object_name"], live["generation"]))
    age(installation, live)
    installation.accept("retire", retired_message(live))
    written_again(installation, late)
    installation.accept("retire", retired_message(live))
    assert kept(installation, live) == (0, 5, 0, False)
    first = installation.job(live["job_id"])["purged_at"]
    repetition_due(installation, live)
    installation.accept("retire", retired_message(live))
    assert kept(installation, live) == (0, 0, 0, False)
    job = installation.job(live["job_id"])
    assert (job["purge_closed"], job["purged_at"] < first) == (False, True)
    assert job["next_purge_at"] is not None


def test_what_a_stalled_chunk_stored_late_goes_with_the_repetition(
    installation: Installation, live: dict[str, Any]
) -> None:
    installation.accept("retire", installation.deleted(live["object_name"], live["generation"]))
    age(installation, live)
    installation.accept("retire", retired_message(live))
    blob = installation.storage.bucket(installation.extraction_bucket).blob(object_name(UUID(live["job_id"])))
    blob.upload_from_string(b"late")
    repetition_due(installation, live)
    installation.accept("retire", retired_message(live))
    assert not has_extraction(installation, live)


def test_a_job_that_goes_on_after_it_was_found_due_keeps_what_it_has(installation: Installation, name: str) -> None:
    """A replay resumes it while another job of the document is purged before it."""
    old = installation.register(name, HANDBOOK).content
    registered = installation.register(name, HANDBOOK)
    content = registered.content
    batches = installation.accept("chunk", registered.body)
    installation.accept("embed", batches[0].body)
    installation.rows(
        "update ingestion_jobs set status = 'failed', finished_at = now() where id = :id", id=content["job_id"]
    )
    replayed = (
        f"if new.id = '{old['job_id']}' then update ingestion_jobs set status = 'running', finished_at = null"
        f" where id = '{content['job_id']}'; end if; return null;"
    )
    with installation.triggered("ingestion_jobs", "after update of purge_started_at", replayed):
        installation.accept("retire", retired_message(content))
    purges = [installation.job(each["job_id"])["purge_started_at"] is not None for each in (old, content)]
    assert purges == [True, False]
    assert (len(installation.ids(content["job_id"])[1]), has_extraction(installation, content)) == (2, True)
    for batch in batches:
        installation.deliver("embed", batch.body)
    installation.run()
    assert kept(installation, content) == (5, 5, 5, True)


def test_what_a_purge_cannot_remove_leaves_the_receipt_pending_and_is_purged_again(
    installation: Installation, live: dict[str, Any]
) -> None:
    installation.storage.bucket(installation.bucket).blob(live["object_name"]).delete()
    installation.accept("retire", installation.deleted(live["object_name"], live["generation"]))
    age(installation, live)
    receipt = "select completed_at from deletions where document_id = :id"
    with installation.triggered("chunk_vectors", "before delete", "return null;"):
        installation.accept("retire", retired_message(live))
    assert kept(installation, live) == (0, 5, 0, False)
    assert installation.row(receipt, id=live["document_id"])["completed_at"] is None
    installation.accept("retire", retired_message(live))
    assert kept(installation, live) == (0, 0, 0, False)
    assert installation.row(receipt, id=live["document_id"])["completed_at"] is not None


def test_a_long_look_is_continued_where_it_ended(installation: Installation, live: dict[str, Any]) -> None:
    installation.storage.bucket(installation.bucket).blob(live["object_name"]).delete()
    installation.accept("retire", installation.deleted(live["object_name"], live["generation"]))
    installation.rows(
        "update ingestion_jobs set total_chunks = 1200, retired_at = retired_at - interval '1 hour' where id = :id",
        id=live["job_id"],
    )
    receipt = "select completed_at, vectors from deletions where document_id = :id"
    app = installation.applications[0]
    confirm = ConfirmDeletions(
        database=app.database,
        index=app.index,
        texts=app.texts,
        objects=app.objects,
        upload_bucket=installation.bucket,
        extraction_bucket=installation.extraction_bucket,
        limit=500,
    )
    purge = PurgeDocument(
        database=app.database,
        index=app.index,
        texts=app.texts,
        objects=app.objects,
        publisher=app.publisher,
        extraction_bucket=installation.extraction_bucket,
        grace_seconds=40,
        repeat_seconds=3600,
        retention_seconds=604800,
        confirm_deletions=confirm,
    )
    message = DocumentRetired(team_id=UUID(live["team_id"]), document_id=UUID(live["document_id"]))
    looked = []
    purge(message)
    while again := installation.topics.take():
        looked.append(installation.job(live["job_id"])["purge_checked"])
        assert installation.row(receipt, id=live["document_id"])["completed_at"] is None
        assert [each.content for each in again] == [retired_content(live)]
        purge(message)
    assert looked == [500, 1000]
    complete = installation.row(receipt, id=live["document_id"])
    assert (complete["completed_at"] is not None, complete["vectors"]) == (True, 1200)


def test_failed_messages_of_a_deleted_generation_lose_their_text_though_the_document_lives_again(
    installation: Installation, name: str
) -> None:
    registered = installation.register(name, HANDBOOK)
    [batch, *_] = installation.accept("chunk", registered.body)
    dead_letter = event("dead-letter", batch.content, **batch.attributes)
    dead_letter["message"]["messageId"] = str(uuid4())
    installation.accept("dead_letter", dead_letter)
    installation.accept("retire", installation.deleted(name, registered.content["generation"]))
    new = installation.ingest(name, HANDBOOK).content
    installation.accept("retire", retired_message(new))
    statement = "select length(data) as size from failed_messages where document_id = :id"
    assert installation.row(statement, id=new["document_id"])["size"] == 0
