"""`JobRows` on Postgres. A lease of less than no seconds is one that has run out."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from common.messages import DocumentRegistered
from common.model.documents import DeletionCause, JobSettings, JobStatus, Route, Stage, job_id
from tests.rows import (
    MODEL,
    SETTINGS,
    SHA256,
    Installation,
    chunk_ids,
    embedded,
    finished,
    live,
    made_live,
    new_object,
    next_generation,
    recorded,
    registered,
    reprocessed,
    split,
)

JOB = "select *, status::text as state, stage::text as reached from ingestion_jobs where id = :id"
DOCUMENT_STATUS = "select status::text from documents where id = :id"


def status(installation: Installation, message: DocumentRegistered) -> str:
    return str(installation.row(DOCUMENT_STATUS, id=message.document_id).status)


def lease(installation: Installation, message: DocumentRegistered, seconds: float = 60) -> UUID:
    token = uuid4()
    with installation.database.transaction() as transaction:
        transaction.jobs.lease(message.job_id, token, seconds)
    return token


def renew(installation: Installation, message: DocumentRegistered, token: UUID) -> bool:
    with installation.database.transaction() as transaction:
        return transaction.jobs.renew(message.job_id, token, 60)


def release(installation: Installation, message: DocumentRegistered, token: UUID, *, failed: bool = True) -> None:
    with installation.database.transaction() as transaction:
        transaction.jobs.release(message.job_id, token, failed=failed)


def note_pages(installation: Installation, message: DocumentRegistered, token: UUID, read: int, total: int) -> None:
    with installation.database.transaction() as transaction:
        transaction.jobs.note_pages(message.job_id, token, read=read, total=total)


def store_split(installation: Installation, message: DocumentRegistered, token: UUID, chunks: int = 3) -> bool:
    with installation.database.transaction() as transaction:
        return transaction.jobs.store_split(
            message.job_id, token, total_chunks=chunks, pages=2, warnings=["Odd."], sha256=SHA256
        )


def fail(installation: Installation, message: DocumentRegistered, reason: str = "NO_TEXT") -> None:
    with installation.database.transaction() as transaction:
        transaction.documents.lock(message.document_id)
        transaction.jobs.fail(
            message.job_id, stage=Stage.CHUNK, reason=reason, message="No text was found.", retryable=False
        )


def stalled(installation: Installation, seconds: float = 0, limit: int = 1000) -> list[UUID]:
    with installation.database.transaction() as transaction:
        return [job.id for job in transaction.jobs.claim_stalled(seconds, limit)]


def test_an_opened_job_is_the_wanted_one_and_waits(installation: Installation, place: Route) -> None:
    message = registered(installation, place, new_object(place, generation=5))
    document, job = installation.document(message), installation.job(message)
    assert job.id == document.wanted_job_id == job_id(document.id, 5, 1)
    assert document.generation == 5
    assert (job.status, job.run, job.settings) == (JobStatus.QUEUED, 1, SETTINGS)
    assert (job.leased, job.purge_started, job.split) == (False, False, False)
    row = installation.row(JOB, id=message.job_id)
    assert (row.embedding_model, row.chunks_created, row.attempts, row.started_at) == (MODEL, 0, 0, None)
    assert status(installation, message) == "uploaded"


def test_registering_again_opens_nothing_and_keeps_the_settings(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    first = registered(installation, place, stored)
    lease(installation, first)
    assert registered(installation, place, stored) == first
    assert installation.job(first).leased
    assert len(installation.rows("select 1 from ingestion_jobs where document_id = :id", id=first.document_id)) == 1


def test_a_newer_generation_supersedes_what_is_unfinished(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    old = registered(installation, place, stored)
    new = registered(installation, place, next_generation(stored))
    row = installation.row(JOB, id=old.job_id)
    assert (row.state, row.reason, row.retryable) == ("failed", "SUPERSEDED", False)
    assert row.finished_at is not None
    assert row.error_message
    document = installation.document(new)
    assert (document.generation, document.wanted_job_id) == (2, new.job_id)
    assert installation.job(new).status is JobStatus.QUEUED


def test_a_newer_generation_leaves_the_live_job_as_it_is(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    old = live(installation, place, stored)
    registered(installation, place, next_generation(stored))
    assert installation.job(old).status is JobStatus.SUCCEEDED
    assert installation.document(old).active_job_id == old.job_id


def test_runs_of_a_generation_are_numbered(installation: Installation, place: Route) -> None:
    first = live(installation, place)
    second = reprocessed(installation, first)
    third = reprocessed(installation, first)
    assert [installation.job(each).run for each in (first, second, third)] == [1, 2, 3]
    assert installation.job(second).status is JobStatus.FAILED
    with installation.database.transaction() as transaction:
        assert transaction.jobs.next_run(first.document_id, 1) == 4
        assert transaction.jobs.next_run(first.document_id, 2) == 1


def test_a_job_that_is_not_there_cannot_be_locked(installation: Installation) -> None:
    with installation.database.transaction() as transaction:
        assert transaction.jobs.lock(uuid4()) is None


def test_a_leased_job_runs_and_its_document_is_processed(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    lease(installation, message)
    job = installation.job(message)
    assert (job.status, job.leased) == (JobStatus.RUNNING, True)
    row = installation.row(JOB, id=message.job_id)
    assert (row.reached, row.started_at is not None) == ("chunk", True)
    assert status(installation, message) == "processing"


def test_a_job_started_again_keeps_its_first_start(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    lease(installation, message, -1)
    started = installation.row(JOB, id=message.job_id).started_at
    lease(installation, message)
    assert installation.row(JOB, id=message.job_id).started_at == started


def test_a_lease_runs_out(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    token = lease(installation, message, -1)
    assert not installation.job(message).leased
    assert renew(installation, message, token)
    assert installation.job(message).leased


def test_who_lost_the_lease_changes_nothing(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    late = lease(installation, message, -1)
    lease(installation, message)
    before = installation.row(JOB, id=message.job_id)
    assert not renew(installation, message, late)
    assert not store_split(installation, message, late)
    note_pages(installation, message, late, 1, 2)
    release(installation, message, late)
    assert installation.row(JOB, id=message.job_id) == before


def test_a_lease_given_back_counts_the_attempt(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    for attempt in (1, 2):
        release(installation, message, lease(installation, message))
        assert not installation.job(message).leased
        assert installation.row(JOB, id=message.job_id).attempts == attempt


def test_a_lease_given_back_without_a_failure_counts_none(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    release(installation, message, lease(installation, message), failed=False)
    assert not installation.job(message).leased
    assert installation.row(JOB, id=message.job_id).attempts == 0


def test_pages_read_so_far_are_known_until_all_are(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    token = lease(installation, message)
    assert installation.job(message).pages_read == 0
    note_pages(installation, message, token, 1, 2)
    row = installation.row(JOB, id=message.job_id)
    assert (row.pages_read, row.pages) == (1, 2)
    assert installation.job(message).pages_read == 1
    assert store_split(installation, message, token)
    assert installation.row(JOB, id=message.job_id).pages_read == 2


def test_a_split_is_recorded_once_under_the_lease(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    token = lease(installation, message)
    assert store_split(installation, message, token)
    job = installation.job(message)
    assert (job.total_chunks, job.leased, job.split) == (3, False, True)
    row = installation.row(JOB, id=message.job_id)
    assert (row.pages, row.warnings, row.reached) == (2, ["Odd."], "embed")
    assert not store_split(installation, message, token, chunks=9)
    assert not renew(installation, message, token)
    assert installation.job(message).total_chunks == 3


@pytest.mark.parametrize("ended_by", ["newer generation", "delete", "failure"])
def test_who_wakes_after_the_job_has_ended_changes_nothing(
    installation: Installation, place: Route, ended_by: str
) -> None:
    stored = new_object(place)
    message = registered(installation, place, stored)
    token = lease(installation, message)
    if ended_by == "newer generation":
        registered(installation, place, next_generation(stored))
    elif ended_by == "failure":
        fail(installation, message)
    else:
        with installation.database.transaction() as transaction:
            transaction.documents.delete(message.document_id, 1, DeletionCause.OBJECT)
    before = installation.row(JOB, id=message.job_id)
    assert not installation.job(message).leased
    assert not renew(installation, message, token)
    assert not store_split(installation, message, token)
    release(installation, message, token)
    assert installation.row(JOB, id=message.job_id) == before


def test_progress_is_derived_from_the_batches_and_never_counted_up(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    split(installation, message, chunks=5, batch_size=2)
    batches = [embedded(installation, message, index) for index in range(3)]
    done = []
    for index in (2, 2, 0, 0, 1, 1):
        complete = recorded(installation, batches[index])
        done.append((installation.row(JOB, id=message.job_id).chunks_created, complete))
    assert done == [(1, False), (1, False), (3, False), (3, False), (5, True), (5, True)]
    assert installation.row(JOB, id=message.job_id).reached == "record"


def test_a_job_without_batches_is_not_done(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    with installation.database.transaction() as transaction:
        assert not transaction.jobs.progress(message.job_id)


def test_a_job_whose_batches_do_not_hold_all_chunks_is_not_done(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    store_split(installation, message, lease(installation, message), chunks=5)
    with installation.database.transaction() as transaction:
        job = transaction.jobs.lock(message.job_id)
        assert job is not None
        transaction.batches.create(job, 4, 4)
    assert not recorded(installation, embedded(installation, message, 0))


def test_going_live_ends_the_job_and_makes_the_document_ready(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    row = installation.row(JOB, id=message.job_id)
    assert (row.state, row.reached, row.reason, row.chunks_created) == ("succeeded", "live", None, 3)
    assert row.started_at <= row.finished_at
    assert status(installation, message) == "ready"
    assert installation.document(message).active_job_id == message.job_id


def test_going_live_retires_the_former_job_and_its_chunks(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    old = live(installation, place, stored)
    new = live(installation, place, next_generation(stored))
    retired = "select id from document_chunks where document_id = :id and retired_at is not null order by chunk_index"
    assert [row.id for row in installation.rows(retired, id=old.document_id)] == chunk_ids(old)
    assert installation.row(JOB, id=old.job_id).retired_at is not None
    assert installation.row(JOB, id=new.job_id).retired_at is None


def test_going_live_again_changes_nothing_but_the_time(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    made_live(installation, message)
    assert installation.row(JOB, id=message.job_id).retired_at is None
    assert not installation.rows(
        "select 1 from document_chunks where job_id = :id and retired_at is not null", id=message.job_id
    )


def test_a_failed_job_says_where_and_why(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    lease(installation, message)
    fail(installation, message)
    row = installation.row(JOB, id=message.job_id)
    assert (row.state, row.reached, row.reason, row.error_message, row.retryable) == (
        "failed",
        "chunk",
        "NO_TEXT",
        "No text was found.",
        False,
    )
    assert row.finished_at is not None
    assert not installation.job(message).leased
    assert status(installation, message) == "failed"


def test_a_finished_job_does_not_fail(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    before = installation.row(JOB, id=message.job_id)
    fail(installation, message)
    assert installation.row(JOB, id=message.job_id) == before
    assert status(installation, message) == "ready"


def resume(installation: Installation, message: DocumentRegistered) -> bool:
    with installation.database.transaction() as transaction:
        transaction.documents.lock(message.document_id)
        transaction.jobs.lock(message.job_id)
        return transaction.jobs.resume(message.job_id)


def test_a_resumed_job_is_as_if_it_had_not_failed(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    lease(installation, message)
    before = installation.row(JOB, id=message.job_id)
    fail(installation, message)
    assert installation.row(JOB, id=message.job_id).unwanted_since is not None
    assert resume(installation, message)
    row = installation.row(JOB, id=message.job_id)
    assert (row.state, row.reached, row.reason, row.error_message, row.retryable) == (
        "queued",
        "chunk",
        None,
        None,
        None,
    )
    assert (row.finished_at, row.unwanted_since, row.started_at) == (None, None, before.started_at)
    assert (row.replays, row.resumed_at is not None) == (1, True)
    assert (installation.job(message).replays, installation.job(message).leased) == (1, False)
    assert status(installation, message) == "processing"


def test_a_resumed_job_that_is_split_goes_on_running(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    split(installation, message, chunks=3)
    for replays in (1, 2):
        fail(installation, message)
        assert resume(installation, message)
        job = installation.job(message)
        assert (job.status, job.split, job.replays) == (JobStatus.RUNNING, True, replays)


@pytest.mark.parametrize("purge", ["purge_started_at", "purged_at"])
def test_a_job_whose_purge_has_begun_is_not_resumed(installation: Installation, place: Route, purge: str) -> None:
    message = registered(installation, place)
    fail(installation, message)
    installation.execute(f"update ingestion_jobs set {purge} = now() where id = :id", id=message.job_id)
    before = installation.row(JOB, id=message.job_id)
    assert not resume(installation, message)
    assert installation.row(JOB, id=message.job_id) == before
    assert status(installation, message) == "failed"


def test_a_job_that_has_not_failed_is_not_resumed(installation: Installation, place: Route) -> None:
    waiting, done = registered(installation, place), live(installation, place)
    assert not resume(installation, waiting)
    assert not resume(installation, done)
    assert installation.job(done).status is JobStatus.SUCCEEDED


def test_a_resumed_job_may_be_stalled_like_any_other(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    fail(installation, message)
    resume(installation, message)
    assert message.job_id in stalled(installation)


def test_the_first_failure_stands(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    fail(installation, message)
    fail(installation, message, reason="UNDELIVERABLE")
    assert installation.row(JOB, id=message.job_id).reason == "NO_TEXT"


def test_a_superseded_job_cannot_fail_the_document(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    old = registered(installation, place, stored)
    registered(installation, place, next_generation(stored))
    fail(installation, old)
    assert status(installation, old) == "uploaded"
    assert installation.row(JOB, id=old.job_id).reason == "SUPERSEDED"


def test_a_failed_new_generation_leaves_the_old_one_live(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    old = live(installation, place, stored)
    new = registered(installation, place, next_generation(stored))
    fail(installation, new)
    assert status(installation, new) == "failed"
    assert installation.document(old).active_job_id == old.job_id
    assert not installation.rows(
        "select 1 from document_chunks where job_id = :id and retired_at is not null", id=old.job_id
    )


def test_jobs_on_which_nothing_moves_are_stalled(installation: Installation, place: Route) -> None:
    waiting, unsplit, unembedded = (registered(installation, place) for _ in range(3))
    lease(installation, unsplit, -1)
    split(installation, unembedded, chunks=3)
    ours = {waiting.job_id, unsplit.job_id, unembedded.job_id}
    assert ours <= set(stalled(installation))
    assert not ours & set(stalled(installation, 3600))


def test_leased_finished_and_unwanted_jobs_are_not_stalled(installation: Installation, place: Route) -> None:
    leased, batch_leased, done, failed = (registered(installation, place) for _ in range(4))
    lease(installation, leased)
    split(installation, batch_leased, chunks=3)
    with installation.database.transaction() as transaction:
        transaction.batches.lease(batch_leased.job_id, 1, uuid4(), 60)
    made_live(installation, finished(installation, done))
    fail(installation, failed)
    stored = new_object(place)
    superseded = registered(installation, place, stored)
    registered(installation, place, next_generation(stored))
    ours = {message.job_id for message in (leased, batch_leased, done, failed, superseded)}
    assert not ours & set(stalled(installation))


def test_the_longest_stalled_are_claimed_first_and_once_in_a_while(installation: Installation, place: Route) -> None:
    messages = [registered(installation, place) for _ in range(3)]
    for hours, message in enumerate(messages, start=1000):
        installation.execute(
            "update ingestion_jobs set updated_at = now() - make_interval(hours => :hours) where id = :id",
            hours=hours,
            id=message.job_id,
        )
    month = 30 * 24 * 3600
    assert set(stalled(installation, month, limit=2)) == {messages[2].job_id, messages[1].job_id}
    assert stalled(installation, month) == [messages[0].job_id]
    assert stalled(installation, month) == []


def test_a_stalled_job_is_claimed_by_one_of_two(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    with installation.database.transaction() as first, installation.database.transaction() as second:
        claimed = [[job.id for job in each.jobs.claim_stalled(0, 1000)] for each in (first, second)]
    assert message.job_id in claimed[0]
    assert message.job_id not in claimed[1]


def test_a_job_keeps_the_settings_it_was_opened_with(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    other = JobSettings(chunk_size=7, chunk_overlap=1, embedding_model="another-model")
    with installation.database.transaction() as transaction:
        document = transaction.documents.lock(message.document_id)
        assert document is not None
        stored = new_object(place)
        again = transaction.jobs.open(document, stored, 1, other)
    assert again == message.job_id
    assert installation.job(message).settings == SETTINGS
