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

from common.errors import AiInfraError
from common.inspection.state import InspectionRows
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
class KeptMessage:
    """A failed message as it is looked at again; once it is resolved, `resolution` says what became of it."""

    id: UUID
    topic: str | None
    data: bytes
    attributes: Mapping[str, str]
    reason: str
    document_id: UUID | None
    job_id: UUID | None
    received_at: datetime
    resolution: str | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class UncheckedJob:
    """A purged job of a deletion: of its chunks, so many from the first were seen to be gone."""

    owner: ChunkOwner
    total_chunks: int
    checked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a pass of a task has come, its age, and the time since one came to its end, None before the first."""

    task: str
    cursor: str
    examined: int
    pass_started_at: datetime
    pass_seconds: float
    finished_seconds: float | None


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

    def release(self, job_id: UUID, token: UUID) -> None:
        """Give the lease back after a failure that may be repeated, and count the attempt."""
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


class PurgeRows(Protocol):
    """Jobs whose chunks are to go. Purging rests on what these rows say, never on a row that was not found."""

    def due(self, document_id: UUID, grace_seconds: float) -> Sequence[PurgeableJob]:
        """The document's jobs that failed or are neither wanted nor active: retired for at least the grace, or again.

        A failed job goes at once, also while it is the wanted one: no question ever saw its chunks.
        """
        ...

    def documents_due(self, grace_seconds: float, limit: int) -> Sequence[tuple[UUID, UUID]]:
        """Team and document of those that have jobs due, the longest due first; of at most so many jobs."""
        ...

    def begin(self, job_id: UUID) -> bool:
        """Note that the job's purge starts: from now on nobody resumes it. Under its document's and its own lock.

        False, and nothing changes, if it is wanted again, answers, or is purged for good.
        """
        ...

    def complete(self, job_id: UUID, repeat_seconds: float, retention_seconds: float) -> None:
        """The job's vectors and texts are gone: remove its chunk rows too, but for those that a citation points to.

        It is to be repeated `repeat_seconds` after the first time, then at growing intervals, and for the last time
        when the first is `retention_seconds` ago: until then a message may arrive whose work adds something.
        """
        ...

    def again(self, job_id: UUID) -> None:
        """Something of the purged job is still there: repeat its purge now."""
        ...


class DeletionRows(Protocol):
    """Receipts of deletions: what was removed, once it is seen to be gone. `DocumentRows.delete` opens one."""

    def withdraw(self, limit: int) -> Sequence[tuple[UUID, UUID]]:
        """Take documents of deleted projects and teams out of the answers, at most `limit`; their unfinished jobs end.

        Each gets its receipt; returns their teams and ids. Their objects stay: those are their owners'. To be called in
        a transaction of its own, which locks them all; those that another has locked are left to a later call.
        """
        ...

    def documents_pending(self, limit: int) -> Sequence[tuple[UUID, UUID]]:
        """Team and document of receipts that are not complete though nothing of theirs waits for its purge."""
        ...

    def pending(self, document_id: UUID) -> bool:
        """True if a receipt of the document is not complete."""
        ...

    def unchecked(self, document_id: UUID) -> Sequence[UncheckedJob]:
        """The purged jobs of the document's pending receipts of which not all was seen to be gone."""
        ...

    def check(self, job_id: UUID, chunks: int) -> None:
        """Of so many of the job's chunks, from the first, nothing is left; with the last, of its extraction neither."""
        ...

    def complete(self, document_id: UUID, standing: int | None) -> int:
        """Complete the document's receipts of whose every job all was seen to be gone; returns how many.

        But for those of deletions that take the object with them, if it still stands in the bucket: in the generation
        `standing`. Failed messages of what they are about are emptied.
        """
        ...


class OperationRows(Protocol):
    """Objects without a place."""

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


class FailedRows(Protocol):
    """Messages without a delivery, and what the attempts to deliver them said."""

    def note(self, job_id: UUID, batch_index: int | None, error: AiInfraError) -> None:
        """Keep the error of a failed attempt at a batch, or at the job itself, until that has moved on."""
        ...

    def last_error(self, job_id: UUID, batch_index: int | None) -> AiInfraError | None:
        """The error of the last attempt that told one."""
        ...

    def keep(self, message: FailedMessage) -> None:
        """Keep the message; the same delivery kept twice is one row."""
        ...

    def scrub(self, document_id: UUID) -> int:
        """Empty the bodies of the document's failed messages, which hold its text; returns how many had one."""
        ...

    def find(self, message: UUID) -> KeptMessage | None:
        """The failed message of this id."""
        ...

    def lock(self, message: UUID) -> KeptMessage | None:
        """As `find`, locked until the transaction ends; behind the locks of its document and job."""
        ...

    def resolve(self, message: UUID, resolution: str, *, replayed: bool) -> None:
        """Note what became of the message, and that it was replayed; what is resolved stays as it is."""
        ...


class ListingRows(Protocol):
    """What the rows say of a stretch of a bucket's listing."""

    def missing(
        self, bucket: str, after: str, last: str | None, listed: Sequence[StoredObject], limit: int
    ) -> Sequence[StoredObject]:
        """Objects that documents want or answer with and that are not among the listed, in order of name.

        Of the stretch behind `after` up to `last`, or to the end; each in its newest generation, at most `limit`.
        """
        ...


class ProgressRows(Protocol):
    """How far tasks have come that take more than one run. A task goes through its passes one after the other."""

    def resume(self, task: str) -> Progress:
        """The pass under way, a new one where the last has ended; its row is locked until the transaction ends."""
        ...

    def move(self, progress: Progress, cursor: str, examined: int) -> Progress | None:
        """Note that so much more is done; None, and nothing is noted, if another has moved it since."""
        ...

    def finish(self, progress: Progress, examined: int = 0) -> Progress | None:
        """As `move`, to the end of the pass."""
        ...


class RetentionRows(Protocol):
    """What is kept for a while only. Each call forgets the oldest, at most `limit`, and returns how many."""

    def forget_questions(self, older_than_seconds: float, limit: int) -> int:
        """Query logs with their citations, and tombstones of purged jobs that no citation points to any more.

        Not for two at once: they would choose the same, wait for each other, and count it twice.
        """
        ...

    def forget_idempotency_keys(self, older_than_seconds: float, limit: int) -> int:
        """What writes were answered."""
        ...

    def forget_failed(self, older_than_seconds: float, limit: int) -> int:
        """Failed messages that have needed nobody's attention for so long."""
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
    def deletions(self) -> DeletionRows: ...
    @property
    def operations(self) -> OperationRows: ...
    @property
    def failed_messages(self) -> FailedRows: ...
    @property
    def listing(self) -> ListingRows: ...
    @property
    def progress(self) -> ProgressRows: ...
    @property
    def retention(self) -> RetentionRows: ...
    @property
    def inspection(self) -> InspectionRows: ...


class Database(Protocol):
    """Where documents, jobs and chunks are true."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction: committed when the block ends, rolled back when it raises."""
        ...
