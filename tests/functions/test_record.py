"""`record`: a batch's rows and texts; with the last batch the job goes live."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID, uuid4

import pytest

from common.model.chunks import chunk_id
from tests.functions.events import event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Published


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture
def name() -> str:
    return f"acme/docs/{uuid4()}.md"


def embedded(installation: Installation, name: str, content: str = HANDBOOK) -> list[Published]:
    """The messages to `record` of a document's three batches."""
    batches = installation.accept("chunk", installation.register(name, content).body)
    return [each for batch in batches for each in installation.accept("embed", batch.body)]


def state(installation: Installation, batch: Published) -> tuple[object, ...]:
    document, job = installation.document(batch.content["document_id"]), installation.job(batch.content["job_id"])
    return document["status"], document["active_job_id"], job["status"], job["stage"], job["chunks_created"]


def test_a_batch_gets_its_rows_and_texts(installation: Installation, name: str) -> None:
    batches = embedded(installation, name)
    assert installation.accept("record", batches[0].body) == []
    content = batches[0].content
    job = UUID(content["job_id"])
    rows = installation.rows("select * from document_chunks where job_id = :job order by chunk_index", job=job)
    assert [row["id"] for row in rows] == [chunk_id(job, index) for index in (0, 1)]
    for row, chunk in zip(rows, content["chunks"], strict=True):
        assert row["vector_id"] == str(row["id"])
        assert row["text_preview"] == chunk["text"][:200]
        assert row["tsv"]
        assert row["retired_at"] is None
        for column in ("char_start", "char_end", "page_start", "page_end", "token_count", "heading_path"):
            assert row[column] == chunk["bounds"][column]
        assert {str(row[column]) for column in ("team_id", "project_id", "document_id")} == {
            content["team_id"],
            content["project_id"],
            content["document_id"],
        }
    texts = installation.rows("select chunk_id, text from chunk_texts where job_id = :job", job=job)
    assert {row["chunk_id"]: row["text"] for row in texts} == {
        chunk_id(job, chunk["index"]): chunk["text"] for chunk in content["chunks"]
    }
    assert state(installation, batches[0]) == ("processing", None, "running", "record", 2)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_last_of_the_batches_makes_the_job_live_in_every_order(
    installation: Installation, name: str, order: tuple[int, ...]
) -> None:
    batches = embedded(installation, name)
    for place in order[:-1]:
        assert installation.accept("record", batches[place].body) == []
        assert state(installation, batches[0])[:4] == ("processing", None, "running", "record")
    assert installation.accept("record", batches[order[-1]].body) == []
    job = UUID(batches[0].content["job_id"])
    assert state(installation, batches[0]) == ("ready", job, "succeeded", "live", 5)
    assert installation.job(job)["finished_at"] is not None
    everything = sorted(chunk_id(job, index) for index in range(5))
    assert installation.ids(job) == (everything, everything, everything)


def test_duplicates_change_nothing(installation: Installation, name: str) -> None:
    batches = embedded(installation, name)
    for batch in [*batches, *batches[:2]]:
        assert installation.accept("record", batch.body) == []
    job = batches[0].content["job_id"]
    before = installation.ids(job), installation.job(job), installation.document(batches[0].content["document_id"])
    for batch in reversed(batches):
        assert installation.accept("record", batch.body) == []
    after = installation.ids(job), installation.job(job), installation.document(batches[0].content["document_id"])
    assert after == before


def test_one_batch_twice_does_not_stand_for_another(installation: Installation, name: str) -> None:
    batches = embedded(installation, name)
    for batch in (batches[0], batches[0], batches[1], batches[1]):
        installation.accept("record", batch.body)
    assert state(installation, batches[0]) == ("processing", None, "running", "record", 4)


def test_a_new_generation_takes_the_place_of_the_old_and_sends_it_to_be_purged(
    installation: Installation, name: str
) -> None:
    old = installation.ingest(name, HANDBOOK).content
    batches = embedded(installation, name, HANDBOOK.replace("43", "44"))
    published = [each for batch in batches for each in installation.accept("record", batch.body)]
    assert [each.subscription for each in published] == ["retire-document"]
    assert published[0].content == {"team_id": old["team_id"], "document_id": old["document_id"]}
    new = UUID(batches[0].content["job_id"])
    assert state(installation, batches[0]) == ("ready", new, "succeeded", "live", 5)
    assert installation.job(old["job_id"])["retired_at"] is not None
    retired = installation.rows(
        "select job_id, bool_and(retired_at is not null) as retired from document_chunks"
        " where document_id = :document group by job_id",
        document=old["document_id"],
    )
    assert {row["job_id"]: row["retired"] for row in retired} == {UUID(old["job_id"]): True, new: False}


def test_a_failed_new_generation_leaves_the_old_live(installation: Installation, name: str) -> None:
    old = installation.ingest(name, HANDBOOK).content
    ids = installation.ids(old["job_id"])
    new = installation.ingest(name, b"%PDF-1.7\nbroken").content
    document = installation.document(old["document_id"])
    assert (document["status"], document["active_job_id"]) == ("failed", UUID(old["job_id"]))
    assert document["wanted_job_id"] == UUID(new["job_id"])
    assert (document["generation"], installation.job(new["job_id"])["reason"]) == (new["generation"], "CORRUPT_PDF")
    assert installation.ids(old["job_id"]) == ids
    retired = "select 1 from document_chunks where document_id = :document and retired_at is not null"
    assert installation.rows(retired, document=old["document_id"]) == []


def test_a_batch_of_a_dead_job_takes_its_vectors_and_texts_away(installation: Installation, name: str) -> None:
    batches = embedded(installation, name)
    installation.accept("record", batches[0].body)
    installation.register(name, HANDBOOK)
    job = batches[0].content["job_id"]
    for batch in batches:
        assert installation.accept("record", batch.body) == []
    rows, vectors, texts = installation.ids(job)
    assert (len(rows), vectors, texts) == (2, [], [])
    assert installation.job(job)["reason"] == "SUPERSEDED"


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize(("purge", "left"), [("null", 1), ("now()", 0)])
def test_a_late_batch_leaves_to_the_purge_to_come_what_goes_where_that_has_begun(
    installation: Installation, name: str, purge: str, left: int, *, active: bool
) -> None:
    batch = embedded(installation, name)[2]
    job, document = batch.content["job_id"], batch.content["document_id"]
    installation.rows(
        f"update ingestion_jobs set status = '{'succeeded' if active else 'failed'}', finished_at = now(),"
        f" purge_started_at = {purge} where id = :job",
        job=job,
    )
    if active:
        installation.rows(
            "update documents set active_job_id = wanted_job_id, status = 'ready' where id = :id", id=document
        )
    before = installation.job(job)
    assert installation.accept("record", batch.body) == []
    rows, _, texts = installation.ids(job)
    assert (rows, len(texts)) == ([], left)
    assert installation.job(job) == before


def test_a_job_that_is_not_wanted_at_the_end_does_not_go_live(installation: Installation, name: str) -> None:
    batches = embedded(installation, name)
    for batch in batches[:2]:
        installation.accept("record", batch.body)
    document = batches[0].content["document_id"]
    installation.rows("update documents set wanted_job_id = null where id = :id", id=document)
    assert installation.accept("record", batches[2].body) == []
    assert state(installation, batches[0])[1:4] == (None, "failed", "record")
    assert installation.job(batches[0].content["job_id"])["reason"] == "SUPERSEDED"


def test_a_job_whose_vectors_are_not_visible_yet_waits(installation: Installation, name: str) -> None:
    batches = embedded(installation, name)
    job = UUID(batches[0].content["job_id"])
    late = chunk_id(job, 3)
    taken = installation.row(
        "delete from chunk_vectors where chunk_id = :id returning *, embedding::text as vector", id=late
    )
    for batch in batches[:2]:
        assert installation.accept("record", batch.body) == []
    [again] = installation.accept("record", batches[2].body)
    assert (again.subscription, again.attributes["deferrals"]) == ("record", "1")
    assert again.content == batches[2].content
    assert state(installation, batches[0]) == ("processing", None, "running", "record", 5)
    installation.rows(
        "insert into chunk_vectors"
        " values (:chunk_id, :team_id, :project_id, :document_id, :job_id, cast(:vector as halfvec))",
        **taken,
    )
    assert installation.accept("record", again.body) == []
    assert state(installation, batches[0]) == ("ready", job, "succeeded", "live", 5)


def test_a_batch_of_a_job_that_is_not_there_is_tried_again(installation: Installation) -> None:
    assert installation.deliver("record", event("batch-embedded")).status_code == 500
    job = event("batch-embedded")["message"]["attributes"]["job_id"]
    assert installation.ids(job) == ([], [], [])
