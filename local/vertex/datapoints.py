"""The vector index: datapoints in one SQLite file, found some time after they were written."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from google.cloud.aiplatform_v1.types import IndexDatapoint as _IndexDatapoint
from numpy.typing import NDArray

from local.vertex.protocol import Proto
from local.vertex.restricts import Tokens, tokens_of

IndexDatapoint = _IndexDatapoint.pb()

_SCHEMA = """
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS datapoints (id TEXT PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS changes (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, body BLOB, due REAL NOT NULL);
"""


class Datapoint:
    """A datapoint that searches find."""

    __slots__ = ("message", "tokens", "vector")

    def __init__(self, message: Proto) -> None:
        self.message = message
        self.vector: NDArray[np.float32] = np.array(message.feature_vector, dtype=np.float32)
        self.tokens: Mapping[str, Tokens] = tokens_of(message.restricts)


class Datapoints:
    """Every change is committed when its call returns and is found `invisible_seconds` later, over a restart too."""

    def __init__(self, data: Path | None, invisible_seconds: float) -> None:
        """`data` None keeps everything in memory. Raises sqlite3.Error if the file cannot be used or is in use."""
        self._invisible_seconds, self._lock = invisible_seconds, threading.Lock()
        self._db = sqlite3.connect(data or ":memory:", timeout=0, check_same_thread=False)
        try:
            self._db.executescript(_SCHEMA)
        except sqlite3.Error:
            self._db.close()
            raise
        rows = self._db.execute("SELECT id, body FROM datapoints")
        self._visible = {name: Datapoint(IndexDatapoint.FromString(body)) for name, body in rows}

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def upsert(self, messages: Iterable[Proto]) -> None:
        self._change([(message.datapoint_id, message.SerializeToString()) for message in messages])

    def remove(self, names: Iterable[str]) -> None:
        """What is not there is removed already."""
        self._change([(name, None) for name in names])

    def visible(self) -> dict[str, Datapoint]:
        """What a search finds now, by id."""
        with self._lock:
            self._apply_due()
            return dict(self._visible)

    def _change(self, changes: Iterable[tuple[str, bytes | None]]) -> None:
        due = time.time() + self._invisible_seconds
        rows = [(name, body, due) for name, body in changes]
        with self._lock, self._db as db:
            db.executemany("INSERT INTO changes (id, body, due) VALUES (?, ?, ?)", rows)

    def _apply_due(self) -> None:
        due = "FROM changes WHERE due <= ?"
        now = (time.time(),)
        changes = self._db.execute(f"SELECT id, body {due} ORDER BY number", now).fetchall()
        if not changes:
            return
        with self._db as db:
            db.execute(f"DELETE {due}", now)
            for name, body in changes:
                self._apply(name, body)

    def _apply(self, name: str, body: bytes | None) -> None:
        if body is None:
            self._db.execute("DELETE FROM datapoints WHERE id = ?", (name,))
            self._visible.pop(name, None)
        else:
            self._db.execute("INSERT OR REPLACE INTO datapoints VALUES (?, ?)", (name, body))
            self._visible[name] = Datapoint(IndexDatapoint.FromString(body))
