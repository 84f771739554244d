"""Rows that a document's way in is decided by: documents, jobs, batches, chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from common.model.chunks import Chunk, ChunkOwner
from common.model.documents import (
    Batch,
    DeletionCause,
    Document,
    Job,
    JobSettings,
    Route,
    SourceType,
    Stage,
    StoredObject,
)


@dataclass(frozen=True, slots=True)
class Unrouted:
    """Why an object's name leads nowhere: `reason` for machines, `message` for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveJob:
    """What a job has brought into the answers, and the seconds since it was opened."""

    chunks: int
    pages: int
    seconds: float


class DocumentRows(Protocol):
    """Documents, and where objects belong."""

    def route(self, team: str, project: str) -> Route | Unrouted:
        """The living team and project of these names or ids."""
        ...

    def known_elsewhere(self, stored: StoredObject, project_id: UUID | None) -> bool:
        """True if any project but this one, living or deleted, has seen this generation of the object or a newer."""
        ...

    def lock(self, document_id: UUID) -> Document | None:
        """The document's row, locked until the transaction ends."""
        ...

    def lock_or_create(self, route: Route, stored: StoredObject, source_type: SourceType, title: str) -> Document:
        """The row of this object in this project, made if there is none, locked until the transaction ends."""
        ...

    def of_object(self, bucket: str, object_name: str) -> Sequence[UUID]:
        """The ids of the documents that this object is, in whichever project."""
        ...

    def describe(self, document_id: UUID, *, mime_type: str, sha256: str) -> None:
        """Set what reading the object has told."""
        ...

    def note_origin(
        self, document_id: UUID, *, title: str, source_url: str | None, metadata: Mapping[str, str]
    ) -> None:
        """Set what the newest generation's object tells: its title, where it came from, and its own metadata."""
        ...

    def delete(self, document_id: UUID, generation: int, cause: DeletionCause) -> None:
        """Mark this generation and all before it deleted, and take their chunks out of answers at once.

        It opens a receipt, unless there is one. Nothing changes if the document has a newer generation: an overwrite
        deletes its predecessor too.
        """
        ...

    def unregistered(self, objects: Sequence[StoredObject]) -> Sequence[StoredObject]:
        """Those of the objects that no document and no unrouted object has recorded in this generation."""
        ...

    def deleted(self, objects: Sequence[StoredObject]) -> Sequence[StoredObject]:
        """Those of the objects whose generation is one that a document holds as deleted."""
        ...


class JobRows(Protocol):
    """Ingestion jobs."""

    def open(
        self, document: Document, stored: StoredObject, run: int, settings: JobSettings, *, replays: int = 0
    ) -> UUID:
        """Make this the document's wanted job; what was unfinished ends superseded. Returns the job's id.

        `replays` is how often its work was sent on its way by a replay so far, by former jobs too.
        """
        ...

    def resume(self, job_id: UUID) -> bool:
        """Let a failed job go on from where it failed, and count the replay; its document is processed again.

        False, and nothing changes, if it has not failed or its purge has begun. To be called under the locks of a
        document that wants the job.
        """
        ...

    def next_run(self, document_id: UUID, generation: int) -> int:
        """The number of the next processing of this generation."""
        ...

    def lock(self, job_id: UUID) -> Job | None:
        """The job's row, locked until the transaction ends."""
        ...

    def lease(self, job_id: UUID, token: UUID, seconds: float) -> None:
        """Start or take over the job under this token."""
        ...

    def renew(self, job_id: UUID, token: UUID, seconds: float) -> bool:
        """Prolong the lease; False if it is no longer this token's."""
        ...

    def release(self, job_id: UUID, token: UUID, *, failed: bool) -> None:
        """Give the lease back; if the attempt failed and may be repeated, count it."""
        ...

    def note_pages(self, job_id: UUID, token: UUID, *, read: int, total: int) -> None:
        """Record how many of the document's pages are read; nothing changes if the lease is no longer this token's."""
        ...

    def store_split(
        self, job_id: UUID, token: UUID, *, total_chunks: int, pages: int, warnings: Sequence[str], sha256: str
    ) -> bool:
        """Record that the job is split and give the lease back; False if it is no longer this token's."""
        ...

    def end_unchanged(self, document: Document, job_id: UUID, token: UUID, sha256: str) -> bool:
        """End the job as UNCHANGED, and let the document want its active job, if that was made of the same bytes.

        False, and nothing changes, if it was not, or under other settings, if this job is not its generation's first,
        or if its lease is no longer this token's. To be called under the locks of a document that wants the job.
        """
        ...

    def progress(self, job_id: UUID) -> bool:
        """Derive the chunks created from the recorded batches; True if no batch is left."""
        ...

    def go_live(self, document: Document, job_id: UUID) -> LiveJob:
        """Make the job's chunks the live ones in place of the former's."""
        ...

    def fail(
        self, job_id: UUID, *, stage: Stage, reason: str, message: str, retryable: bool, attempts: int = 0
    ) -> bool:
        """End an unfinished job after these attempts; its document fails with it if the job is the wanted one.

        False if the job had ended before.
        """
        ...

    def claim_stalled(self, older_than_seconds: float, limit: int) -> Sequence[Job]:
        """Unfinished, wanted jobs on which nothing moved for so long and which nobody has a lease of.

        Whoever claims them sends them on their way again: nobody else gets them for as long.
        """
        ...


class BatchRows(Protocol):
    """Batches of a job's chunks."""

    def create(self, job: Job, total_chunks: int, batch_size: int) -> None:
        """Write all rows of a job's batches; those that are there stay as they are."""
        ...

    def of_job(self, job_id: UUID) -> Sequence[Batch]:
        """The job's batches in order."""
        ...

    def lock(self, job_id: UUID, index: int) -> Batch | None:
        """The batch's row, locked until the transaction ends."""
        ...

    def lease(self, job_id: UUID, index: int, token: UUID, seconds: float) -> None:
        """Take the batch under this token."""
        ...

    def renew(self, job_id: UUID, index: int, token: UUID, seconds: float) -> bool:
        """Prolong the lease; False if it is no longer this token's."""
        ...

    def release(self, job_id: UUID, index: int, token: UUID, *, failed: bool) -> None:
        """Give the lease back; if the attempt failed and may be repeated, count it on the job."""
        ...

    def mark_embedded(self, job_id: UUID, index: int, token: UUID) -> bool:
        """Record that the batch's vectors are in the index; False if the lease is no longer this token's."""
        ...

    def mark_recorded(self, job_id: UUID, index: int) -> None:
        """Record that the batch's chunks have their rows and texts."""
        ...


class ChunkRows(Protocol):
    """Rows of chunks."""

    def record(self, owner: ChunkOwner, title: str, chunks: Sequence[Chunk]) -> None:
        """Write the chunks' rows; those that are there stay as they are."""
        ...
