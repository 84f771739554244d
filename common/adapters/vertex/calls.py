"""Calls to Google Cloud, whose clients neither end in time nor repeat by themselves."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from math import inf

from google.api_core.exceptions import (
    DeadlineExceeded,
    GoogleAPICallError,
    InternalServerError,
    InvalidArgument,
    ServiceUnavailable,
    TooManyRequests,
)

from common.adapters.vertex.refusals import retry_after, translated
from common.ports import Clock
from common.quota import Quota, Reservation, no_room

# A wait this short costs less than publishing the message again.
_PATIENCE_SECONDS = 1.0
# Room in the quota comes early where a request that is under way takes less than was estimated.
_LONGEST_WAIT = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0
# What the server asks to repeat; a dropped connection is among them.
_PASSING = (ServiceUnavailable, DeadlineExceeded, InternalServerError)


class Calls:
    """Every call ends within `remote_seconds`, is repeated for `retry_seconds` at most, and keeps to its quota."""

    def __init__(
        self,
        quota: Quota | None,
        remote_seconds: float,
        retry_seconds: float,
        clock: Clock,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.quota = quota or Quota()
        self._remote_seconds = remote_seconds
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._now = now

    def call[T](
        self,
        what: str,
        function: Callable[[float], T],
        tokens: int = 0,
        *,
        settings: Sequence[str] = (),
        used: Callable[[T], int | None] | None = None,
        patient: bool = False,
    ) -> T:
        """What `function` returns; it gets the time-out in seconds, and has to be safe to repeat.

        `what` names the call in errors, and `settings` the settings that name what it works on. `tokens` is what it is
        likely to take from the quota, and `used` tells what it did take. Without quota the call is `Deferred`; one that
        is `patient` waits for it first, as long as calls are repeated. A call that the server finds invalid raises
        google.api_core's `InvalidArgument`, one that can only go well with other settings `ConfigurationError`.
        """
        patience = self._retry_seconds if patient else _PATIENCE_SECONDS
        reservation = self._reserve(tokens, patience)
        deadline = self._now() + self._retry_seconds
        backoffs = _backoffs()
        while True:
            try:
                result = function(min(self._remote_seconds, deadline - self._now()))
            except InvalidArgument:
                self.quota.settle(reservation, 0)
                raise
            except GoogleAPICallError as error:
                pause = self._pause_after(error, reservation, next(backoffs))
                left = deadline - self._now()
                if pause >= left or (isinstance(error, TooManyRequests) and pause > patience):
                    raise translated(error, what, settings, wait_seconds=pause) from error
            else:
                self._settle(reservation, used(result) if used else None)
                return result
            self._clock.sleep(pause)
            reservation = self._reserve(tokens, min(patience, deadline - self._now()))

    def _reserve(self, tokens: int, patience: float) -> Reservation:
        until = self._now() + patience
        with self.quota.in_line(tokens) as reservation:
            while wait_seconds := self.quota.start(reservation):
                if self._now() + wait_seconds > until:
                    raise no_room(wait_seconds)
                self._clock.sleep(min(wait_seconds, _LONGEST_WAIT))
            return reservation

    def _pause_after(self, error: GoogleAPICallError, reservation: Reservation, backoff: float) -> float:
        if isinstance(error, TooManyRequests):
            self.quota.settle(reservation, 0)
            return self.quota.slow_down(retry_after(error))
        return backoff if isinstance(error, _PASSING) else inf

    def _settle(self, reservation: Reservation, tokens: int | None) -> None:
        if tokens is not None:
            self.quota.settle(reservation, tokens)


def _backoffs() -> Iterator[float]:
    """Each up to twice the one before, drawn by lot: callers that failed together do not come back together."""
    longest = _FIRST_PAUSE
    while True:
        yield random.uniform(longest / 2, longest)  # noqa: S311 - no secret
        longest = min(2 * longest, _LONGEST_PAUSE)
