"""Which processes of the functions ended unasked."""

from __future__ import annotations

from local.functions import Functions
from local.process import ChildProcess

READERS = "fork server of chunk"
# What `chunk` says when the process is gone that forks a child for each document.
_READERS_GONE = "event=fork_server_gone"


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
        """For each process that ended, its name: the function's, or that of what forks `chunk`'s readers."""
        return (*sorted(name for name, _ in self._ended), *self._readers())

    def _readers(self) -> list[str]:
        chunk = self._functions.children().get("chunk")
        if chunk is None:
            return []
        with chunk.log_file.open(encoding="utf-8", errors="replace") as lines:
            return [READERS for line in lines if _READERS_GONE in line]
