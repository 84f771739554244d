"""Topics, subscriptions and what they are owed in one SQLite file, for one process at a time."""

import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import grpc

from local.pubsub.filters import parse
from local.pubsub.resources import Proto, PubsubMessage, RefusedError, Subscription, Topic

_SCHEMA = """
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS resources (name TEXT PRIMARY KEY, spec BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, message BLOB NOT NULL,
        failures INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL, claimed INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (subscription, claimed, due, id);
    UPDATE deliveries SET claimed = 0;
"""
_UPCOMING = """
    SELECT due, id, failures + 1, message FROM deliveries
    WHERE subscription = ? AND claimed = 0 ORDER BY due, id LIMIT 1
"""
_REMOVE = "DELETE FROM deliveries WHERE id = ?"


class Delivery(NamedTuple):
    """A message that a subscription is owed, claimed for one push. `attempt` counts from 1."""

    id: int
    attempt: int
    message: Proto
    subscription: Proto


class Store:
    """Every change is one committed transaction; safe to call from any thread. After `close`: ProgrammingError.

    Who holds `lock` makes several calls as one.
    """

    def __init__(self, data: Path | None, duplicate: int) -> None:
        """`data` None keeps everything in memory. Each message is owed `duplicate` times to a subscription."""
        self.lock, self._stopped, self._duplicate = threading.RLock(), False, duplicate
        self._changed = defaultdict[str, threading.Condition](lambda: threading.Condition(self.lock))
        self._db = sqlite3.connect(data or ":memory:", timeout=0, check_same_thread=False)
        try:
            self._db.executescript(_SCHEMA)
        except sqlite3.Error:
            self._db.close()
            raise
        rows = self._db.execute("SELECT name, spec FROM resources")
        self._resources = {
            name: (Topic if "/topics/" in name else Subscription).FromString(spec) for name, spec in rows
        }

    def stop(self) -> None:
        """Nothing is claimed any more; what is claimed may still be settled."""
        with self.lock:
            self._stopped = True
            for changed in self._changed.values():
                changed.notify_all()

    def close(self) -> None:
        with self.lock:
            self._db.close()

    def get(self, name: str, kind: type[Proto]) -> Proto:
        """The topic or subscription. Raises RefusedError (NOT_FOUND)."""
        resource = self._resources.get(name)
        if not isinstance(resource, kind):
            raise RefusedError(grpc.StatusCode.NOT_FOUND, f"There is no {name}.")
        return resource

    def all(self, kind: type[Proto], project: str = "projects") -> list[Proto]:
        """The topics or subscriptions of one project, or of all."""
        with self.lock:
            wanted = (one for name, one in self._resources.items() if name.startswith(f"{project}/"))
            return [one for one in wanted if isinstance(one, kind)]

    def create(self, resource: Proto) -> None:
        """Raises RefusedError (ALREADY_EXISTS)."""
        with self.lock:
            if resource.name in self._resources:
                raise RefusedError(grpc.StatusCode.ALREADY_EXISTS, f"{resource.name} exists already.")
            self.save(resource)

    def save(self, resource: Proto) -> None:
        """In place of the one of its name, if there is one."""
        with self.lock, self._db as db:
            db.execute("INSERT OR REPLACE INTO resources VALUES (?, ?)", (resource.name, resource.SerializeToString()))
            kept: Proto = self._resources.setdefault(resource.name, resource)
            kept.CopyFrom(resource)  # in place: its threads go by the object

    def delete(self, resource: Proto) -> None:
        """A subscription with what it is owed; those of a topic stay."""
        with self.lock, self._db as db:
            db.execute("DELETE FROM resources WHERE name = ?", (resource.name,))
            db.execute("DELETE FROM deliveries WHERE subscription = ?", (resource.name,))
            del self._resources[resource.name]
            self._changed[resource.name].notify_all()

    def publish(self, topic: str, messages: Iterable[Proto], instead_of: Delivery | None = None) -> None:
        """Gives each message its id and time and owes it to the topic's subscriptions whose filter lets it through.

        With `instead_of`, only if that is still owed, and it is owed no longer: both happen or neither does. Raises
        RefusedError (NOT_FOUND) without the topic.
        """
        with self.lock, self._db as db:
            self.get(topic, Topic)
            if instead_of and not db.execute(_REMOVE, (instead_of.id,)).rowcount:
                return
            to = [subscription for subscription in self.all(Subscription) if subscription.topic == topic]
            wanted = [(subscription.name, parse(subscription.filter)) for subscription in to] * self._duplicate
            now = time.time_ns()
            for message in messages:
                message.message_id = str(uuid4().int)
                message.publish_time.FromMilliseconds(now // 1_000_000)
                body = message.SerializeToString()
                rows = [(name, body, now) for name, matches in wanted if matches(message.attributes)]
                db.executemany("INSERT INTO deliveries (subscription, message, due) VALUES (?, ?, ?)", rows)
            for name, _ in wanted:
                self._changed[name].notify_all()

    def claim(self, subscription: Proto) -> Delivery | None:
        """Waits for what is owed, due and not claimed. None once the subscription is deleted or the store stopped."""
        name = subscription.name
        with self.lock:
            while self._resources.get(name) is subscription and not self._stopped:
                row = self._db.execute(_UPCOMING, (name,)).fetchone()
                pause = row and row[0] - time.time_ns()
                if row and pause <= 0:
                    with self._db as db:
                        db.execute("UPDATE deliveries SET claimed = 1 WHERE id = ?", (row[1],))
                    return Delivery(row[1], row[2], PubsubMessage.FromString(row[3]), subscription)
                self._changed[name].wait(pause and pause / 1e9)
        return None

    def remove(self, delivery: Delivery) -> None:
        """The delivery is owed no longer."""
        with self.lock, self._db as db:
            db.execute(_REMOVE, (delivery.id,))

    def postpone(self, delivery: Delivery, due: int) -> None:
        """Counts a failed attempt; the next one is due at `due`, in ns since the epoch."""
        query = "UPDATE deliveries SET failures = failures + 1, due = ?, claimed = 0 WHERE id = ?"
        with self.lock, self._db as db:
            db.execute(query, (due, delivery.id))
            self._changed[delivery.subscription.name].notify_all()
