"""The database port: transactions over the rows that the use cases decide by.

Locks are taken in the order document, job, batch. Times are the database's own, so that instances need not agree.
A lease is held under a token; what a holder commits names its token, so that one who wakes late changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from common.model.chunks import Chunk, ChunkOwner
from common.model.documents import Batch, Document, Job, JobSettings, Route, SourceType, Stage, StoredObject


@dataclass(frozen=True, slots=True)
class Unrouted:
    """Why an object's name leads nowhere: `reason` for machines, `message` for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessage:
    """A message that could not be delivered, as kept for people and for a replay."""

    subscription: str
    topic: str | None
    message_id: str
    data: bytes
    attributes: Mapping[str, str]
    delivery_attempts: int | None
    published_at: datetime | None
    reason: str
    error: str
    document_id: UUID | None = None
    job_id: UUID | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveJob:
    """What a job has brought into the answers, and the seconds since it was opened."""

    chunks: int
    pages: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeableJob:
    """A job whose chunks are to go: it failed, or it has not answered for long enough, or its project is deleted."""

    owner: ChunkOwner
    total_chunks: int


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

    def delete(self, document_id: UUID, generation: int) -> None:
        """Mark this generation and all before it deleted, and take their chunks out of answers at once.

        Nothing changes if the document has a newer generation: an overwrite deletes its predecessor too.
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

    def open(self, document: Document, stored: StoredObject, run: int, settings: JobSettings) -> UUID:
        """Make this the document's wanted job; what was unfinished ends superseded. Returns the job's id."""
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

    def release(self, job_id: UUID, token: UUID) -> None:
        """Give the lease back after a failure that may be repeated, and count the attempt."""
        ...

    def store_split(self, job_id: UUID, token: UUID, *, total_chunks: int, pages: int, warnings: Sequence[str]) -> bool:
        """Record that the job is split and give the lease back; False if it is no longer this token's."""
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


class PurgeRows(Protocol):
    """Jobs whose chunks are to go. Purging rests on what these rows say, never on a row that was not found."""

    def due(self, document_id: UUID, grace_seconds: float) -> Sequence[PurgeableJob]:
        """The document's unpurged jobs that failed or are neither wanted nor active, retired for at least the grace.

        A failed job goes at once, also while it is the wanted one: no question ever saw its chunks. Once project or
        team have been deleted for the grace, every finished job goes.
        """
        ...

    def documents_due(self, grace_seconds: float, limit: int) -> Sequence[tuple[UUID, UUID]]:
        """Team and document of those that have jobs due."""
        ...

    def complete(self, job_id: UUID) -> None:
        """The job's vectors and texts are gone: remove its chunk rows too, but for those that a citation points to."""
        ...


class OperationRows(Protocol):
    """What operators look after: objects without a place and messages without a delivery."""

    def keep_unrouted(self, stored: StoredObject, unrouted: Unrouted) -> None:
        """Keep the object on record with the reason."""
        ...

    def forget_unrouted(self, bucket: str, object_name: str, generation: int) -> None:
        """The object has its place, or is gone, up to this generation."""
        ...

    def unrouted(self, limit: int) -> Sequence[StoredObject]:
        """Objects on record without a place, oldest first."""
        ...

    def routable(self, limit: int) -> Sequence[StoredObject]:
        """Objects on record without a place whose team and project exist by now."""
        ...

    def keep_failed(self, message: FailedMessage) -> None:
        """Keep the message; the same delivery kept twice is one row."""
        ...

    def scrub_failed(self, document_id: UUID) -> None:
        """Empty the bodies of the document's failed messages: they hold its text."""
        ...


class Transaction(Protocol):
    """The rows of one transaction."""

    @property
    def documents(self) -> DocumentRows: ...
    @property
    def jobs(self) -> JobRows: ...
    @property
    def batches(self) -> BatchRows: ...
    @property
    def chunks(self) -> ChunkRows: ...
    @property
    def purges(self) -> PurgeRows: ...
    @property
    def operations(self) -> OperationRows: ...


class Database(Protocol):
    """Where documents, jobs and chunks are true."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction: committed when the block ends, rolled back when it raises."""
        ...
