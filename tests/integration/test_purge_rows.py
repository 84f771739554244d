"""`PurgeRows` on Postgres: what may go, and what stays."""

from __future__ import annotations

from uuid import UUID

import pytest

from common.adapters.postgres.vectors import PgVectorIndex
from common.messages import DocumentRegistered
from common.model.chunks import ChunkOwner
from common.model.documents import DeletionCause, Route, Stage
from tests.rows import (
    Installation,
    answered,
    chunk_ids,
    finished,
    live,
    new_object,
    new_place,
    next_generation,
    registered,
    reprocessed,
    split,
)

HOUR = 3600.0
WEEK = 7 * 24 * HOUR


def due(installation: Installation, message: DocumentRegistered, grace: float = 0) -> list[UUID]:
    with installation.database.transaction() as transaction:
        return [job.owner.job_id for job in transaction.purges.due(message.document_id, grace)]


def documents_due(installation: Installation, grace: float = 0, limit: int = 1000) -> list[tuple[UUID, UUID]]:
    with installation.database.transaction() as transaction:
        return list(transaction.purges.documents_due(grace, limit))


def begin(installation: Installation, message: DocumentRegistered) -> bool:
    with installation.database.transaction() as transaction:
        transaction.documents.lock(message.document_id)
        transaction.jobs.lock(message.job_id)
        return transaction.purges.begin(message.job_id)


def complete(installation: Installation, message: DocumentRegistered, retention: float = WEEK) -> None:
    with installation.database.transaction() as transaction:
        transaction.purges.complete(message.job_id, HOUR, retention)


def resume(installation: Installation, message: DocumentRegistered) -> bool:
    with installation.database.transaction() as transaction:
        transaction.documents.lock(message.document_id)
        return transaction.jobs.resume(message.job_id)


def age(installation: Installation, message: DocumentRegistered, seconds: float) -> None:
    """The job was purged for the first time, and is to be purged again, so much earlier."""
    installation.execute(
        "update ingestion_jobs set purged_at = purged_at - make_interval(secs => :seconds),"
        " next_purge_at = next_purge_at - make_interval(secs => :seconds) where id = :id",
        id=message.job_id,
        seconds=seconds,
    )


def wait(installation: Installation, message: DocumentRegistered) -> float | None:
    """Seconds until the job is to be purged again."""
    statement = (
        "select round(extract(epoch from next_purge_at - now()))::float8 as wait from ingestion_jobs where id = :id"
    )
    found: float | None = installation.row(statement, id=message.job_id).wait
    return found


def delete(installation: Installation, message: DocumentRegistered) -> None:
    with installation.database.transaction() as transaction:
        transaction.documents.delete(message.document_id, message.generation, DeletionCause.OBJECT)


def fail(installation: Installation, message: DocumentRegistered) -> None:
    with installation.database.transaction() as transaction:
        transaction.jobs.fail(message.job_id, stage=Stage.EMBED, reason="QUOTA", message="Over.", retryable=True)


def replaced(installation: Installation, place: Route) -> tuple[DocumentRegistered, DocumentRegistered]:
    """A document of two generations: the old job and the live one."""
    stored = new_object(place)
    old = live(installation, place, stored)
    return old, live(installation, place, next_generation(stored))


def test_a_live_job_and_one_at_work_are_not_due(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    message = live(installation, place, stored)
    registered(installation, place, next_generation(stored))
    assert due(installation, message) == []
    assert (message.team_id, message.document_id) not in documents_due(installation)


def test_a_replaced_job_is_due_after_the_grace(installation: Installation, place: Route) -> None:
    old, new = replaced(installation, place)
    assert due(installation, new, HOUR) == []
    assert due(installation, new) == [old.job_id]
    installation.execute(
        "update ingestion_jobs set retired_at = retired_at - interval '61 minutes' where id = :id", id=old.job_id
    )
    assert due(installation, new, HOUR) == [old.job_id]


def test_what_is_due_says_whose_it_is_and_how_many_chunks_it_had(installation: Installation, place: Route) -> None:
    old, _ = replaced(installation, place)
    with installation.database.transaction() as transaction:
        (job,) = transaction.purges.due(old.document_id, 0)
    assert job.owner == old.owner
    assert job.total_chunks == 3


@pytest.mark.parametrize("work", ["nothing", "split", "all"])
def test_a_superseded_job_is_due_at_once_however_far_it_came(
    installation: Installation, place: Route, work: str
) -> None:
    stored = new_object(place)
    old = registered(installation, place, stored)
    if work == "split":
        split(installation, old, chunks=3)
    elif work == "all":
        finished(installation, old)
    new = registered(installation, place, next_generation(stored))
    assert due(installation, new, HOUR) == [old.job_id]
    with installation.database.transaction() as transaction:
        (job,) = transaction.purges.due(old.document_id, HOUR)
    assert job.total_chunks == (0 if work == "nothing" else 3)


def test_a_failed_job_is_due_at_once_and_the_live_one_is_not(installation: Installation, place: Route) -> None:
    first = live(installation, place)
    second = reprocessed(installation, first)
    split(installation, second, chunks=3)
    fail(installation, second)
    assert due(installation, first, HOUR) == [second.job_id]


def test_every_job_of_a_deleted_document_becomes_due(installation: Installation, place: Route) -> None:
    first = live(installation, place)
    second = reprocessed(installation, first)
    delete(installation, first)
    assert due(installation, first, HOUR) == [second.job_id]
    assert set(due(installation, first)) == {first.job_id, second.job_id}


def test_documents_with_something_due_are_found_once(installation: Installation, place: Route) -> None:
    old, new = replaced(installation, place)
    other = live(installation, place)
    for _ in range(2):
        reprocessed(installation, other)
    ours = [(message.team_id, message.document_id) for message in (new, other)]
    found = documents_due(installation)
    assert [found.count(each) for each in ours] == [1, 1]
    assert ours[0] not in documents_due(installation, HOUR)
    assert ours[1] in documents_due(installation, HOUR)
    assert len(documents_due(installation, limit=1)) == 1
    complete(installation, old)
    assert ours[0] not in documents_due(installation)


def test_a_purged_job_waits_for_its_repetition_and_its_rows_are_gone(installation: Installation, place: Route) -> None:
    old, new = replaced(installation, place)
    assert begin(installation, old)
    for _ in range(2):
        complete(installation, old)
    assert due(installation, new) == []
    assert installation.job(old).purge_started
    assert not installation.rows("select id from document_chunks where job_id = :id", id=old.job_id)
    assert len(installation.rows("select id from document_chunks where job_id = :id", id=new.job_id)) == 3


def test_a_cited_chunk_stays_as_a_tombstone_without_text(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    old = live(installation, place, stored)
    cited = chunk_ids(old)[1]
    before = installation.row("select * from document_chunks where id = :id", id=cited)
    answered(installation, old, cited)
    live(installation, place, next_generation(stored))
    complete(installation, old)
    row = installation.row("select * from document_chunks where job_id = :id", id=old.job_id)
    assert row.id == cited
    assert (row.text_preview, row.tsv, row.heading_path) == (None, None, [])
    assert row.retired_at is not None
    assert (row.char_start, row.char_end, row.page_start) == (before.char_start, before.char_end, before.page_start)


def test_a_tombstone_of_a_failed_run_is_retired(installation: Installation, place: Route) -> None:
    message = finished(installation, registered(installation, place))
    answered(installation, message, chunk_ids(message)[0])
    fail(installation, message)
    complete(installation, message)
    row = installation.row("select retired_at from document_chunks where job_id = :id", id=message.job_id)
    assert row.retired_at is not None


def test_nothing_of_another_document_is_due(installation: Installation, place: Route) -> None:
    old, _ = replaced(installation, place)
    other = live(installation, new_place(installation))
    assert due(installation, other) == []
    assert due(installation, old) == [old.job_id]


def test_purged_vectors_are_named_by_the_job_alone(installation: Installation, place: Route) -> None:
    """What `retire` removes by (owner, index) is what `embed` wrote."""
    old, new = replaced(installation, place)
    index = PgVectorIndex(installation.pipeline)
    with installation.database.transaction() as transaction:
        (job,) = transaction.purges.due(old.document_id, 0)
    owner: ChunkOwner = job.owner
    index.remove(owner, chunk_ids(old, job.total_chunks))
    held = "select job_id, count(*) as n from chunk_vectors where document_id = :id group by job_id"
    assert [tuple(row) for row in installation.rows(held, id=old.document_id)] == [(new.job_id, 3)]


def test_a_purge_is_repeated_at_growing_intervals_until_no_message_is_left(
    installation: Installation, place: Route
) -> None:
    old, new = replaced(installation, place)
    complete(installation, old)
    waits = []
    while (until := wait(installation, old)) is not None:
        waits.append(round(until / HOUR))
        age(installation, old, until - 1)
        assert due(installation, new) == []
        age(installation, old, 2)
        assert due(installation, new, HOUR) == [old.job_id]
        assert (old.team_id, old.document_id) in documents_due(installation, HOUR)
        complete(installation, old)
    assert waits == [1, 1, 2, 4, 8, 16, 32, 64, 40]
    closed = installation.row("select purged_at, purge_closed from ingestion_jobs where id = :id", id=old.job_id)
    assert closed.purge_closed
    assert due(installation, new) == []
    assert not begin(installation, old)


def test_the_first_purge_stays_the_one_that_is_told(installation: Installation, place: Route) -> None:
    old, _ = replaced(installation, place)
    statement = "select purge_started_at, purged_at from ingestion_jobs where id = :id"
    begin(installation, old)
    complete(installation, old)
    before = installation.row(statement, id=old.job_id)
    begin(installation, old)
    complete(installation, old)
    assert installation.row(statement, id=old.job_id) == before


def test_what_is_found_to_be_still_there_is_purged_again_also_after_the_last_time(
    installation: Installation, place: Route
) -> None:
    old, new = replaced(installation, place)
    complete(installation, old, retention=0)
    assert due(installation, new) == []
    with installation.database.transaction() as transaction:
        transaction.purges.again(old.job_id)
        transaction.purges.again(new.job_id)
    assert due(installation, new, HOUR) == [old.job_id]


def test_a_job_that_goes_on_meanwhile_is_not_purged(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    split(installation, message, chunks=3)
    fail(installation, message)
    assert due(installation, message, HOUR) == [message.job_id]
    assert resume(installation, message)
    assert not begin(installation, message)
    assert not installation.job(message).purge_started
    assert due(installation, message) == []
    fail(installation, message)
    assert begin(installation, message)
    assert not resume(installation, message)


def test_what_answers_or_is_to_answer_is_not_purged(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    waiting = reprocessed(installation, message)
    assert [begin(installation, each) for each in (message, waiting)] == [False, False]


def test_the_longest_due_comes_first_and_no_more_than_asked_for(installation: Installation) -> None:
    place = new_place(installation)
    installation.execute("update ingestion_jobs set purge_closed = true where unwanted_since is not null")
    messages = [registered(installation, place) for _ in range(3)]
    for minutes, message in zip((10, 30, 20), messages, strict=True):
        fail(installation, message)
        installation.execute(
            "update ingestion_jobs set finished_at = now() - make_interval(mins => :minutes) where id = :id",
            minutes=minutes,
            id=message.job_id,
        )
    expected = [(each.team_id, each.document_id) for each in (messages[1], messages[2], messages[0])]
    assert documents_due(installation) == expected
    assert documents_due(installation, limit=2) == expected[:2]


def test_a_tombstone_is_forgotten_with_its_last_citation_and_not_written_again(
    installation: Installation, place: Route
) -> None:
    old, new = replaced(installation, place)
    answered(installation, old, chunk_ids(old)[1])
    complete(installation, old)
    statement = "select ctid::text as place, id from document_chunks where job_id = :id"
    before = installation.row(statement, id=old.job_id)
    complete(installation, old)
    assert installation.row(statement, id=old.job_id) == before
    installation.execute("delete from query_citations where chunk_id = :id", id=before.id)
    complete(installation, old)
    assert not installation.rows(statement, id=old.job_id)
    assert len(installation.rows(statement, id=new.job_id)) == 3
