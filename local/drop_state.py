"""What the drop folder has uploaded, in a small SQLite file that survives restarts and crashes."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SCHEMA = """
CREATE TABLE IF NOT EXISTS uploaded (
    name TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    generation INTEGER NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Stamp:
    """What a file's content is recognised by: its size in bytes and its time of change in nanoseconds."""

    size: int
    mtime_ns: int


class DropState:
    """Stamp and generation of every object that was uploaded and not deleted again.

    A change survives the end of this process from when its call returns. May be made in one thread and used in another.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(SCHEMA)
        rows = self._database.execute("SELECT name, size, mtime_ns FROM uploaded")
        self._stamps = {name: Stamp(size, mtime_ns) for name, size, mtime_ns in rows}

    def stamps(self) -> dict[str, Stamp]:
        """The files as they were uploaded, by object name; not to be written to."""
        return self._stamps

    def generation(self, name: str) -> int | None:
        """The object's generation; None if it was not uploaded."""
        row = self._database.execute("SELECT generation FROM uploaded WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def put(self, name: str, stamp: Stamp, generation: int) -> None:
        """The file was uploaded as it looked then."""
        self._database.execute(
            "INSERT OR REPLACE INTO uploaded VALUES (?, ?, ?, ?)", (name, stamp.size, stamp.mtime_ns, generation)
        )
        self._stamps[name] = stamp

    def remove(self, name: str) -> None:
        """The object was deleted."""
        self._database.execute("DELETE FROM uploaded WHERE name = ?", (name,))
        self._stamps.pop(name, None)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
