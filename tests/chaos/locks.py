"""Who waits for whom in the database, and which of the tasks are therefore blocked."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pg8000.native import Connection

_BLOCKING = "select pid, pg_blocking_pids(pid) from unnest(array[{}]::integer[]) pid"


class Locks:
    """Looks at the locks on a connection of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def blocking(self, pids: Collection[int]) -> dict[int, frozenset[int]]:
        """For each of the backends those that it waits for."""
        rows = self._connection.run(_BLOCKING.format(",".join(map(str, pids))))
        return {pid: frozenset(blockers) for pid, blockers in rows}

    def cancel(self, pid: int) -> None:
        """End the statement that the backend is in."""
        self._connection.run("select pg_cancel_backend(:pid)", pid=pid)


def blocked(blocking: Mapping[int, frozenset[int]], resting: Collection[int]) -> frozenset[int]:
    """Those that wait for a backend whose task rests at a step, directly or behind others that do.

    Whoever waits for one that is about to go on is not blocked: soon it goes on too, or waits for another.
    """
    found: set[int] = set()
    while more := {pid for pid, by in blocking.items() if pid not in found and by & (found | set(resting))}:
        found |= more
    return frozenset(found)


def deadlocked(blocking: Mapping[int, frozenset[int]]) -> frozenset[int]:
    """Those that wait in a circle."""
    waiting = {pid: by & blocking.keys() for pid, by in blocking.items()}
    while free := {pid for pid, by in waiting.items() if not by}:
        waiting = {pid: by - free for pid, by in waiting.items() if pid not in free}
    return frozenset(waiting)
