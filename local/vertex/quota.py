"""Requests and tokens a minute, refused beyond with the time to wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from grpc import StatusCode

from local.vertex.protocol import RefusedError


class Quota:
    """In no stretch of `seconds` are more requests or tokens taken than the quota says; None is without limit."""

    def __init__(
        self,
        requests: int | None,
        tokens: int | None,
        seconds: float = 60.0,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = [("requests", _Window(requests, seconds)), ("tokens", _Window(tokens, seconds))]
        self._now, self._lock = now, threading.Lock()

    def take(self, tokens: int) -> None:
        """Count one request of so many tokens, or refuse it (RESOURCE_EXHAUSTED) and count nothing."""
        with self._lock:
            now = self._now()
            wanted = [(what, window, amount) for (what, window), amount in zip(self._limits, (1, tokens), strict=True)]
            for what, window, amount in wanted:
                if wait := window.wait(amount, now):
                    sentence = f"Quota exceeded: {what} per minute per project per region."
                    raise RefusedError(StatusCode.RESOURCE_EXHAUSTED, sentence, wait)
            for _, window, amount in wanted:
                window.take(amount, now)


class _Window:
    """What was taken within the last seconds."""

    def __init__(self, limit: int | None, seconds: float) -> None:
        self._limit, self._seconds = limit, seconds
        self._taken = deque[tuple[float, int]]()
        self._sum = 0

    def wait(self, amount: int, now: float) -> float:
        """The seconds until the amount fits; 0 if it does; the whole window if it never will."""
        if self._limit is None:
            return 0.0
        while self._taken and self._taken[0][0] <= now - self._seconds:
            self._sum -= self._taken.popleft()[1]
        excess = self._sum + amount - self._limit
        if excess <= 0:
            return 0.0
        for taken_at, taken in self._taken:
            excess -= taken
            if excess <= 0:
                return taken_at + self._seconds - now
        return self._seconds

    def take(self, amount: int, now: float) -> None:
        if self._limit is not None:
            self._taken.append((now, amount))
            self._sum += amount
