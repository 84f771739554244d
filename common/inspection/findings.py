"""What an inspection tells: each violation with what mends it, and how much was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from uuid import UUID

from common.model.documents import StoredObject


class Remedy(StrEnum):
    """What mends a violation; `sentence` says what is done."""

    sentence: str

    ANNOUNCE_FINALIZE = "announce-finalize", "announce the object again, as the bucket should have"
    ANNOUNCE_DELETE = "announce-delete", "announce the object's deletion again, as the bucket should have"
    SEND_AGAIN = "send-again", "send the job on its way again"
    REPROCESS = "reprocess", "process the document again; what answers now answers until then"
    PURGE_AGAIN = "purge-again", "purge the job again"
    FINISH_DELETION = "finish-deletion", "carry the deletion out to its end"
    BY_HAND = "by-hand", "nothing is safe to do by itself: find out how it came about"

    def __new__(cls, value: str, sentence: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member


KINDS: Mapping[str, tuple[int, Remedy]] = {
    "OBJECT_UNSEEN": (1, Remedy.ANNOUNCE_FINALIZE),
    "OBJECT_GONE": (1, Remedy.ANNOUNCE_DELETE),
    "JOB_ORPHANED": (1, Remedy.SEND_AGAIN),
    "JOB_STALLED": (1, Remedy.SEND_AGAIN),
    "STATUS_WRONG": (1, Remedy.REPROCESS),
    "FAILURE_UNEXPLAINED": (1, Remedy.REPROCESS),
    "CHUNKS_MISSING": (2, Remedy.REPROCESS),
    "VECTORS_MISSING": (2, Remedy.REPROCESS),
    "TEXTS_MISSING": (2, Remedy.REPROCESS),
    "EXTRACTION_MISSING": (2, Remedy.REPROCESS),
    "VECTORS_SURPLUS": (2, Remedy.BY_HAND),
    "TEXTS_SURPLUS": (2, Remedy.BY_HAND),
    "GENERATION_WRONG": (3, Remedy.REPROCESS),
    "CHUNKS_TWICE": (3, Remedy.PURGE_AGAIN),
    "ACTIVE_WRONG": (4, Remedy.REPROCESS),
    "NOT_LIVE": (4, Remedy.REPROCESS),
    "ANSWERS_LOST": (4, Remedy.REPROCESS),
    "NOT_RETIRED": (4, Remedy.PURGE_AGAIN),
    "TENANCY_BROKEN": (5, Remedy.BY_HAND),
    "DELETED_ANSWERS": (6, Remedy.ANNOUNCE_DELETE),
    "PURGE_OVERDUE": (6, Remedy.PURGE_AGAIN),
    "LEFTOVERS": (6, Remedy.PURGE_AGAIN),
    "DELETION_OVERDUE": (6, Remedy.FINISH_DELETION),
    "FAILED_MESSAGE_TEXT": (6, Remedy.FINISH_DELETION),
    "OBJECT_LEFT": (6, Remedy.FINISH_DELETION),
}
"""Each kind of violation: the invariant that it is of, and what mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Something that does not hold: `reason` for machines, `message` for people, about `subject`."""

    invariant: int
    reason: str
    subject: str
    message: str
    remedy: Remedy
    team_id: UUID | None = None
    document_id: UUID | None = None
    job_id: UUID | None = None
    stored: StoredObject | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The same violation, seen twice, has the same key."""
        return self.reason, self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was looked at, how much of it is on its way, and what does not hold.

    `in_flight` counts unfinished jobs, objects just finalized, purges and deletions that are asked for or within their
    grace, and what changed while it was looked at. `chunks` are those that answer.
    """

    documents: int
    objects: int
    jobs: int
    chunks: int
    in_flight: int
    violations: tuple[Violation, ...]

    @property
    def at_rest(self) -> bool:
        """True if nothing is on its way: then the invariants hold of everything, or are violated."""
        return self.in_flight == 0
