"""What the protocol claims of functions that work at the same time, with real threads and connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest

from common.adapters.google_pubsub import GooglePublisher
from common.adapters.postgres.chunk_texts import PostgresChunkTexts
from common.adapters.postgres.vectors import PgVectorIndex
from common.messages import BatchEmbedded, DocumentRegistered
from common.model.chunks import chunk_id
from common.model.documents import JobStatus, Route, Stage, StoredObject
from common.model.questions import Scope
from common.registration import register
from functions.reconcile.retention import Retention
from functions.record.use_case import RecordBatch
from tests.rows import (
    MODEL,
    SETTINGS,
    Installation,
    answered,
    chunk_ids,
    direction,
    embedded,
    finished,
    live,
    made_live,
    new_object,
    new_place,
    next_generation,
    recorded,
    registered,
    split,
)

WAIT_SECONDS = 20.0
"""How long a test waits for what must happen; only a failing test waits that long."""
ROUNDS = 10


def at_once[T](*works: Callable[[], T]) -> list[T]:
    """What the works return, each done in a thread of its own, all begun together."""
    together = threading.Barrier(len(works), timeout=WAIT_SECONDS)

    def begin(work: Callable[[], T]) -> T:
        together.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(begin, works))


def last_two_batches(installation: Installation, message: DocumentRegistered) -> list[BatchEmbedded]:
    """A job of six chunks with two batches left to record."""
    split(installation, message, chunks=6, batch_size=2)
    first, *rest = [embedded(installation, message, index) for index in range(3)]
    assert not recorded(installation, first)
    return rest


def record_use_case(installation: Installation) -> RecordBatch:
    return RecordBatch(
        database=installation.database,
        index=PgVectorIndex(installation.pipeline),
        texts=PostgresChunkTexts(installation.pipeline),
        publisher=GooglePublisher("nothing-is-published"),
    )


def test_of_the_last_two_batches_recorded_at_once_exactly_one_is_the_last(
    installation: Installation, place: Route
) -> None:
    for _ in range(ROUNDS):
        left = last_two_batches(installation, registered(installation, place))
        last = at_once(*(lambda batch=batch: recorded(installation, batch) for batch in left))
        assert sorted(last) == [False, True]


def test_batches_recorded_at_once_and_twice_make_the_job_live(installation: Installation, place: Route) -> None:
    record = record_use_case(installation)
    for _ in range(ROUNDS):
        message = registered(installation, place)
        left = last_two_batches(installation, message)
        at_once(*(lambda batch=batch: record(batch) for batch in left * 2))
        assert installation.document(message).active_job_id == message.job_id
        assert installation.job(message).status is JobStatus.SUCCEEDED
        held = "select id from document_chunks where document_id = :id and retired_at is null order by chunk_index"
        assert [row.id for row in installation.rows(held, id=message.document_id)] == chunk_ids(message, 6)


def test_a_job_goes_live_once_of_those_who_try_at_once(installation: Installation, place: Route) -> None:
    record = record_use_case(installation)
    for _ in range(ROUNDS):
        message = registered(installation, place)
        batch = last_two_batches(installation, message)[1]
        finish_without_going_live(installation, message)
        went = at_once(*[lambda: went_live(installation, message)] * 3)  # noqa: B023
        assert sorted(went) == [False, False, True]
        record(batch)
        assert installation.document(message).active_job_id == message.job_id


def finish_without_going_live(installation: Installation, message: DocumentRegistered) -> None:
    with installation.database.transaction() as transaction:
        batches = transaction.batches.of_job(message.job_id)
        transaction.jobs.lock(message.job_id)
        for batch in batches:
            transaction.batches.mark_recorded(message.job_id, batch.index)
        assert transaction.jobs.progress(message.job_id)


def went_live(installation: Installation, message: DocumentRegistered) -> bool:
    """Go live as `record` does: under the locks, unless the job is finished."""
    with installation.database.transaction() as transaction:
        document = transaction.documents.lock(message.document_id)
        job = transaction.jobs.lock(message.job_id)
        assert document is not None
        assert job is not None
        if job.status.finished:
            return False
        transaction.jobs.go_live(document, job.id)
        return True


def test_an_object_announced_many_times_at_once_is_one_document_with_one_job(
    installation: Installation, place: Route
) -> None:
    for _ in range(ROUNDS):
        stored = new_object(place)
        messages = at_once(*[lambda: registered(installation, place, stored)] * 4)  # noqa: B023
        assert all(message == messages[0] for message in messages)
        jobs = installation.rows("select id from ingestion_jobs where document_id = :id", id=messages[0].document_id)
        assert [row.id for row in jobs] == [messages[0].job_id]


def test_of_generations_announced_at_once_the_newest_wins(installation: Installation, place: Route) -> None:
    def announce(stored: StoredObject) -> None:
        with installation.database.transaction() as transaction:
            register(transaction, stored, place, SETTINGS)

    for _ in range(ROUNDS):
        first = new_object(place)
        second = next_generation(first)
        third = next_generation(second)
        at_once(*(lambda stored=stored: announce(stored) for stored in (third, first, second)))
        message = registered(installation, place, third)
        document = installation.document(message)
        assert (document.generation, document.wanted_job_id) == (3, message.job_id)
        unfinished = "select id from ingestion_jobs where document_id = :id and status in ('queued', 'running')"
        assert [row.id for row in installation.rows(unfinished, id=document.id)] == [message.job_id]


@pytest.mark.parametrize("locked", ["document", "job"])
def test_chunks_are_written_while_their_document_or_job_is_locked(
    installation: Installation, place: Route, locked: str
) -> None:
    """They refer to both rows; waiting for their locks would turn the order of locks round."""
    message = registered(installation, place)
    split(installation, message, chunks=2)
    batch = embedded(installation, message, 0)
    texts = {chunk_id(message.job_id, chunk.index): chunk.text for chunk in batch.chunks}

    def write() -> None:
        PostgresChunkTexts(installation.pipeline).put(batch.owner, texts)
        PgVectorIndex(installation.pipeline).upsert(batch.owner, dict.fromkeys(texts, direction(0)))
        with installation.database.transaction() as transaction:
            transaction.chunks.record(batch.owner, batch.title, batch.chunks)

    with ThreadPoolExecutor(1) as threads, installation.database.transaction() as transaction:
        if locked == "document":
            transaction.documents.lock(message.document_id)
        else:
            transaction.jobs.lock(message.job_id)
        threads.submit(write).result(timeout=WAIT_SECONDS)
    assert len(installation.rows("select id from document_chunks where job_id = :id", id=message.job_id)) == 2


def test_going_live_and_recording_at_once_do_not_deadlock(installation: Installation, place: Route) -> None:
    """`record` holds the job and writes rows that refer to the document, while another holds the document first."""
    message = registered(installation, place)
    split(installation, message, chunks=4)
    one, two = (embedded(installation, message, index) for index in range(2))
    holds_job, holds_document = threading.Event(), threading.Event()

    def record() -> None:
        with installation.database.transaction() as transaction:
            transaction.jobs.lock(message.job_id)
            holds_job.set()
            assert holds_document.wait(WAIT_SECONDS)
            transaction.chunks.record(one.owner, one.title, one.chunks)

    def lock_both() -> None:
        assert holds_job.wait(WAIT_SECONDS)
        with installation.database.transaction() as transaction:
            transaction.documents.lock(message.document_id)
            holds_document.set()
            transaction.jobs.lock(message.job_id)
            transaction.chunks.record(two.owner, two.title, two.chunks)

    at_once(record, lock_both)
    assert len(installation.rows("select id from document_chunks where job_id = :id", id=message.job_id)) == 4


@contextmanager
def repeating(work: Callable[[], None]) -> Iterator[None]:
    """Do the work over and over while the block runs, and at least once more behind it."""
    stopped = threading.Event()

    def repeat() -> None:
        while not stopped.is_set():
            work()
        work()

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(repeat)
        try:
            yield
        finally:
            stopped.set()
        running.result(timeout=WAIT_SECONDS)


def test_a_reader_sees_the_old_chunks_or_the_new_never_both_or_none(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    message = live(installation, place, stored, chunks=1)
    index = PgVectorIndex(installation.api)
    scope = Scope(place.team_id, place.project_id)
    has_read = threading.Event()
    seen: dict[str, set[frozenset[object]]] = {"rows": set(), "vectors": set(), "words": set()}

    def read() -> None:
        with installation.team_database.transaction(place.team_id) as transaction:
            chunks = transaction.catalog.chunks(message.document_id, -1, 50)
            seen["rows"].add(frozenset(chunk.id for chunk in chunks))
        with installation.team_database.transaction(place.team_id) as transaction:
            hits = transaction.questions.lexical_hits(scope, ["chunk"], 50)
            seen["words"].add(frozenset(hit.chunk_id for hit in hits))
        found = index.search(scope, direction(0), MODEL, 50)
        seen["vectors"].add(frozenset(hit.chunk_id for hit in found))
        has_read.set()

    generations = [message]
    with repeating(read):
        for number in range(2, 2 + ROUNDS):
            stored = next_generation(stored)
            new = finished(installation, registered(installation, place, stored), chunks=number)
            generations.append(made_live(installation, new))
            has_read.clear()
            assert has_read.wait(WAIT_SECONDS)
    whole = {frozenset(chunk_ids(each, count)) for count, each in enumerate(generations, start=1)}
    for found in seen.values():
        assert found <= whole
        assert frozenset(chunk_ids(generations[-1], 1 + ROUNDS)) in found
        assert len(found) > 1


def test_nothing_of_a_new_generation_is_seen_before_the_commit(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    old = live(installation, place, stored)
    new = finished(installation, registered(installation, place, next_generation(stored)))

    def answering() -> list[object]:
        with installation.team_database.transaction(place.team_id) as transaction:
            return [chunk.id for chunk in transaction.catalog.chunks(old.document_id, -1, 10)]

    with installation.database.transaction() as transaction:
        document = transaction.documents.lock(new.document_id)
        assert document is not None
        transaction.jobs.go_live(document, new.job_id)
        assert answering() == chunk_ids(old)
    assert answering() == chunk_ids(new)


def test_going_live_that_fails_leaves_the_old_one_live(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    old = live(installation, place, stored)
    new = finished(installation, registered(installation, place, next_generation(stored)))

    def crash() -> None:
        with installation.database.transaction() as transaction:
            document = transaction.documents.lock(new.document_id)
            assert document is not None
            transaction.jobs.go_live(document, new.job_id)
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        crash()
    assert installation.document(old).active_job_id == old.job_id
    assert not installation.job(new).status.finished
    retired = "select id from document_chunks where document_id = :id and retired_at is not null"
    assert installation.rows(retired, id=old.document_id) == []


def test_two_runs_at_once_forget_each_question_once_and_its_tombstones(
    installation: Installation, place: Route
) -> None:
    forget = Retention(
        database=installation.database, query_log_seconds=60, failed_message_seconds=0, fetch_log_seconds=0, limit=1
    )
    for _ in range(ROUNDS):
        message = live(installation, place)
        for _ in range(3):
            answered(installation, message, *chunk_ids(message))
        installation.execute("update query_logs set created_at = now() - interval '1 hour'")
        installation.execute("update ingestion_jobs set purged_at = now() where id = :id", id=message.job_id)
        done = at_once(*[lambda: sum(work.counts.get("forgotten", 0) for work in forget())] * 2)
        assert sum(done) == 3
        assert installation.rows("select id from document_chunks where job_id = :id", id=message.job_id) == []
        assert installation.rows("select id from query_logs") == []


def test_of_a_purge_and_a_replay_at_once_exactly_one_has_the_job(installation: Installation, place: Route) -> None:
    def purge(message: DocumentRegistered) -> bool:
        with installation.database.transaction() as transaction:
            transaction.documents.lock(message.document_id)
            transaction.jobs.lock(message.job_id)
            return transaction.purges.begin(message.job_id)

    def replay(message: DocumentRegistered) -> bool:
        with installation.database.transaction() as transaction:
            transaction.documents.lock(message.document_id)
            transaction.jobs.lock(message.job_id)
            return transaction.jobs.resume(message.job_id)

    for _ in range(ROUNDS):
        message = registered(installation, place)
        split(installation, message, chunks=3)
        with installation.database.transaction() as transaction:
            transaction.jobs.fail(message.job_id, stage=Stage.EMBED, reason="QUOTA", message="Over.", retryable=True)
        purged, resumed = at_once(partial(purge, message), partial(replay, message))
        assert purged is not resumed
        assert installation.job(message).purge_started is purged


def test_a_job_that_goes_live_while_its_project_s_documents_are_withdrawn_answers_nothing_in_the_end(
    installation: Installation,
) -> None:
    def go_live(message: DocumentRegistered) -> None:
        with installation.database.transaction() as transaction:
            document = transaction.documents.lock(message.document_id)
            job = transaction.jobs.lock(message.job_id)
            assert document is not None
            assert job is not None
            if document.wants(job.id) and not job.status.finished:
                transaction.jobs.go_live(document, job.id)

    def withdraw() -> None:
        with installation.database.transaction() as transaction:
            transaction.deletions.withdraw(100)

    for _ in range(ROUNDS):
        place = new_place(installation)
        message = finished(installation, registered(installation, place))
        at_once(
            partial(go_live, message),
            partial(installation.administration.delete_project, str(place.team_id), str(place.project_id)),
            withdraw,
        )
        withdraw()
        document = installation.document(message)
        assert (document.wanted_job_id, document.active_job_id) == (None, None)
        left = "select count(*) as n from document_chunks where document_id = :id and retired_at is null"
        assert installation.row(left, id=document.id).n == 0
