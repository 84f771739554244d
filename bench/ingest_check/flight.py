"""A file on its way, with the healthy document beside it, and the row that becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.ingest_check.files import Found
from bench.ingest_check.result import FAILED, INTERNAL, UNREADABLE, Row, printable
from bench.ingest_check.rows import Seen
from bench.ingest_check.uploads import FileError, Pair
from common.extraction.detection import detect_type

# What harmed its reader is not looked at once more by this process.
_HARMFUL = frozenset({"EXTRACTION_CRASHED", "EXTRACTION_TIMEOUT", "EXTRACTION_MEMORY", INTERNAL})
# After so many attempts, which took a minute, the next ones would fail too; Pub/Sub would go on for an hour.
_ATTEMPTS = 6


@dataclass(slots=True)
class Flight:
    """A pair on its way since `begun`, what is known of its two documents, and when that has changed last (monotonic).

    `ended` has the moment at which each of the two was seen to have ended.
    """

    pair: Pair
    begun: float
    moved: float = field(init=False)
    seen: dict[str, Seen] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.moved = self.begun

    @property
    def file(self) -> Found:
        return self.pair.file

    @property
    def is_over(self) -> bool:
        """Whether both have ended, or cannot: not uploaded, or failing again and again."""
        return self.pair.error is not None or all(
            name in self.ended or self._fails_again(name) for name in self.pair.names
        )

    @property
    def is_registered(self) -> bool:
        return len(self.seen) == len(self.pair.names)

    def note(self, documents: Mapping[str, Seen], now: float) -> None:
        """Take over what is known now."""
        new = {name: documents[name] for name in self.pair.names if name in documents}
        if new != self.seen:
            self.seen, self.moved = new, now
        for name, document in new.items():
            if document.finished:
                self.ended.setdefault(name, now)

    def row(self, now: float) -> Row:
        """What became of the file, or where it stands."""
        file, error = self.pair.file, self.pair.error
        if isinstance(error, FileError):
            return unreadable(file, str(error))
        if error is not None:
            return Row(file=printable(file.name), outcome="not uploaded", message=printable(str(error)))
        healthy = self.seen.get(self.pair.healthy)
        beside = "not registered" if healthy is None else f"{healthy.status} {healthy.reason or ''}".strip()
        seen = self.seen.get(self.pair.name)
        if seen is None:
            waited = f"put into the bucket, and not registered within {now - self.begun:.0f} s"
            return Row(file=printable(file.name), outcome="not registered", message=waited, healthy=beside)
        return Row(
            file=printable(file.name),
            type=seen.mime_type or _detected(file.path, seen),
            outcome=seen.status,
            reason=seen.reason or "",
            message=(seen.message or "") if seen.finished else seen.standing(now - self.moved),
            pages=seen.pages or 0,
            chunks=seen.chunks or 0,
            warnings=tuple(seen.warnings),
            attempts=seen.attempts,
            seconds=self._seconds(now),
            healthy=beside,
        )

    def _seconds(self, now: float) -> float:
        """From its being in the bucket to its end, or until now."""
        sent = self.pair.sent
        return round(self.ended.get(self.pair.name, now) - sent.result(), 2) if sent.done() else 0.0

    def _fails_again(self, name: str) -> bool:
        seen = self.seen.get(name)
        return seen is not None and seen.reason is not None and seen.attempts >= _ATTEMPTS


def unreadable(file: Found, why: str) -> Row:
    """The row of a file that cannot be put in."""
    return Row(file=printable(file.name), outcome=FAILED, reason=UNREADABLE, message=why)


def _detected(path: Path, seen: Seen) -> str:
    """The type of a file that failed: rows hold it for what was read only."""
    if seen.reason in _HARMFUL or not seen.finished:
        return ""
    with suppress(Exception):  # it may be refused, damaged, or gone by now
        return detect_type(path)
    return ""
