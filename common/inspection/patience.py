"""How long something may be on its way before it counts as lost, by the installation's own settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.inspection.state import DocumentState, JobState
from common.model.documents import JobStatus

# `reconcile` sends a stalled job again after `stalled_seconds`: what nobody sent again for three times as long is lost.
_TIMES = 3


@dataclass(frozen=True, slots=True)
class Patience:
    """As `reconcile` waits, and then some."""

    stalled_seconds: float
    grace_seconds: float

    def overdue(self, since: datetime, now: datetime) -> bool:
        """True if what should have happened at `since` will not happen by itself any more."""
        return now - since > timedelta(seconds=_TIMES * self.stalled_seconds)

    def stalled(self, job: JobState, now: datetime) -> bool:
        """True if nobody is at work on the unfinished job, and nothing moved on it for too long."""
        leased = job.leased_until is not None and job.leased_until > now
        return not job.status.finished and not leased and self.overdue(job.updated_at, now)

    def purge_due(self, document: DocumentState, job: JobState) -> datetime | None:
        """When the job is to be purged, or to be purged again; None if it is not to be.

        What answers is not, nor what succeeded and is wanted: it is to answer.
        """
        wanted = job.id == document.wanted_job_id and job.status is JobStatus.SUCCEEDED
        if job.unwanted_since is None or job.purge_closed or wanted or job.id == document.active_job_id:
            return None
        if job.next_purge_at is not None:
            return job.next_purge_at
        never_answered = job.status is JobStatus.FAILED
        return job.unwanted_since + timedelta(seconds=0 if never_answered else self.grace_seconds)

    def deletion_due(self, document: DocumentState) -> datetime | None:
        """When the document's pending deletion should be complete; None if there is none.

        That of a project or a team is pending until none of its documents is wanted or answers.
        """
        kept = document.wanted_job_id is not None or document.active_job_id is not None
        asked = document.closed_at if document.closed_at is not None and kept else document.pending_since
        return None if asked is None else asked + timedelta(seconds=self.grace_seconds)
