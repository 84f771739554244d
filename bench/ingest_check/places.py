"""Which file is put in next: so many are on their way together, and neither large nor slow ones hold up the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from bench.ingest_check.files import Found

# A text of this size has some thousand chunks.
LARGE_BYTES = 512 * 1024
# Of the places, one in so many is for large files as long as small ones wait.
_LARGE_SHARE = 8
# Whoever is on its way for longer takes no place, up to so many times the places.
SLOW_SECONDS = 20.0
_SLOW_TIMES = 4


class OnItsWay(Protocol):
    """A file that has been put in, and when (monotonic seconds)."""

    @property
    def file(self) -> Found: ...
    @property
    def begun(self) -> float: ...


class Places:
    """The files that wait, each kind in its order, for `at_once` places."""

    def __init__(self, files: Iterable[Found], at_once: int) -> None:
        self._small, self._large = deque[Found](), deque[Found]()
        for file in files:
            (self._large if file.size > LARGE_BYTES else self._small).append(file)
        self._at_once = at_once

    def __len__(self) -> int:
        return len(self._small) + len(self._large)

    def next(self, taken: Sequence[OnItsWay], now: float) -> Found | None:
        """The file to put in now; None where all places are taken, or none waits."""
        if len(taken) >= _SLOW_TIMES * self._at_once:
            return None
        large = sum(each.file.size > LARGE_BYTES for each in taken)
        small = sum(each.file.size <= LARGE_BYTES and now - each.begun < SLOW_SECONDS for each in taken)
        if self._large and large < self._places_for_large(small):
            return self._large.popleft()
        if self._small and small < self._at_once - min(large, self._at_once // _LARGE_SHARE):
            return self._small.popleft()
        return None

    def _places_for_large(self, small: int) -> int:
        return self._at_once // _LARGE_SHARE if self._small else self._at_once - small
