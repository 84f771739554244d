"""Rows that operators and `reconcile` look after: objects without a place, failed messages, how far a pass has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from common.database.ingestion import Unrouted
from common.errors import AiInfraError
from common.model.documents import StoredObject


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
class Progress:
    """How far a pass of a task has come, its age, and the time since one came to its end, None before the first."""

    task: str
    cursor: str
    examined: int
    pass_started_at: datetime
    pass_seconds: float
    finished_seconds: float | None


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
