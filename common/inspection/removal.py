"""What has to hold of what was deleted or replaced, by its rows: invariant 6; and what is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from common.inspection.findings import Violation
from common.inspection.patience import Patience
from common.inspection.rules import about, with_object
from common.inspection.state import DocumentState


def of_rows(document: DocumentState, now: datetime, patience: Patience) -> Iterator[Violation]:
    """All that the document's rows tell of invariant 6."""
    yield from deleted_do_not_answer(document)
    yield from purges_are_carried_out(document, now, patience)
    yield from deletions_are_carried_out(document, now, patience)


def deleted_do_not_answer(document: DocumentState) -> Iterator[Violation]:
    """Of a deleted document no job is wanted or answers."""
    if document.deleted and (document.wanted_job_id is not None or document.active_job_id is not None):
        message = f"generation {document.deleted_generation} was deleted, and a job of it is wanted or answers."
        yield with_object(about(document, None, "DELETED_ANSWERS", message), document)


def purges_are_carried_out(document: DocumentState, now: datetime, patience: Patience) -> Iterator[Violation]:
    """Every purge comes; a purged job has tombstones at most."""
    for job in document.jobs:
        due = patience.purge_due(document, job)
        if due is not None and patience.overdue(due, now):
            message = f"job {job.id} was to be purged at {due:%F %T}Z."
            yield about(document, job, "PURGE_OVERDUE", message)
        if job.purged_at is not None and (job.chunks_with_text or job.vectors or job.texts):
            message = (
                f"job {job.id} was purged, and has {job.chunks_with_text} chunk rows with text, {job.vectors} vectors"
                f" and {job.texts} texts in the database."
            )
            yield about(document, job, "LEFTOVERS", message)


def deletions_are_carried_out(document: DocumentState, now: datetime, patience: Patience) -> Iterator[Violation]:
    """A deletion is complete after its grace, and leaves no text in messages that could not be delivered."""
    due = patience.deletion_due(document)
    if due is not None and patience.overdue(due, now):
        message = f"its deletion was to be complete at {due:%F %T}Z."
        yield about(document, None, "DELETION_OVERDUE", message)
    if document.failed_bodies and not document.living and patience.overdue(_gone_since(document), now):
        message = f"{document.failed_bodies} failed messages still hold text of the deleted document."
        yield about(document, None, "FAILED_MESSAGE_TEXT", message)


def in_flight(document: DocumentState, now: datetime, patience: Patience) -> int:
    """How much of the document is on its way: its wanted job, purges and a deletion that are not overdue."""
    wanted, deletion = document.wanted, patience.deletion_due(document)
    under_way = [wanted is not None and not wanted.status.finished and not patience.stalled(wanted, now)]
    under_way.append(deletion is not None and not patience.overdue(deletion, now))
    for job in document.jobs:
        due = patience.purge_due(document, job)
        to_come = due is not None and (job.purged_at is None or due <= now)
        under_way.append(to_come and due is not None and not patience.overdue(due, now))
    return sum(under_way)


def _gone_since(document: DocumentState) -> datetime:
    return max(document.updated_at, document.closed_at or document.updated_at)
