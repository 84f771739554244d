"""How much of a quota one instance may use, and when."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from threading import Lock

from common.errors import Deferred

# A minute, and a second for the way: two requests sent a minute apart may arrive closer to each other.
_WINDOW_SECONDS = 61.0
_SLOWED_SECONDS = 60.0
_SLOWED_SHARE = 0.5
_SHORTEST_PAUSE, _LONGEST_PAUSE = 5.0, 60.0


@dataclass(slots=True, eq=False)
class Reservation:
    """A request: it waits in line until it starts, and counts against the quota from then on."""

    tokens: int
    started_at: float = inf


class Quota:
    """One instance's equal share of the requests and tokens a minute that all instances may use together.

    In no minute do more requests start, or with more tokens, than the share. What is larger than the share of a minute
    goes alone, and counts for as many minutes as it is worth. Threads may share a quota; those that wait in line start
    in the order in which they came.
    """

    def __init__(
        self,
        *,
        requests_per_minute: float = inf,
        tokens_per_minute: float = inf,
        max_instances: int = 1,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._requests = requests_per_minute / max_instances
        self._tokens = tokens_per_minute / max_instances
        self._now = now
        self._lock = Lock()
        self._counted: list[Reservation] = []
        self._line: list[Reservation] = []
        self._blocked_until = self._slowed_until = -inf
        self._pause = _SHORTEST_PAUSE

    @property
    def tokens_per_minute(self) -> float:
        """The tokens of this instance's share."""
        return self._tokens

    def take(self, tokens: int) -> Reservation:
        """Count a request that starts now; `Deferred` (QUOTA) with the shortest wait if there is no room for it."""
        with self.in_line(tokens) as reservation:
            if wait_seconds := self.start(reservation):
                raise no_room(wait_seconds)
            return reservation

    @contextmanager
    def in_line(self, tokens: int) -> Iterator[Reservation]:
        """A place behind those that wait already, until the request starts or the context is left."""
        reservation = Reservation(tokens)
        with self._lock:
            self._line.append(reservation)
        try:
            yield reservation
        finally:
            with self._lock:
                if reservation in self._line:
                    self._line.remove(reservation)

    def start(self, reservation: Reservation) -> float:
        """Count a request of the line as one that starts now, or tell the seconds until it may, as far as is known.

        It may be sooner: what is under way may turn out to take less.
        """
        with self._lock:
            now = self._now()
            self._counted = [each for each in self._counted if self._leaves(each) > now]
            wait_seconds = self._turn(reservation, now) - now
            if not wait_seconds:
                self._line.remove(reservation)
                reservation.started_at = now
                self._counted.append(reservation)
            return wait_seconds

    def settle(self, reservation: Reservation, tokens: int) -> None:
        """Count the tokens that the request really took: 0 for one that was refused."""
        with self._lock:
            reservation.tokens = tokens

    def slow_down(self, retry_after_seconds: float | None = None) -> float:
        """After a 429: let nothing start for so long (unless told, longer each time), then half for a minute.

        The seconds for which nothing starts are returned. Requests refused at the same time count as one.
        """
        with self._lock:
            now = self._now()
            if now >= self._blocked_until:
                again = now < self._slowed_until
                self._pause = min(2 * self._pause, _LONGEST_PAUSE) if again else _SHORTEST_PAUSE
            self._blocked_until = max(self._blocked_until, now + (retry_after_seconds or self._pause))
            self._slowed_until = self._blocked_until + _SLOWED_SECONDS
            return self._blocked_until - now

    def _turn(self, reservation: Reservation, now: float) -> float:
        """The first moment with room, when those before it in line have started as soon as there was for them."""
        counted, moment = list(self._counted), now
        for each in self._line:
            moment = self._earliest(each.tokens, moment, counted)
            if each is reservation:
                break
            counted.append(Reservation(each.tokens, moment))
        return moment

    def _earliest(self, tokens: int, now: float, counted: Sequence[Reservation]) -> float:
        """The first moment with room: more room comes only where a request leaves, or where slowing ends."""
        start = max(now, self._blocked_until)
        moments = sorted({start, self._slowed_until, *(self._leaves(each) for each in counted)})
        moments = moments[bisect_left(moments, start) :]
        return moments[bisect_left(moments, True, key=lambda moment: self._has_room(tokens, moment, counted))]

    def _has_room(self, tokens: int, moment: float, counted: Sequence[Reservation]) -> bool:
        share = self._share(moment)
        taken = [each.tokens for each in counted if self._leaves(each) > moment]
        within = len(taken) + 1 <= self._requests * share and sum(taken) + tokens <= self._tokens * share
        return within or not taken

    def _leaves(self, reservation: Reservation) -> float:
        minutes = max(1.0, 1 / self._requests, reservation.tokens / self._tokens)
        return reservation.started_at + minutes * _WINDOW_SECONDS

    def _share(self, moment: float) -> float:
        return _SLOWED_SHARE if moment < self._slowed_until else 1.0


def no_room(wait_seconds: float) -> Deferred:
    """What a request is told that does not wait in line."""
    return Deferred(
        "QUOTA", "This instance's share of the quota is used up for now.", wait_seconds=wait_seconds, bounded=False
    )
