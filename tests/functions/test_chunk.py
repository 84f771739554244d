"""`chunk`: from a registered generation to its batches, split once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from uuid import UUID, uuid4

import pytest

from common.model.documents import job_id
from common.split_store import object_name
from tests.files.office_files import docx, zip_bomb
from tests.functions.events import event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK, pdf

SUPERSEDED = ("failed", "chunk", "SUPERSEDED", False)


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture
def name() -> str:
    return f"acme/docs/{uuid4()}"


def batches(installation: Installation, job: object) -> list[dict[str, object]]:
    statement = "select * from ingestion_batches where job_id = :job order by batch_index"
    return installation.rows(statement, job=job)


def outcome(installation: Installation, job: object) -> tuple[object, ...]:
    row = installation.job(job)
    return row["status"], row["stage"], row["reason"], row["retryable"]


def hold_lease(installation: Installation, job: object) -> None:
    installation.rows(
        "update ingestion_jobs set status = 'running', lease_token = :token,"
        " lease_expires_at = now() + interval '1 hour' where id = :job",
        job=job,
        token=uuid4(),
    )


def expire_lease(installation: Installation, job: object) -> None:
    installation.rows(
        "update ingestion_jobs set lease_expires_at = now() - interval '1 second' where id = :job", job=job
    )


def split_objects(installation: Installation, job: str) -> list[int]:
    """The generations of the job's stored split."""
    blob = installation.storage.bucket(installation.extraction_bucket).get_blob(object_name(UUID(job)))
    return [] if blob is None else [int(blob.generation)]


def test_a_document_is_split_into_batches_that_are_published(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    published = installation.accept("chunk", registered.body)
    job = installation.job(registered.content["job_id"])
    assert (job["status"], job["stage"], job["attempts"], job["lease_token"]) == ("running", "embed", 0, None)
    assert job["started_at"] is not None
    assert (job["total_chunks"], job["pages"]) == (5, 1)
    rows = batches(installation, job["id"])
    assert [(row["chunk_start"], row["chunk_count"], row["state"]) for row in rows] == [
        (0, 2, "pending"),
        (2, 2, "pending"),
        (4, 1, "pending"),
    ]
    assert [each.subscription for each in published] == ["embed"] * 3
    assert [each.attributes["batch_index"] for each in published] == ["0", "1", "2"]
    chunks = [chunk for each in published for chunk in each.content["chunks"]]
    assert [chunk["index"] for chunk in chunks] == list(range(5))
    for chunk in chunks:
        bounds = chunk["bounds"]
        assert chunk["text"] == HANDBOOK[bounds["char_start"] : bounds["char_end"]]
        assert bounds["token_count"] <= 64
    document = installation.document(registered.content["document_id"])
    assert (document["status"], document["mime_type"]) == ("processing", "text/markdown")
    assert len(document["sha256"]) == 64


def test_a_redelivery_publishes_pending_batches_only_and_parses_nothing_again(
    installation: Installation, name: str
) -> None:
    registered = installation.register(name, HANDBOOK)
    first = installation.accept("chunk", registered.body)
    job = registered.content["job_id"]
    before = installation.job(job), split_objects(installation, job)
    installation.rows(
        "update ingestion_batches set state = 'recorded' where job_id = :job and batch_index = 1", job=job
    )
    installation.storage.bucket(installation.bucket).blob(name).delete()
    again = installation.accept("chunk", registered.body)
    assert [each.content for each in again] == [first[0].content, first[2].content]
    assert (installation.job(job), split_objects(installation, job)) == before


def test_a_run_that_finds_a_stored_split_uses_it(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    job = registered.content["job_id"]
    first = installation.accept("chunk", registered.body)
    installation.rows("delete from ingestion_batches where job_id = :job", job=job)
    installation.rows("update ingestion_jobs set total_chunks = null, status = 'running' where id = :job", job=job)
    installation.storage.bucket(installation.bucket).blob(name).delete()
    other = installation.create("chunk", chunk_size="32", chunk_overlap="0")["chunk"]
    assert other.post("/", json=registered.body).status_code == 204
    assert [each.content for each in installation.topics.take()] == [each.content for each in first]


def test_a_redelivery_of_a_finished_job_changes_nothing_and_says_nothing(
    installation: Installation, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    registered = installation.ingest(name, HANDBOOK)
    job, document = registered.content["job_id"], registered.content["document_id"]
    before = installation.job(job), installation.document(document), installation.ids(job)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="common.outcomes"):
        assert installation.accept("chunk", registered.body) == []
    assert caplog.messages == []
    assert (installation.job(job), installation.document(document), installation.ids(job)) == before


@pytest.mark.parametrize(
    ("content", "expected"),
    [("Nobody may climb the tower at night.", "Rules of the tower"), (HANDBOOK, "Lighthouse handbook")],
)
def test_what_is_embedded_with_a_text_is_its_own_title_else_the_documents(
    installation: Installation, content: str, expected: str
) -> None:
    note = {"title": "Rules of the tower", "text": content}
    created = installation.caller("acme")("POST", "/v1/projects/docs/documents", json=note)
    assert created.status_code == 202, created.text
    [registered] = installation.topics.take()
    [batch, *_] = installation.accept("chunk", registered.body)
    assert batch.content["title"] == expected


@pytest.mark.parametrize(
    ("content", "settings", "reason"),
    [
        pytest.param(b"%PDF-1.7\nthis is no PDF", {}, "CORRUPT_PDF", id="corrupt PDF"),
        pytest.param(pdf("A page.")[:200], {}, "CORRUPT_PDF", id="PDF cut short"),
        pytest.param(b"", {}, "EMPTY_FILE", id="empty file"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(range(256)), {}, "UNSUPPORTED_TYPE", id="image"),
        pytest.param(bytes(range(256)) * 9, {}, "UNSUPPORTED_TYPE", id="unknown type"),
        pytest.param(b" \n\t\n ", {}, "NO_TEXT", id="white space"),
        pytest.param(pdf("", ""), {}, "NO_TEXT", id="PDF without a text layer"),
        pytest.param(b"too long", {"max_document_bytes": "7"}, "TOO_LARGE", id="too large"),
        pytest.param(b"too long", {"max_document_characters": "7"}, "TOO_MUCH_TEXT", id="too much text"),
        pytest.param(pdf("1", "2", "3"), {"max_document_pages": "2"}, "TOO_MANY_PAGES", id="too many pages"),
        pytest.param(b"<p>word</p>", {"max_document_markup_bytes": "10"}, "TOO_MUCH_TEXT", id="too much markup"),
        pytest.param(b"[[[1]]]", {"max_document_depth": "2"}, "NESTED_TOO_DEEPLY", id="too deep"),
        pytest.param(docx(), {"max_document_parts": "2"}, "TOO_MANY_PARTS", id="too many parts"),
        pytest.param(
            docx(), {"max_document_decompressed_bytes": "99"}, "DECOMPRESSED_TOO_LARGE", id="too large unpacked"
        ),
        pytest.param(
            zip_bomb(17_000_000), {"max_document_compression_ratio": "2000"}, "NO_TEXT", id="packed as well as may be"
        ),
    ],
)
def test_what_cannot_be_read_ends_failed_with_stage_and_reason(
    installation: Installation, name: str, content: bytes, settings: Mapping[str, str], reason: str
) -> None:
    registered = installation.register(name, content)
    chunk = installation.create("chunk", **settings)["chunk"] if settings else installation.functions["chunk"]
    assert chunk.post("/", json=registered.body).status_code == 204
    assert installation.topics.take() == []
    job = registered.content["job_id"]
    assert outcome(installation, job) == ("failed", "chunk", reason, False)
    assert installation.job(job)["finished_at"] is not None
    assert installation.job(job)["lease_token"] is None
    assert str(installation.job(job)["error_message"]).endswith((".", "?"))
    assert installation.document(registered.content["document_id"])["status"] == "failed"
    assert batches(installation, job) == []
    assert split_objects(installation, job) == []


@pytest.mark.parametrize("content", [pdf("The first.", "The second."), b"exactly"])
def test_what_is_just_within_a_limit_is_read(installation: Installation, name: str, content: bytes) -> None:
    limits = {"max_document_pages": "2", "max_document_bytes": str(len(content))}
    registered = installation.register(name, content)
    assert installation.create("chunk", **limits)["chunk"].post("/", json=registered.body).status_code == 204
    assert [each.subscription for each in installation.topics.take()] == ["embed"]


def test_a_held_lease_defers_and_publishes_the_message_again(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    hold_lease(installation, registered.content["job_id"])
    before = installation.job(registered.content["job_id"])
    [again] = installation.accept("chunk", registered.body)
    assert (again.subscription, again.content) == ("chunk", registered.content)
    assert again.attributes == {**registered.attributes, "deferrals": "1"}
    assert installation.job(registered.content["job_id"]) == before
    expire_lease(installation, registered.content["job_id"])
    assert len(installation.accept("chunk", again.body)) == 3


def test_whoever_lost_its_lease_changes_nothing(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    job = registered.content["job_id"]
    taken_over = "if new.lease_token is not null then new.lease_token := gen_random_uuid(); end if; return new;"
    with installation.triggered("ingestion_jobs", "before update of lease_token", taken_over):
        [again] = installation.accept("chunk", registered.body)
    assert (again.subscription, again.attributes["deferrals"]) == ("chunk", "1")
    row = installation.job(job)
    assert (row["status"], row["stage"], row["total_chunks"], row["attempts"]) == ("running", "chunk", None, 0)
    assert row["lease_token"] is not None
    assert batches(installation, job) == []
    stored = split_objects(installation, job)
    expire_lease(installation, job)
    assert len(installation.accept("chunk", again.body)) == 3
    assert split_objects(installation, job) == stored


def test_a_failure_counts_as_an_attempt_and_gives_the_lease_back(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    job = registered.content["job_id"]
    broken = installation.create("chunk", extraction_bucket="no-such-bucket")["chunk"]
    assert broken.post("/", json=registered.body).status_code in {500, 503}
    row = installation.job(job)
    assert (row["attempts"], row["lease_token"], row["status"]) == (1, None, "running")
    assert len(installation.accept("chunk", registered.body)) == 3
    assert installation.job(job)["attempts"] == 1


def test_a_job_that_something_newer_took_the_place_of_ends_superseded(installation: Installation, name: str) -> None:
    old = installation.register(name, HANDBOOK)
    new = installation.register(name, HANDBOOK)
    assert installation.accept("chunk", old.body) == []
    assert installation.job(old.content["job_id"])["reason"] == "SUPERSEDED"
    assert installation.document(new.content["document_id"])["status"] == "uploaded"
    assert len(installation.accept("chunk", new.body)) == 3


def test_a_job_whose_generation_is_gone_ends_superseded(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    installation.storage.bucket(installation.bucket).blob(name).delete()
    assert installation.accept("chunk", registered.body) == []
    assert outcome(installation, registered.content["job_id"]) == SUPERSEDED


def test_a_job_whose_generation_was_overwritten_ends_superseded(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    installation.upload(name, "A newer text that nobody was told of yet.")
    assert installation.accept("chunk", registered.body) == []
    assert outcome(installation, registered.content["job_id"]) == SUPERSEDED


def test_a_job_of_a_deleted_project_ends_superseded(installation: Installation) -> None:
    installation.project("acme", "closed")
    registered = installation.register("acme/closed/a.md", HANDBOOK)
    installation.administration.delete_project("acme", "closed")
    assert installation.accept("chunk", registered.body) == []
    assert outcome(installation, registered.content["job_id"]) == SUPERSEDED


def test_a_document_deleted_while_it_was_read_ends_superseded(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    document = registered.content["document_id"]
    deleted = (
        "if new.lease_token is not null then"
        f" update documents set deleted_generation = generation, wanted_job_id = null where id = '{document}';"
        " end if; return null;"
    )
    with installation.triggered("ingestion_jobs", "after update of lease_token", deleted):
        assert installation.accept("chunk", registered.body) == []
    assert outcome(installation, registered.content["job_id"]) == SUPERSEDED
    assert batches(installation, registered.content["job_id"]) == []


def test_a_message_of_a_job_that_is_not_there_is_tried_again(installation: Installation) -> None:
    assert installation.deliver("chunk", event("document-registered")).status_code == 500
    assert installation.topics.take() == []


def test_the_settings_of_the_job_decide_whatever_the_function_was_started_with(
    installation: Installation, name: str
) -> None:
    registered = installation.register(name, HANDBOOK)
    other = installation.create("chunk", chunk_size="240", chunk_overlap="32")["chunk"]
    assert other.post("/", json=registered.body).status_code == 204
    assert installation.job(registered.content["job_id"])["total_chunks"] == 5
    assert len(installation.topics.take()) == 3


def test_the_job_is_the_first_run_of_its_generation(installation: Installation, name: str) -> None:
    content = installation.register(name, HANDBOOK).content
    assert content["job_id"] == str(job_id(UUID(content["document_id"]), content["generation"], 1))


def test_a_chunk_over_several_pages_knows_where_each_begins(installation: Installation, name: str) -> None:
    registered = installation.register(name, pdf("The first page.", "The second page.", "The third page."))
    published = installation.accept("chunk", registered.body)
    chunks = [chunk for each in published for chunk in each.content["chunks"]]
    assert installation.job(registered.content["job_id"])["pages"] == 3
    text = chunks[0]["text"]
    assert [text.index(f"The {word} page.") for word in ("first", "second", "third")] == [
        0,
        *chunks[0]["bounds"]["page_breaks"],
    ]
    assert (chunks[0]["bounds"]["page_start"], chunks[0]["bounds"]["page_end"]) == (1, 3)
