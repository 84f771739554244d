"""Puts file after file into a running stack, a bounded number at a time, and follows each to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.ingest_check.deaths import Deaths
from bench.ingest_check.files import Found
from bench.ingest_check.result import FAILED, INTERNAL, UNREADABLE, Result, Row, printable
from bench.ingest_check.rows import Rows, Seen
from bench.ingest_check.uploads import FileError, Pair, Uploads
from common.errors import Retryable
from common.extraction.detection import detect_type
from local.schema import OPERATOR
from local.stack import Stack

# Longer than deferrals, leases and `reconcile` let anything stand still.
STANDSTILL_SECONDS = 900.0
_POLL_SECONDS = 0.1
# What harmed its reader is not looked at once more by this process.
_HARMFUL = frozenset({"EXTRACTION_CRASHED", "EXTRACTION_TIMEOUT", "EXTRACTION_MEMORY", INTERNAL})


@dataclass(slots=True)
class _Flight:
    """A pair on its way, what is known of its two documents, and when each was seen to have ended (monotonic)."""

    pair: Pair
    seen: dict[str, Seen] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.pair.error is not None or len(self.ended) == len(self.pair.names)

    def note(self, documents: Mapping[str, Seen], now: float) -> bool:
        """Take over what is known now; True if anything is new."""
        new = {name: documents[name] for name in self.pair.names if name in documents}
        moved = new != self.seen
        self.seen = new
        for name, document in new.items():
            if document.finished:
                self.ended.setdefault(name, now)
        return moved


@dataclass(frozen=True, kw_only=True)
class IngestCheck:
    """At most `at_once` files are on their way together; `show` gets each row when its file has ended."""

    stack: Stack
    at_once: int
    show: Callable[[Row], None]
    standstill_seconds: float = STANDSTILL_SECONDS

    def run(self, files: Iterable[Found]) -> Result:
        """Return when all have ended, or when those that are left have long stood still."""
        begun, rows, deaths = time.monotonic(), list[Row](), Deaths(self.stack.functions)
        with Rows(self.stack.database_url(OPERATOR)) as database, Uploads(self.stack) as uploads:
            for row in self._rows(iter(files), uploads, database, deaths):
                rows.append(row)
                self.show(row)
            deaths.look()
        return Result.of(rows, deaths.died, time.monotonic() - begun)

    def _rows(self, files: Iterator[Found], uploads: Uploads, database: Rows, deaths: Deaths) -> Iterator[Row]:
        flights, documents, moved = list[_Flight](), dict[str, Seen](), time.monotonic()
        while True:
            while len(flights) < self.at_once and (file := next(files, None)):
                if file.unread:
                    yield _unreadable(file, file.unread)
                else:
                    flights.append(_Flight(uploads.send(file)))
                    moved = time.monotonic()
            if not flights:
                return
            time.sleep(_POLL_SECONDS)
            deaths.look()
            with suppress(Retryable):  # it is busy: there is no news
                documents = database.documents([name for flight in flights for name in flight.pair.names])
            now = time.monotonic()
            for flight in flights:
                moved = now if flight.note(documents, now) else moved
            stuck = now - moved > self.standstill_seconds
            yield from (_row(flight, now) for flight in flights if stuck or flight.is_over)
            flights = [flight for flight in flights if not (stuck or flight.is_over)]


def _row(flight: _Flight, now: float) -> Row:
    pair = flight.pair
    if isinstance(pair.error, FileError):
        return _unreadable(pair.file, str(pair.error))
    if pair.error is not None:
        return Row(file=printable(pair.file.name), outcome="not uploaded", message=printable(str(pair.error)))
    healthy = flight.seen.get(pair.healthy)
    beside = "not registered" if healthy is None else f"{healthy.status} {healthy.reason or ''}".strip()
    seen = flight.seen.get(pair.name)
    if seen is None:
        return Row(file=printable(pair.file.name), outcome="not registered", healthy=beside)
    return Row(
        file=printable(pair.file.name),
        type=seen.mime_type or _detected(pair.file.path, seen),
        outcome=seen.status,
        reason=seen.reason or "",
        message=seen.message or "",
        pages=seen.pages or 0,
        chunks=seen.chunks or 0,
        warnings=tuple(seen.warnings),
        attempts=seen.attempts,
        seconds=round(flight.ended.get(pair.name, now) - pair.sent.result(), 2) if pair.sent.done() else 0.0,
        healthy=beside,
    )


def _unreadable(file: Found, why: str) -> Row:
    return Row(file=printable(file.name), outcome=FAILED, reason=UNREADABLE, message=why)


def _detected(path: Path, seen: Seen) -> str:
    """The type of a file that failed: rows hold it for what was read only."""
    if seen.reason in _HARMFUL:
        return ""
    with suppress(Exception):  # it may be refused, damaged, or gone by now
        return detect_type(path)
    return ""
