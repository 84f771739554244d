"""The rules of the inspection: what a healthy document's rows are, and what each departure from them is called."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.inspection import objects, removal, rules
from common.inspection.findings import KINDS
from common.inspection.patience import Patience
from common.inspection.state import DocumentState, JobState, ObjectState
from common.model.documents import DocumentStatus, JobStatus, Stage, StoredObject

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
LONG_AGO, JUST_NOW = NOW - timedelta(days=1), NOW - timedelta(seconds=1)
PATIENCE = Patience(stalled_seconds=300, grace_seconds=40)
TEAM, PROJECT, DOCUMENT = uuid4(), uuid4(), uuid4()


def a_job(generation: int = 1, **changes: Any) -> JobState:
    """A job of three chunks that answers."""
    job = JobState(
        id=UUID(int=generation),
        team_id=TEAM,
        generation=generation,
        run=1,
        status=JobStatus.SUCCEEDED,
        stage=Stage.LIVE,
        reason=None,
        message=None,
        retryable=None,
        total_chunks=3,
        updated_at=LONG_AGO,
        leased_until=None,
        retired_at=None,
        unwanted_since=None,
        purge_started_at=None,
        purged_at=None,
        next_purge_at=None,
        purge_closed=False,
        batches=2,
        recorded_batches=2,
        batched_chunks=3,
        chunks=3,
        live_chunks=3,
        first_chunk=0,
        last_chunk=2,
        chunks_with_text=3,
        vectors=3,
        texts=3,
        strangers=0,
    )
    return replace(job, **changes)


def unfinished(generation: int = 1, **changes: Any) -> JobState:
    nothing = dict.fromkeys(("batches", "recorded_batches", "batched_chunks", "chunks", "live_chunks"), 0)
    nothing |= dict.fromkeys(("chunks_with_text", "vectors", "texts"), 0)
    none = dict.fromkeys(("total_chunks", "first_chunk", "last_chunk"), None)
    changed = {"status": JobStatus.RUNNING, "stage": Stage.CHUNK, "updated_at": JUST_NOW, **nothing, **none, **changes}
    return a_job(generation, **changed)


def failed(generation: int = 1, **changes: Any) -> JobState:
    explained = {"reason": "NO_TEXT", "message": "There is no text.", "retryable": False, "unwanted_since": JUST_NOW}
    return unfinished(generation, **{"status": JobStatus.FAILED, **explained, **changes})


def purged(generation: int = 1, **changes: Any) -> JobState:
    gone = dict.fromkeys(("chunks", "live_chunks", "chunks_with_text", "vectors", "texts"), 0)
    at = dict.fromkeys(("retired_at", "unwanted_since", "purge_started_at", "purged_at"), LONG_AGO)
    return a_job(generation, **{**gone, **at, "purge_closed": True, "first_chunk": None, "last_chunk": None, **changes})


def retired(generation: int = 1, since: datetime = JUST_NOW, **changes: Any) -> JobState:
    return a_job(generation, **{"live_chunks": 0, "retired_at": since, "unwanted_since": since, **changes})


def a_document(*jobs: JobState, **changes: Any) -> DocumentState:
    """Wants and answers with the last of the jobs."""
    document = DocumentState(
        id=DOCUMENT,
        team_id=TEAM,
        project_id=PROJECT,
        project_team_id=TEAM,
        bucket="uploads",
        object_name="team/docs/a.md",
        generation=jobs[-1].generation,
        deleted_generation=None,
        status=DocumentStatus.READY,
        wanted_job_id=jobs[-1].id,
        active_job_id=jobs[-1].id,
        updated_at=LONG_AGO,
        closed_at=None,
        pending_since=None,
        failed_bodies=0,
        jobs=jobs,
    )
    return replace(document, **changes)


def waiting(*jobs: JobState, **changes: Any) -> DocumentState:
    """Wants the last of the jobs, and answers with none."""
    return a_document(*jobs, **{"active_job_id": None, "status": DocumentStatus.PROCESSING, **changes})


def deleted(*jobs: JobState, **changes: Any) -> DocumentState:
    gone = {"deleted_generation": jobs[-1].generation, "wanted_job_id": None, "active_job_id": None}
    return a_document(*jobs, **{**gone, **changes})


HEALTHY = {
    "ready": (a_document(a_job()), 0),
    "ready, another on its way": (
        a_document(a_job(), unfinished(2), active_job_id=UUID(int=1), status=DocumentStatus.PROCESSING),
        1,
    ),
    "ready, another failed": (
        a_document(
            a_job(),
            failed(2, purged_at=LONG_AGO, purge_closed=True),
            active_job_id=UUID(int=1),
            status=DocumentStatus.FAILED,
        ),
        0,
    ),
    "ready, a newer generation unchanged": (
        a_document(
            a_job(),
            purged(2, reason="UNCHANGED", total_chunks=0, batches=0, recorded_batches=0, batched_chunks=0),
            wanted_job_id=UUID(int=1),
            active_job_id=UUID(int=1),
        ),
        0,
    ),
    "replaced, within its grace": (a_document(retired(), a_job(2)), 1),
    "replaced and purged": (a_document(purged(), a_job(2)), 0),
    "replaced, its purge to be repeated": (
        a_document(purged(purge_closed=False, next_purge_at=NOW + timedelta(hours=1)), a_job(2)),
        0,
    ),
    "replaced, its purge to be repeated now": (
        a_document(purged(purge_closed=False, next_purge_at=JUST_NOW), a_job(2)),
        1,
    ),
    "registered": (waiting(unfinished(), status=DocumentStatus.UPLOADED), 1),
    "slow, and leased": (waiting(unfinished(updated_at=LONG_AGO, leased_until=NOW + timedelta(seconds=1))), 1),
    "just failed": (waiting(failed(), status=DocumentStatus.FAILED), 1),
    "deleted": (deleted(purged()), 0),
    "deleted, not yet purged": (deleted(retired(), pending_since=JUST_NOW), 2),
    "deleted before it came": (deleted(purged(), generation=0, deleted_generation=7, jobs=()), 0),
    "deleted and uploaded again": (waiting(purged(), unfinished(2), deleted_generation=1), 1),
    "its project just deleted": (a_document(a_job(), closed_at=JUST_NOW), 1),
    "its project deleted": (deleted(purged(), deleted_generation=None, closed_at=LONG_AGO), 0),
}


def found(document: DocumentState) -> list[str]:
    violations = [*rules.of_rows(document, NOW, PATIENCE), *removal.of_rows(document, NOW, PATIENCE)]
    assert all((each.invariant, each.team_id) == (KINDS[each.reason][0], TEAM) for each in violations)
    return [each.reason for each in violations]


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_as_it_has_to_be_violates_nothing(name: str) -> None:
    document, in_flight = HEALTHY[name]
    assert (found(document), removal.in_flight(document, NOW, PATIENCE)) == ([], in_flight)


VIOLATED = {
    "an orphan": (a_document(unfinished(9, id=uuid4()), a_job(9)), "JOB_ORPHANED"),
    "an unfinished job of a deleted document": (deleted(unfinished()), "JOB_ORPHANED"),
    "no movement for long": (waiting(unfinished(updated_at=LONG_AGO)), "JOB_STALLED"),
    "no movement since its lease": (
        waiting(unfinished(updated_at=LONG_AGO, leased_until=LONG_AGO)),
        "JOB_STALLED",
    ),
    "nothing wanted": (a_document(a_job(), wanted_job_id=None), "STATUS_WRONG"),
    "another document's job wanted": (a_document(a_job(), wanted_job_id=uuid4()), "STATUS_WRONG"),
    "ready, and shown as processing": (a_document(a_job(), status=DocumentStatus.PROCESSING), "STATUS_WRONG"),
    "failed, and shown as ready": (waiting(failed(), status=DocumentStatus.READY), "STATUS_WRONG"),
    "unfinished, and shown as ready": (waiting(unfinished(), status=DocumentStatus.READY), "STATUS_WRONG"),
    "no reason": (waiting(failed(reason=None), status=DocumentStatus.FAILED), "FAILURE_UNEXPLAINED"),
    "no code": (waiting(failed(reason="It failed."), status=DocumentStatus.FAILED), "FAILURE_UNEXPLAINED"),
    "no sentence": (waiting(failed(message=""), status=DocumentStatus.FAILED), "FAILURE_UNEXPLAINED"),
    "no word on a retry": (waiting(failed(retryable=None), status=DocumentStatus.FAILED), "FAILURE_UNEXPLAINED"),
    "a chunk less": (a_document(a_job(chunks=2, live_chunks=2)), "CHUNKS_MISSING"),
    "a chunk more": (a_document(a_job(chunks=4, live_chunks=4, last_chunk=3)), "CHUNKS_MISSING"),
    "a chunk retired": (a_document(a_job(live_chunks=2)), "CHUNKS_MISSING"),
    "another first chunk": (a_document(a_job(first_chunk=1, last_chunk=3)), "CHUNKS_MISSING"),
    "a batch not recorded": (a_document(a_job(recorded_batches=1)), "CHUNKS_MISSING"),
    "a batch less": (a_document(a_job(batches=1, recorded_batches=1, batched_chunks=2)), "CHUNKS_MISSING"),
    "no number of chunks": (a_document(a_job(total_chunks=None, vectors=0, texts=0)), "CHUNKS_MISSING"),
    "a vector more": (a_document(a_job(vectors=4)), "VECTORS_SURPLUS"),
    "a text more": (a_document(a_job(texts=4)), "TEXTS_SURPLUS"),
    "an old generation wanted": (a_document(a_job(), generation=2), "GENERATION_WRONG"),
    "an old generation wanted since another came": (
        a_document(failed(2, purged_at=LONG_AGO, purge_closed=True), a_job(), generation=2),
        "GENERATION_WRONG",
    ),
    "chunks of two jobs": (a_document(retired(live_chunks=3), a_job(2)), "CHUNKS_TWICE"),
    "an active job that failed": (
        a_document(
            a_job(status=JobStatus.FAILED, reason="X", message="x", retryable=True), status=DocumentStatus.FAILED
        ),
        "ACTIVE_WRONG",
    ),
    "an active job that was retired": (a_document(retired(since=LONG_AGO, live_chunks=3)), "ACTIVE_WRONG"),
    "an active job that is being purged": (a_document(a_job(purge_started_at=LONG_AGO)), "ACTIVE_WRONG"),
    "an active job of another document": (
        a_document(purged(), waiting_job := unfinished(2), active_job_id=uuid4(), status=DocumentStatus.PROCESSING),
        "ACTIVE_WRONG",
    ),
    "a job that succeeded in vain": (a_document(a_job(), active_job_id=None), "NOT_LIVE"),
    "answers lost to a failure": (
        a_document(
            a_job(), failed(2, purged_at=LONG_AGO, purge_closed=True), active_job_id=None, status=DocumentStatus.FAILED
        ),
        "ANSWERS_LOST",
    ),
    "answers lost to a job on its way": (waiting(a_job(), waiting_job), "ANSWERS_LOST"),
    "a replaced job that stays": (a_document(a_job(live_chunks=0), a_job(2)), "NOT_RETIRED"),
    "a project of another team": (a_document(a_job(), project_team_id=uuid4()), "TENANCY_BROKEN"),
    "rows of another team": (a_document(a_job(strangers=1)), "TENANCY_BROKEN"),
    "a deleted document that answers": (deleted(a_job(), active_job_id=UUID(int=1)), "DELETED_ANSWERS"),
    "a purge that never came": (a_document(retired(since=LONG_AGO), a_job(2)), "PURGE_OVERDUE"),
    "a repetition that never came": (
        a_document(purged(purge_closed=False, next_purge_at=LONG_AGO), a_job(2)),
        "PURGE_OVERDUE",
    ),
    "a failed job that was never purged": (
        waiting(failed(unwanted_since=LONG_AGO), status=DocumentStatus.FAILED),
        "PURGE_OVERDUE",
    ),
    "text behind a tombstone": (a_document(purged(chunks=1, chunks_with_text=1), a_job(2)), "LEFTOVERS"),
    "a vector behind a purge": (a_document(purged(vectors=1), a_job(2)), "LEFTOVERS"),
    "a text behind a purge": (a_document(purged(texts=1), a_job(2)), "LEFTOVERS"),
    "a receipt that is not completed": (deleted(purged(), pending_since=LONG_AGO), "DELETION_OVERDUE"),
    "a deleted project that answers": (a_document(a_job(), closed_at=LONG_AGO), "DELETION_OVERDUE"),
    "a deleted project that wants a job": (waiting(unfinished(), closed_at=LONG_AGO), "DELETION_OVERDUE"),
    "a failed message with text": (deleted(purged(), failed_bodies=1), "FAILED_MESSAGE_TEXT"),
}


@pytest.mark.parametrize("name", VIOLATED)
def test_what_is_not_as_it_has_to_be_is_named(name: str) -> None:
    document, reason = VIOLATED[name]
    assert found(document) == [reason]


def test_a_deletion_is_announced_again_of_the_newest_generation_that_was_deleted() -> None:
    document = deleted(purged(), deleted_generation=7, wanted_job_id=UUID(int=1))
    [violation] = removal.of_rows(document, NOW, PATIENCE)
    assert violation.stored == StoredObject("uploads", "team/docs/a.md", 7, 0)


def test_a_failed_message_may_wait_a_little_to_be_emptied() -> None:
    assert found(deleted(purged(), failed_bodies=1, updated_at=JUST_NOW)) == []


def an_object(**changes: Any) -> ObjectState:
    state = ObjectState(
        stored=StoredObject("uploads", "team/docs/a.md", 1, 10, created_at=LONG_AGO),
        known=True,
        unrouted=False,
        routable_since=None,
        deleted_at=None,
        team_id=TEAM,
        document_id=DOCUMENT,
    )
    return replace(state, **changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"known": False, "unrouted": True}, None),
        ({"known": False}, "OBJECT_UNSEEN"),
        ({"known": False, "unrouted": True, "routable_since": LONG_AGO}, "OBJECT_UNSEEN"),
        ({"known": True, "unrouted": True, "routable_since": LONG_AGO}, None),
        ({"deleted_at": LONG_AGO}, "OBJECT_LEFT"),
    ],
)
def test_an_object_has_a_document_or_is_on_record(changes: dict[str, Any], reason: str | None) -> None:
    violation = objects.violation(an_object(**changes))
    assert (violation.reason if violation else None) == reason


@pytest.mark.parametrize(
    ("changes", "young"),
    [
        ({}, False),
        ({"stored": StoredObject("uploads", "a", 1, 10, created_at=JUST_NOW)}, True),
        ({"stored": StoredObject("uploads", "a", 1, 10)}, False),
        ({"routable_since": JUST_NOW}, True),
        ({"deleted_at": JUST_NOW}, True),
    ],
)
def test_an_object_is_young_while_its_event_may_be_on_its_way(changes: dict[str, Any], young: bool) -> None:
    assert objects.is_young(an_object(**changes), NOW, PATIENCE) == young
