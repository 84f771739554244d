"""How much of a quota one instance may use, and when."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
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
    """A request that counts against the quota from its start on."""

    tokens: int
    started_at: float


class Quota:
    """One instance's equal share of the requests and tokens a minute that all instances may use together.

    In no minute do more requests start, or with more tokens, than the share. What is larger than the share of a minute
    goes alone, and counts for as many minutes as it is worth. Threads may share a quota.
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
        self._blocked_until = self._slowed_until = -inf
        self._pause = _SHORTEST_PAUSE

    @property
    def tokens_per_minute(self) -> float:
        """The tokens of this instance's share: a request of no more need not wait for an idle minute."""
        return self._tokens

    def take(self, tokens: int) -> Reservation:
        """Count a request that starts now; `Deferred` (QUOTA) with the shortest wait if there is no room for it."""
        with self._lock:
            now = self._now()
            self._counted = [each for each in self._counted if self._leaves(each) > now]
            start = self._earliest(tokens, now)
            if start > now:
                raise Deferred(
                    "QUOTA",
                    "This instance's share of the quota is used up for now.",
                    wait_seconds=start - now,
                    bounded=False,
                )
            reservation = Reservation(tokens, now)
            self._counted.append(reservation)
            return reservation

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

    def _earliest(self, tokens: int, now: float) -> float:
        """The first moment with room: more room comes only where a request leaves, or where slowing ends."""
        start = max(now, self._blocked_until)
        moments = sorted({start, self._slowed_until, *(self._leaves(each) for each in self._counted)})
        moments = moments[bisect_left(moments, start) :]
        return moments[bisect_left(moments, True, key=lambda moment: self._has_room(tokens, moment))]

    def _has_room(self, tokens: int, moment: float) -> bool:
        share = self._share(moment)
        counted = [each.tokens for each in self._counted if self._leaves(each) > moment]
        within = len(counted) + 1 <= self._requests * share and sum(counted) + tokens <= self._tokens * share
        return within or not counted

    def _leaves(self, reservation: Reservation) -> float:
        minutes = max(1.0, 1 / self._requests, reservation.tokens / self._tokens)
        return reservation.started_at + minutes * _WINDOW_SECONDS

    def _share(self, moment: float) -> float:
        return _SLOWED_SHARE if moment < self._slowed_until else 1.0
