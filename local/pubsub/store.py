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
from local.pubsub.turns import Turns

_SCHEMA = """
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS resources (name TEXT PRIMARY KEY, spec BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, message BLOB NOT NULL,
        failures INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL, claimed INTEGER NOT NULL DEFAULT 0,
        turn INTEGER NOT NULL DEFAULT 0);
    UPDATE deliveries SET claimed = 0;
"""
_INDICES = """
    CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (subscription, claimed, due, id);
    CREATE INDEX IF NOT EXISTS deliveries_turn ON deliveries (subscription, claimed, turn, id, due);
"""
_ADD_TURN = "ALTER TABLE deliveries ADD COLUMN turn INTEGER NOT NULL DEFAULT 0"
_FIRST_DUE = "SELECT min(due) FROM deliveries WHERE subscription = ? AND claimed = 0"
# In the order of turns: else SQLite goes by what is due, and sorts all that waits, messages and all, at each claim.
_NEXT = """
    SELECT id, failures + 1, message, turn FROM deliveries INDEXED BY deliveries_turn
    WHERE subscription = ? AND claimed = 0 AND due <= ? ORDER BY turn, id LIMIT 1
"""
_FIRST_TURNS = "SELECT subscription, min(turn) FROM deliveries GROUP BY subscription"
_INSERT = "INSERT INTO deliveries (subscription, message, due, turn) VALUES (?, ?, ?, ?)"
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

    def __init__(self, data: Path | None, duplicate: int, source: str = "") -> None:
        """`data` None keeps everything in memory. Each message is owed `duplicate` times to a subscription.

        Messages that differ in the attribute `source` take turns; those without it are each their own source.
        """
        self.lock, self._stopped, self._duplicate = threading.RLock(), False, duplicate
        self._changed = defaultdict[str, threading.Condition](lambda: threading.Condition(self.lock))
        self._db = sqlite3.connect(data or ":memory:", timeout=0, check_same_thread=False)
        self._source = source
        try:
            self._db.executescript(_SCHEMA)
            if "turn" not in {row[1] for row in self._db.execute("PRAGMA table_info(deliveries)")}:
                self._db.execute(_ADD_TURN)  # a file of before there were any
            self._db.executescript(_INDICES)
        except sqlite3.Error:
            self._db.close()
            raise
        self._turns = defaultdict[str, Turns](Turns)
        for name, first in self._db.execute(_FIRST_TURNS):
            self._turns[name] = Turns(first)
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
                source = message.attributes.get(self._source)
                names = [name for name, matches in wanted if matches(message.attributes)]
                db.executemany(_INSERT, [(name, body, now, self._turns[name].next(source)) for name in names])
            for name, _ in wanted:
                self._changed[name].notify()

    def claim(self, subscription: Proto) -> Delivery | None:
        """Waits for what is owed, due and not claimed. None once the subscription is deleted or the store stopped."""
        name = subscription.name
        with self.lock:
            while self._resources.get(name) is subscription and not self._stopped:
                now = time.time_ns()
                (due,) = self._db.execute(_FIRST_DUE, (name,)).fetchone()
                if due is not None and due <= now:
                    return self._claimed(subscription, now)
                self._changed[name].wait(None if due is None else (due - now) / 1e9)
        return None

    def _claimed(self, subscription: Proto, now: int) -> Delivery:
        """The first in turn of what is due. Another one who waits is woken, and sees to what is owed next."""
        identity, attempt, message, turn = self._db.execute(_NEXT, (subscription.name, now)).fetchone()
        with self._db as db:
            db.execute("UPDATE deliveries SET claimed = 1 WHERE id = ?", (identity,))
        self._turns[subscription.name].take(turn)
        self._changed[subscription.name].notify()
        return Delivery(identity, attempt, PubsubMessage.FromString(message), subscription)

    def remove(self, delivery: Delivery) -> None:
        """The delivery is owed no longer."""
        with self.lock, self._db as db:
            db.execute(_REMOVE, (delivery.id,))

    def postpone(self, delivery: Delivery, due: int) -> None:
        """Counts a failed attempt; the next one is due at `due`, in ns since the epoch."""
        query = "UPDATE deliveries SET failures = failures + 1, due = ?, claimed = 0 WHERE id = ?"
        with self.lock, self._db as db:
            db.execute(query, (due, delivery.id))
            self._changed[delivery.subscription.name].notify()
