"""What is owed to whom: the emulator takes messages in and says to which subscriptions they go; when, is said here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from common import notifications
from common.delivery import DEFERRALS
from common.model.documents import StoredObject
from common.notifications import ObjectEvent
from local.pubsub.delivery import backoff, dead_letter, envelope
from local.pubsub.emulator import PubSubEmulator
from local.pubsub.resources import PubsubMessage, Subscription
from local.pubsub.store import Delivery
from tests.chaos.clock import VirtualClock
from tests.functions.topics import PROJECT

ATTEMPTS = 5
"""Instead of the topology's 20, so that messages are given up in time to matter."""


@dataclass(eq=False)
class Owed:
    """A message that a subscription is owed. `name` says what it is about, whatever its ids are."""

    number: int
    name: str
    function: str
    subscription: Any
    message: Any
    due: float
    attempt: int = 1
    answered_by: float = 0.0
    delivered: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """The push."""
        pushed: dict[str, Any] = json.loads(envelope(self.delivery))
        return pushed

    @property
    def delivery(self) -> Delivery:
        return Delivery(self.number, self.attempt, self.message, self.subscription)

    @property
    def place(self) -> str:
        """Its subscription's own name."""
        return str(self.subscription.name).rpartition("/")[2]

    @property
    def attributes(self) -> dict[str, str]:
        return dict(self.message.attributes)


@dataclass(frozen=True)
class Habits:
    """How unreliable the mail is: probabilities, and how late a late message is."""

    duplicated: float
    late: float
    lost_events: float
    seconds: float


@dataclass
class Mail:
    """Messages on their way. `named` gives a message's name, `wrong` hears of what must not happen."""

    emulator: PubSubEmulator
    clock: VirtualClock
    dice: Random
    habits: Habits
    functions: dict[str, str]
    named: Callable[[str, dict[str, str], bytes], str]
    owed: list[Owed] = field(default_factory=list)
    given_up: set[str] = field(default_factory=set)
    lost: list[tuple[ObjectEvent, StoredObject]] = field(default_factory=list)
    reliable: bool = False
    _counted: Counter[str] = field(default_factory=Counter)
    _number: int = 0

    def notify(self, event: ObjectEvent, stored: StoredObject) -> None:
        """Cloud Storage tells of an object, as a rule."""
        if not self.reliable and self.dice.random() < self.habits.lost_events:
            self.lost.append((event, stored))
            return
        data, attributes = notifications.encode(event, stored)
        message = PubsubMessage(data=data, attributes=dict(attributes))
        self.emulator._store.publish(f"projects/{PROJECT}/topics/{notifications.TOPIC}", [message])
        self.collect()

    def collect(self) -> None:
        """Take over what the emulator owes by now."""
        store = self.emulator._store
        with store.lock:
            rows = store._db.execute("select id, subscription, message from deliveries order by id").fetchall()
            with store._db as db:
                db.execute("delete from deliveries")
            subscriptions = {each.name: each for each in store.all(Subscription)}
        for _, subscription, body in rows:
            self._owe(subscriptions[subscription], PubsubMessage.FromString(body))

    def due(self) -> list[Owed]:
        """What can be delivered now."""
        now = self.clock.now()
        return [each for each in self.owed if not each.delivered and each.due <= now]

    def next_due(self) -> float | None:
        """When the next message is due, or a delivery is taken for lost."""
        return min((each.answered_by if each.delivered else each.due for each in self.owed), default=None)

    def deliver(self, owed: Owed) -> None:
        """It is out now."""
        owed.delivered = True
        owed.answered_by = self.clock.now() + owed.subscription.ack_deadline_seconds

    def overdue(self) -> list[Owed]:
        """What was delivered and not answered for as long as a subscription waits."""
        now = self.clock.now()
        return [each for each in self.owed if each.delivered and each.answered_by <= now]

    def settle(self, owed: Owed, attempt: int, *, acknowledged: bool) -> None:
        """A delivery was answered, or will not be; one that is overdue counts no more."""
        if owed not in self.owed or owed.attempt != attempt or not owed.delivered:
            return
        if acknowledged:
            self.owed.remove(owed)
            return
        policy = owed.subscription.dead_letter_policy
        if policy.dead_letter_topic and owed.attempt >= ATTEMPTS:
            self.owed.remove(owed)
            self.given_up.add(owed.name)
            self.emulator._store.publish(policy.dead_letter_topic, [dead_letter(owed.delivery)])
            self.collect()
            return
        owed.delivered = False
        owed.due = self.clock.now() + backoff(owed.subscription, owed.attempt) / 1e9
        owed.attempt += 1

    def _owe(self, subscription: Any, message: Any) -> None:
        self._number += 1
        message.message_id = str(self._number)
        message.publish_time.FromDatetime(self.clock.moment)
        place = str(subscription.name).rpartition("/")[2]
        name = self.named(place, dict(message.attributes), message.data)
        # Not what was put off: copies of copies would have no end.
        alone = self.reliable or DEFERRALS in message.attributes
        copies = 1 if alone or self.dice.random() >= self.habits.duplicated else 2
        for _ in range(copies):
            self._number += 1
            self._counted[name] += 1
            late = not self.reliable and self.dice.random() < self.habits.late
            due = self.clock.now() + (self.dice.expovariate(1 / self.habits.seconds) if late else 0.0)
            numbered = name if self._counted[name] == 1 else f"{name} ~{self._counted[name]}"
            self.owed.append(Owed(self._number, numbered, self.functions[place], subscription, message, due))
