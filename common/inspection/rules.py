"""What has to hold between a document's rows: invariants 1 to 5, each a function without effects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from common.inspection.findings import KINDS, Remedy, Violation
from common.inspection.patience import Patience
from common.inspection.state import DocumentState, JobState
from common.model.documents import DocumentStatus, JobStatus, StoredObject

_REASON = re.compile(r"[A-Z][A-Z0-9_]*")

_SHOWN_AS = {
    JobStatus.QUEUED: {DocumentStatus.UPLOADED, DocumentStatus.PROCESSING},
    JobStatus.RUNNING: {DocumentStatus.UPLOADED, DocumentStatus.PROCESSING},
    JobStatus.SUCCEEDED: {DocumentStatus.READY},
    JobStatus.FAILED: {DocumentStatus.FAILED},
}


def about(document: DocumentState, job: JobState | None, reason: str, message: str) -> Violation:
    """A violation of the document, or of a job of it."""
    invariant, remedy = KINDS[reason]
    return Violation(
        invariant=invariant,
        reason=reason,
        subject=f"document {document.id}" if job is None else f"job {job.id}",
        message=f"{document.uri}: {message}",
        remedy=remedy,
        team_id=document.team_id,
        document_id=document.id,
        job_id=None if job is None else job.id,
    )


def with_object(violation: Violation, document: DocumentState) -> Violation:
    """The violation with the generation of the document's object that it is about."""
    generation = max(document.generation, document.deleted_generation or 0)
    return replace(violation, stored=StoredObject(document.bucket, document.object_name, generation, 0))


def of_rows(document: DocumentState, now: datetime, patience: Patience) -> Iterator[Violation]:
    """All that the document's rows tell of invariants 1 to 5."""
    yield from every_job_ends(document, now, patience)
    yield from all_are_the_team_s(document)
    if document.living:
        yield from status_is_the_wanted_job_s(document)
        yield from failure_is_explained(document)
        yield from chunks_are_complete(document)
        yield from newest_is_wanted(document)
        yield from one_job_answers(document)


def every_job_ends(document: DocumentState, now: datetime, patience: Patience) -> Iterator[Violation]:
    """An unfinished job is wanted, and moves."""
    for job in document.jobs:
        if not job.status.finished and job.id != document.wanted_job_id:
            message = f"job {job.id} is {job.status}, and nobody wants it."
            yield about(document, job, "JOB_ORPHANED", message)
        elif patience.stalled(job, now):
            message = (
                f"job {job.id} is {job.status} at stage {job.stage}, and stands still since {job.updated_at:%F %T}Z."
            )
            yield about(document, job, "JOB_STALLED", message)


def status_is_the_wanted_job_s(document: DocumentState) -> Iterator[Violation]:
    """A living document wants a job of its own, and its status says where that stands."""
    wanted = document.wanted
    if wanted is None:
        message = f"it is {document.status}, and no job of it is wanted."
        yield about(document, None, "STATUS_WRONG", message)
    elif document.status not in _SHOWN_AS[wanted.status]:
        message = f"it is {document.status}, and its job has {wanted.status}."
        found = about(document, wanted, "STATUS_WRONG", message)
        yield found if wanted.status.finished else replace(found, remedy=Remedy.SEND_AGAIN)


def failure_is_explained(document: DocumentState) -> Iterator[Violation]:
    """Who failed says where, why, and whether a retry can help."""
    wanted = document.wanted
    if wanted is None or wanted.status is not JobStatus.FAILED:
        return
    if not _REASON.fullmatch(wanted.reason or "") or not wanted.message or wanted.retryable is None:
        message = "it failed without a reason, a sentence, or a word on whether a retry can help."
        yield about(document, wanted, "FAILURE_UNEXPLAINED", message)


def chunks_are_complete(document: DocumentState) -> Iterator[Violation]:
    """Of the job that answers, the chunk rows are exactly those of its batches."""
    active = document.active
    if active is None:
        return
    if not active.complete:
        message = (
            f"its live chunks are {active.live_chunks} of {active.total_chunks}, from {active.first_chunk} to"
            f" {active.last_chunk}, and {active.recorded_batches} of {active.batches} batches are recorded."
        )
        yield about(document, active, "CHUNKS_MISSING", message)
    for reason, kind, count in (
        ("VECTORS_SURPLUS", "vectors", active.vectors),
        ("TEXTS_SURPLUS", "texts", active.texts),
    ):
        if count > (active.total_chunks or 0):
            message = f"it has {count} {kind} for {active.total_chunks} chunks."
            yield about(document, active, reason, message)


def newest_is_wanted(document: DocumentState) -> Iterator[Violation]:
    """What is wanted is the newest generation, unless its bytes are those that answer; nothing newer answers."""
    wanted, active = document.wanted, document.active
    newest = [job for job in document.jobs if job.generation == document.generation]
    unchanged = wanted is not None and wanted.id == document.active_job_id and any(job.unchanged for job in newest)
    if wanted is not None and wanted.generation != document.generation and not unchanged:
        message = f"generation {document.generation} is there, and {wanted.generation} is wanted."
        yield about(document, wanted, "GENERATION_WRONG", message)
    if wanted is not None and active is not None and active.generation > wanted.generation:
        message = f"generation {active.generation} answers, and the older {wanted.generation} is wanted."
        yield about(document, active, "GENERATION_WRONG", message)
    for job in document.jobs:
        to_be_purged = job.status is JobStatus.FAILED and job.purged_at is None
        others = job.live_chunks and not to_be_purged and job not in (active, wanted)
        if active is not None and others:
            message = f"job {job.id} has {job.live_chunks} unretired chunks, and does not answer."
            yield about(document, job, "CHUNKS_TWICE", message)


def one_job_answers(document: DocumentState) -> Iterator[Violation]:
    """One finished job answers, once there was one; a job that succeeded answers or has been retired."""
    active, wanted = document.active, document.wanted
    if document.active_job_id is not None and not _may_answer(active):
        message = "the job that answers is not its own, did not succeed, or was retired or purged."
        yield about(document, active, "ACTIVE_WRONG", message)
    if wanted is not None and wanted.status is JobStatus.SUCCEEDED and wanted.id != document.active_job_id:
        message = f"job {wanted.id} has succeeded, and does not answer."
        yield about(document, wanted, "NOT_LIVE", message)
    others = [job for job in document.jobs if job.status is JobStatus.SUCCEEDED and job not in (active, wanted)]
    answered = [job for job in others if not job.unchanged and job.generation > (document.deleted_generation or 0)]
    if document.active_job_id is None and answered and (wanted is None or wanted.status is not JobStatus.SUCCEEDED):
        message = "it answered once, was not deleted since, and answers no more."
        yield about(document, None, "ANSWERS_LOST", message)
        return  # what answered is not to be taken for what was replaced
    for job in others:
        if job.unwanted_since is None and not job.unchanged:
            message = f"job {job.id} has succeeded, does not answer, and was not retired."
            yield about(document, job, "NOT_RETIRED", message)


def _may_answer(job: JobState | None) -> bool:
    return (
        job is not None
        and job.status is JobStatus.SUCCEEDED
        and not job.unchanged
        and job.retired_at is None
        and job.purge_started_at is None
        and job.purged_at is None
    )


def all_are_the_team_s(document: DocumentState) -> Iterator[Violation]:
    """Team, project, document and job agree wherever they are written."""
    if document.team_id != document.project_team_id:
        message = f"its team is {document.team_id}, and its project's is {document.project_team_id}."
        yield about(document, None, "TENANCY_BROKEN", message)
    for job in document.jobs:
        if job.strangers:
            message = f"{job.strangers} rows of job {job.id} name another team, project, document or job than it has."
            yield about(document, job, "TENANCY_BROKEN", message)
