"""`BatchRows` and `ChunkRows` on Postgres. A lease of less than no seconds is one that has run out."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from common.messages import DocumentRegistered
from common.model.chunks import ChunkOwner, chunk_id
from common.model.documents import Batch, BatchState, Route
from tests.rows import Installation, embedded, new_chunk, recorded, registered, split


@pytest.fixture
def message(installation: Installation, place: Route) -> DocumentRegistered:
    """A job of five chunks in three batches."""
    message = registered(installation, place)
    split(installation, message, chunks=5, batch_size=2)
    return message


def create(installation: Installation, message: DocumentRegistered, chunks: int, size: int) -> None:
    with installation.database.transaction() as transaction:
        job = transaction.jobs.lock(message.job_id)
        assert job is not None
        transaction.batches.create(job, chunks, size)


def batches(installation: Installation, message: DocumentRegistered) -> list[Batch]:
    with installation.database.transaction() as transaction:
        return list(transaction.batches.of_job(message.job_id))


def lease(installation: Installation, message: DocumentRegistered, index: int, seconds: float = 60) -> UUID:
    token = uuid4()
    with installation.database.transaction() as transaction:
        transaction.batches.lease(message.job_id, index, token, seconds)
    return token


def renew(installation: Installation, message: DocumentRegistered, index: int, token: UUID) -> bool:
    with installation.database.transaction() as transaction:
        return transaction.batches.renew(message.job_id, index, token, 60)


def release(
    installation: Installation, message: DocumentRegistered, index: int, token: UUID, *, failed: bool = True
) -> None:
    with installation.database.transaction() as transaction:
        transaction.batches.release(message.job_id, index, token, failed=failed)


def mark_embedded(installation: Installation, message: DocumentRegistered, index: int, token: UUID) -> bool:
    with installation.database.transaction() as transaction:
        return transaction.batches.mark_embedded(message.job_id, index, token)


def attempts(installation: Installation, message: DocumentRegistered) -> int:
    return int(installation.row("select attempts from ingestion_jobs where id = :id", id=message.job_id).attempts)


@pytest.mark.parametrize(("chunks", "size"), [(1, 1), (1, 8), (7, 1), (8, 8), (9, 8), (16, 8), (17, 5)])
def test_the_batches_hold_each_chunk_once(installation: Installation, place: Route, chunks: int, size: int) -> None:
    message = registered(installation, place)
    create(installation, message, chunks, size)
    found = batches(installation, message)
    assert [batch.index for batch in found] == list(range(len(found)))
    assert [n for batch in found for n in range(batch.chunk_start, batch.chunk_start + batch.chunk_count)] == list(
        range(chunks)
    )
    assert all(0 < batch.chunk_count <= size for batch in found)
    assert {(batch.state, batch.leased) for batch in found} == {(BatchState.PENDING, False)}


def test_creating_again_leaves_the_batches_as_they_are(installation: Installation, message: DocumentRegistered) -> None:
    embedded(installation, message, 0)
    lease(installation, message, 1)
    before = batches(installation, message)
    create(installation, message, 5, 2)
    assert batches(installation, message) == before
    assert [batch.state for batch in before] == [BatchState.EMBEDDED, BatchState.PENDING, BatchState.PENDING]


def test_a_batch_is_locked_by_its_index(installation: Installation, message: DocumentRegistered) -> None:
    with installation.database.transaction() as transaction:
        assert transaction.batches.lock(message.job_id, 2) == batches(installation, message)[2]
        assert transaction.batches.lock(message.job_id, 3) is None


def test_a_lease_is_one_batch_s_own_and_runs_out(installation: Installation, message: DocumentRegistered) -> None:
    token = lease(installation, message, 1, -1)
    assert not any(batch.leased for batch in batches(installation, message))
    assert not renew(installation, message, 0, token)
    assert renew(installation, message, 1, token)
    assert [batch.leased for batch in batches(installation, message)] == [False, True, False]


def test_who_lost_the_lease_changes_nothing(installation: Installation, message: DocumentRegistered) -> None:
    late = lease(installation, message, 1, -1)
    lease(installation, message, 1)
    before = batches(installation, message)
    assert not renew(installation, message, 1, late)
    assert not mark_embedded(installation, message, 1, late)
    release(installation, message, 1, late)
    assert batches(installation, message) == before
    assert attempts(installation, message) == 0


def test_a_lease_given_back_counts_the_attempt_on_the_job(
    installation: Installation, message: DocumentRegistered
) -> None:
    release(installation, message, 0, lease(installation, message, 0))
    release(installation, message, 1, lease(installation, message, 1))
    assert attempts(installation, message) == 2
    assert not any(batch.leased for batch in batches(installation, message))


def test_a_lease_given_back_because_it_is_too_early_counts_as_no_attempt(
    installation: Installation, message: DocumentRegistered
) -> None:
    release(installation, message, 0, lease(installation, message, 0), failed=False)
    assert attempts(installation, message) == 0
    assert not any(batch.leased for batch in batches(installation, message))


def test_an_embedded_batch_gives_its_lease_back_and_is_embedded_once(
    installation: Installation, message: DocumentRegistered
) -> None:
    token = lease(installation, message, 0)
    assert mark_embedded(installation, message, 0, token)
    batch = batches(installation, message)[0]
    assert (batch.state, batch.leased) == (BatchState.EMBEDDED, False)
    assert not mark_embedded(installation, message, 0, token)
    assert not mark_embedded(installation, message, 0, lease(installation, message, 0))


def test_a_recorded_batch_never_moves_back(installation: Installation, message: DocumentRegistered) -> None:
    recorded(installation, embedded(installation, message, 0))
    assert batches(installation, message)[0].state is BatchState.RECORDED
    assert not mark_embedded(installation, message, 0, lease(installation, message, 0))
    assert batches(installation, message)[0].state is BatchState.RECORDED


def test_recording_does_not_wait_for_a_batch_to_be_marked_embedded(
    installation: Installation, message: DocumentRegistered
) -> None:
    token = lease(installation, message, 0)
    with installation.database.transaction() as transaction:
        transaction.batches.mark_recorded(message.job_id, 0)
    batch = batches(installation, message)[0]
    assert (batch.state, batch.leased) == (BatchState.RECORDED, False)
    assert not mark_embedded(installation, message, 0, token)


def record(installation: Installation, owner: ChunkOwner, *contents: str, title: str = "title") -> None:
    chunks = [new_chunk(index, content) for index, content in enumerate(contents)]
    with installation.database.transaction() as transaction:
        transaction.chunks.record(owner, title, chunks)


CHUNKS = "select * from document_chunks where job_id = :id order by chunk_index"


def test_a_chunk_s_row_tells_its_place(installation: Installation, message: DocumentRegistered) -> None:
    record(installation, message.owner, "One.", "Größe ≥ 2 🙂 " + "x" * 300)
    first, second = installation.rows(CHUNKS, id=message.job_id)
    assert first.id == chunk_id(message.job_id, 0)
    assert (first.vector_id, first.chunk_index) == (str(first.id), 0)
    assert (first.team_id, first.project_id, first.document_id) == (
        message.team_id,
        message.project_id,
        message.document_id,
    )
    bounds = new_chunk(1, "Größe ≥ 2 🙂 " + "x" * 300).bounds
    assert (second.char_start, second.char_end, second.page_start, second.page_end) == (
        bounds.char_start,
        bounds.char_end,
        1,
        1,
    )
    assert (second.heading_path, second.token_count, second.page_breaks) == (["Heading"], 7, [])
    assert second.text_preview == ("Größe ≥ 2 🙂 " + "x" * 300)[:200]
    assert second.retired_at is None


def test_recording_again_changes_nothing(installation: Installation, message: DocumentRegistered) -> None:
    record(installation, message.owner, "One.", "Two.")
    before = installation.rows(CHUNKS, id=message.job_id)
    record(installation, message.owner, "Other.", "Two.", "Three.")
    after = installation.rows(CHUNKS, id=message.job_id)
    assert after[:2] == before
    assert len(after) == 3


def test_words_of_title_headings_and_text_are_searched(installation: Installation, message: DocumentRegistered) -> None:
    record(installation, message.owner, "The batteries last long.", title="Handbook")
    for word in ("handbooks", "heading", "battery"):
        found = "select 1 from document_chunks where job_id = :id and tsv @@ plainto_tsquery('english', :word)"
        assert installation.rows(found, id=message.job_id, word=word)
