"""What Postgres says of documents, their jobs and objects at one moment, and the port that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from common.model.chunks import ChunkOwner
from common.model.documents import DocumentStatus, JobStatus, Stage, StoredObject

UNCHANGED = "UNCHANGED"
"""The reason of a job that found the bytes of the active one: it has no chunks of its own."""


@dataclass(frozen=True, slots=True)
class Within:
    """What of an installation is inspected: a team, or a project; nothing named is everything."""

    team_id: UUID | None = None
    project_id: UUID | None = None
    prefixes: tuple[str, ...] = ("",)
    """How the names of its objects begin."""


EVERYTHING = Within()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """An ingestion job, with its rows in other tables counted.

    `strangers` are rows of batches, chunks, vectors and texts whose team, project, document or job is another than the
    job's. `vectors` and `texts` are rows of Postgres: none where other parts keep them.
    """

    id: UUID
    team_id: UUID
    generation: int
    run: int
    status: JobStatus
    stage: Stage
    reason: str | None
    message: str | None
    retryable: bool | None
    total_chunks: int | None
    updated_at: datetime
    leased_until: datetime | None
    retired_at: datetime | None
    unwanted_since: datetime | None
    purge_started_at: datetime | None
    purged_at: datetime | None
    next_purge_at: datetime | None
    purge_closed: bool
    batches: int
    recorded_batches: int
    batched_chunks: int
    chunks: int
    live_chunks: int
    first_chunk: int | None
    last_chunk: int | None
    chunks_with_text: int
    vectors: int
    texts: int
    strangers: int

    @property
    def unchanged(self) -> bool:
        """True if it ended because its bytes were those of the job that answers."""
        return self.status is JobStatus.SUCCEEDED and self.reason == UNCHANGED

    @property
    def complete(self) -> bool:
        """True if its unretired chunk rows are exactly 0 … n-1, and its batches are all of them and recorded."""
        total = self.total_chunks
        return (
            total is not None
            and self.chunks == self.live_chunks == self.batched_chunks == total
            and self.recorded_batches == self.batches
            and (total == 0 or (self.first_chunk, self.last_chunk) == (0, total - 1))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentState:
    """A document with all its jobs. `closed_at` is when its project or team was deleted."""

    id: UUID
    team_id: UUID
    project_id: UUID
    project_team_id: UUID
    bucket: str
    object_name: str
    generation: int
    deleted_generation: int | None
    status: DocumentStatus
    wanted_job_id: UUID | None
    active_job_id: UUID | None
    updated_at: datetime
    closed_at: datetime | None
    pending_since: datetime | None
    failed_bodies: int
    jobs: tuple[JobState, ...]

    @property
    def living(self) -> bool:
        """True if its newest generation is to be answered from."""
        return self.closed_at is None and self.generation > (self.deleted_generation or 0)

    @property
    def deleted(self) -> bool:
        """True if its newest generation was deleted; a document whose project alone was is not."""
        return self.deleted_generation is not None and self.generation <= self.deleted_generation

    @property
    def uri(self) -> str:
        return f"gs://{self.bucket}/{self.object_name}"

    @property
    def wanted(self) -> JobState | None:
        return self._job(self.wanted_job_id)

    @property
    def active(self) -> JobState | None:
        return self._job(self.active_job_id)

    def owner(self, job: JobState) -> ChunkOwner:
        """Whose the job's vectors and texts are."""
        return ChunkOwner(team_id=self.team_id, project_id=self.project_id, document_id=self.id, job_id=job.id)

    def _job(self, job_id: UUID | None) -> JobState | None:
        return next((job for job in self.jobs if job.id == job_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectState:
    """An object of the bucket beside what the rows know of its generation.

    `known` where a document has it or a newer one, `unrouted` where it is on record without a place; `routable_since`
    is when that came to exist after all. `deleted_at` is when the document that holds it as deleted last changed.
    """

    stored: StoredObject
    known: bool
    unrouted: bool
    routable_since: datetime | None
    deleted_at: datetime | None
    team_id: UUID | None
    document_id: UUID | None


@dataclass(frozen=True, slots=True)
class Moment[T]:
    """Rows as they were together at `now`, by the database's own clock."""

    now: datetime
    rows: Sequence[T]


class InspectionRows(Protocol):
    """Documents and objects as an inspection reads them, many at a time, each call at one moment."""

    def documents(self, within: Within, after: UUID, limit: int) -> Moment[DocumentState]:
        """At most `limit` documents in order of their ids, behind `after`; fewer where they have very many chunks."""
        ...

    def document(self, document_id: UUID) -> Moment[DocumentState]:
        """This document; no row if there is none."""
        ...

    def objects(self, objects: Sequence[StoredObject]) -> Moment[ObjectState]:
        """What is known of each of these objects."""
        ...

    def ask_purge(self, job_id: UUID) -> bool:
        """Let the job be purged now, though it was purged before; False if it answers, or is still to answer."""
        ...
