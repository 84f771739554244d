"""Which functions' processes ended unasked."""

from __future__ import annotations

from local.functions import Functions
from local.process import ChildProcess


class Deaths:
    """Notices them as long as it looks more often than a function that ended is started again: once a second."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._running: dict[str, ChildProcess] = {}
        self._ended = set[tuple[str, int]]()

    def look(self) -> None:
        """See who has ended since the last look."""
        now = self._functions.children()
        replaced = {(name, child.pid) for name, child in self._running.items() if now.get(name) is not child}
        ended = {(name, child.pid) for name, child in now.items() if child.exit_code() is not None}
        self._ended |= replaced | ended
        self._running = now

    @property
    def died(self) -> tuple[str, ...]:
        """The function's name for each process that ended."""
        return tuple(sorted(name for name, _ in self._ended))
