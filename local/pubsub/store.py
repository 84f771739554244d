"""Topics, subscriptions, messages and their outstanding deliveries in one SQLite file, for one process at a time."""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.pubsub import filters
from local.pubsub.resources import Proto

DELETED_TOPIC = "_deleted-topic_"
_MS = 1_000_000
_SCHEMA = """
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS resources (
        name TEXT PRIMARY KEY, topic TEXT NOT NULL, filter TEXT NOT NULL, spec BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS resources_topic ON resources (topic);
    CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, published INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, message INTEGER NOT NULL,
        failures INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (subscription, due, id);
    CREATE INDEX IF NOT EXISTS deliveries_message ON deliveries (message);
"""


class ClosedError(Exception):
    """The store was closed; nothing was read or changed."""


class MissingTopicError(LookupError):
    """There is no topic of this name."""


@dataclass(frozen=True)
class Resource:
    """A topic or a subscription: `spec` is its serialized protocol message; `topic` is empty for a topic."""

    name: str
    topic: str
    spec: bytes


@dataclass(frozen=True)
class Delivery:
    """One message owed to one subscription. `attempt` counts from 1; `published` is in ns since the epoch."""

    id: int
    attempt: int
    message_id: int
    published: int
    body: bytes
    subscription: bytes


class Store:
    """Every method is one committed transaction; safe to call from any thread."""

    def __init__(self, data: Path | None, duplicate: int) -> None:
        """`data` None keeps everything in memory. Each message is owed `duplicate` times to a subscription."""
        self._duplicate = duplicate
        self._lock, self._closed = threading.Lock(), False
        self._db = sqlite3.connect(data or ":memory:", timeout=0, check_same_thread=False)
        try:
            self._db.executescript(_SCHEMA)
        except sqlite3.Error:
            self._db.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._db.close()

    def create(self, resource: Resource, filter_text: str = "") -> bool:
        """False, and nothing changed, if the name is taken."""
        row = (resource.name, resource.topic, filter_text, resource.spec)
        with self._transaction() as db:
            return db.execute("INSERT OR IGNORE INTO resources VALUES (?, ?, ?, ?)", row).rowcount == 1

    def replace(self, name: str, spec: bytes) -> None:
        with self._transaction() as db:
            db.execute("UPDATE resources SET spec = ? WHERE name = ?", (spec, name))

    def delete(self, name: str) -> None:
        """A subscription loses what it is owed; those of a topic stay and keep it, as in the service."""
        with self._transaction() as db:
            db.execute("DELETE FROM resources WHERE name = ?", (name,))
            db.execute("UPDATE resources SET topic = ? WHERE topic = ?", (DELETED_TOPIC, name))
            db.execute("DELETE FROM deliveries WHERE subscription = ?", (name,))
            db.execute("DELETE FROM messages WHERE id NOT IN (SELECT message FROM deliveries)")

    def get(self, name: str) -> Resource | None:
        with self._transaction() as db:
            row = db.execute("SELECT name, topic, spec FROM resources WHERE name = ?", (name,)).fetchone()
        return Resource(*row) if row else None

    def under(self, prefix: str, after: str = "", limit: int = -1) -> list[Resource]:
        """At most `limit` resources whose names begin with `prefix` and follow `after`, by name; -1 for all."""
        query = "SELECT name, topic, spec FROM resources WHERE name > ? AND name < ? ORDER BY name LIMIT ?"
        with self._transaction() as db:
            return [Resource(*row) for row in db.execute(query, (max(prefix, after), prefix + "\x7f", limit))]

    def publish(self, topic: str, messages: Iterable[Proto]) -> tuple[list[int], set[str]]:
        """Owes each message to the topic's subscriptions whose filter lets it through.

        The messages' ids, and the subscriptions that have something to push now.
        """
        with self._transaction() as db:
            return self._publish(db, topic, messages)

    def upcoming(self, subscription: str, limit: int) -> list[tuple[int, int]]:
        """The next `limit` deliveries as (id, due in ns since the epoch), the earliest first."""
        query = "SELECT id, due FROM deliveries WHERE subscription = ? ORDER BY due, id LIMIT ?"
        with self._transaction() as db:
            return db.execute(query, (subscription, limit)).fetchall()

    def delivery(self, delivery_id: int) -> Delivery | None:
        query = """SELECT d.id, d.failures + 1, m.id, m.published, m.body, r.spec FROM deliveries d
                   JOIN messages m ON m.id = d.message JOIN resources r ON r.name = d.subscription WHERE d.id = ?"""
        with self._transaction() as db:
            row = db.execute(query, (delivery_id,)).fetchone()
        return Delivery(*row) if row else None

    def remove(self, delivery_id: int) -> None:
        """The delivery is owed no longer; the message goes with its last delivery."""
        with self._transaction() as db:
            self._remove(db, delivery_id)

    def postpone(self, delivery_id: int, due: int) -> None:
        """Counts a failed attempt; the next one is due at `due`."""
        with self._transaction() as db:
            db.execute("UPDATE deliveries SET failures = failures + 1, due = ? WHERE id = ?", (due, delivery_id))

    def forward(self, delivery_id: int, topic: str, message: Proto) -> set[str]:
        """Publishes `message` in the delivery's place: both happen or neither does. As `publish` otherwise."""
        with self._transaction() as db:
            return self._publish(db, topic, [message] if self._remove(db, delivery_id) else [])[1]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise ClosedError
            with self._db as db:
                yield db

    def _publish(self, db: sqlite3.Connection, topic: str, messages: Iterable[Proto]) -> tuple[list[int], set[str]]:
        if not db.execute("SELECT 1 FROM resources WHERE name = ? AND topic = ''", (topic,)).fetchone():
            raise MissingTopicError(topic)
        subscriptions = db.execute("SELECT name, filter FROM resources WHERE topic = ?", (topic,)).fetchall()
        now, ids, owed = time.time_ns() // _MS * _MS, list[int](), set[str]()
        for message in messages:
            row = (now, message.SerializeToString())
            ids.append(db.execute("INSERT INTO messages (published, body) VALUES (?, ?)", row).lastrowid or 0)
            names = [name for name, text in subscriptions if filters.parse(text)(message.attributes)]
            rows = [(name, ids[-1], now) for name in names for _ in range(self._duplicate)]
            db.executemany("INSERT INTO deliveries (subscription, message, due) VALUES (?, ?, ?)", rows)
            owed.update(names)
            if not names:
                db.execute("DELETE FROM messages WHERE id = ?", (ids[-1],))
        return ids, owed

    def _remove(self, db: sqlite3.Connection, delivery_id: int) -> bool:
        rows = db.execute("DELETE FROM deliveries WHERE id = ? RETURNING message", (delivery_id,)).fetchall()
        last = "DELETE FROM messages WHERE id = ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = messages.id)"
        db.executemany(last, rows)
        return bool(rows)
