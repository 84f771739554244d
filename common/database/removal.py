"""Rows that go by what is to go: purges, receipts of deletions, what is kept for a while only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from common.model.chunks import ChunkOwner


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

    def forget_fetches(self, older_than_seconds: float, limit: int) -> int:
        """Fetches that ended so long ago, but for the newest one of each document that is there."""
        ...
