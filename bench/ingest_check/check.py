"""Puts file after file into a running stack, a bounded number at a time, and follows each to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from bench.ingest_check.deaths import Deaths
from bench.ingest_check.files import Found
from bench.ingest_check.flight import Flight, unreadable
from bench.ingest_check.places import Places
from bench.ingest_check.result import Result, Row
from bench.ingest_check.rows import Rows
from bench.ingest_check.uploads import Uploads
from common.errors import Retryable
from local.schema import OPERATOR
from local.stack import Stack

# Longer than deferrals, leases and `reconcile` let everything stand still; a single file may wait for others' time.
STANDSTILL_SECONDS = 900.0
_ALONE = 2.0
_REGISTERED_SECONDS = 300.0
_POLL_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class IngestCheck:
    """At most `at_once` files are on their way together, see `Places`; `show` gets each row when its file has ended.

    Once `stop` is set, what has ended by then is the result.
    """

    stack: Stack
    at_once: int
    show: Callable[[Row], None]
    embedder: str = ""
    stop: Event = field(default_factory=Event)
    standstill_seconds: float = STANDSTILL_SECONDS

    def run(self, files: Iterable[Found]) -> Result:
        """Return when all have ended, when those that are left have long stood still, or when told to stop."""
        begun, rows, deaths = time.monotonic(), list[Row](), Deaths(self.stack.functions)
        places, flights = Places(files, self.at_once), list[Flight]()
        with Rows(self.stack.database_url(OPERATOR)) as database, Uploads(self.stack) as uploads:
            while not self.stop.is_set() and (places or flights):
                for row in (*_put_in(places, flights, uploads), *self._ended(flights, database)):
                    rows.append(row)
                    self.show(row)
                deaths.look()
                self.stop.wait(_POLL_SECONDS)
            deaths.look()
        seconds, left = time.monotonic() - begun, len(places) + len(flights)
        return Result.of(rows, deaths.died, seconds, embedder=self.embedder, left=left)

    def _ended(self, flights: list[Flight], database: Rows) -> Iterator[Row]:
        """The rows of those that have ended or stand still, which are taken off the list."""
        with suppress(Retryable):  # it is busy: there is no news
            documents = database.documents([name for flight in flights for name in flight.pair.names])
            for flight in flights:
                flight.note(documents, time.monotonic())
        now = time.monotonic()
        quiet = now - max((flight.moved for flight in flights), default=now)
        over = [flight for flight in flights if flight.is_over or self._stands_still(flight, quiet, now)]
        for flight in over:
            flights.remove(flight)
            yield flight.row(now)

    def _stands_still(self, flight: Flight, quiet: float, now: float) -> bool:
        alone = now - flight.moved
        if not flight.is_registered and alone > min(_REGISTERED_SECONDS, self.standstill_seconds):
            return True
        return quiet > self.standstill_seconds or alone > _ALONE * self.standstill_seconds


def _put_in(places: Places, flights: list[Flight], uploads: Uploads) -> Iterator[Row]:
    """Put files in as long as there are places; the rows of those that cannot be read."""
    while file := places.next(flights, time.monotonic()):
        if file.unread:
            yield unreadable(file, file.unread)
        else:
            flights.append(Flight(uploads.send(file), time.monotonic()))
