"""Pushes what is due over HTTP and settles each push: acknowledged, postponed, or sent to the dead-letter topic."""

import base64
import http.client
import json
import logging
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from local.pubsub.resources import Proto, PubsubMessage, Subscription
from local.pubsub.store import ClosedError, Delivery, MissingTopicError, Store

ACKNOWLEDGING = frozenset({102, 200, 201, 202, 204})
IMMEDIATE = 100_000_000
"""The pause in ns before a redelivery without a retry policy: keeps a failing endpoint from being hammered."""
_HEADERS = {"Content-Type": "application/json", "User-Agent": "CloudPubSub-Google", "Connection": "close"}

_log = logging.getLogger("pubsub")


def backoff(subscription: Proto, attempt: int) -> int:
    """ns from the failure of `attempt` to the next one: doubles from the retry policy's minimum up to its maximum."""
    if not subscription.HasField("retry_policy"):
        return IMMEDIATE
    policy = subscription.retry_policy
    minimum = int(policy.minimum_backoff.ToNanoseconds()) or IMMEDIATE
    return max(minimum, min(minimum << min(attempt - 1, 40), int(policy.maximum_backoff.ToNanoseconds())))


def envelope(delivery: Delivery, subscription: Proto) -> bytes:
    """The JSON that Pub/Sub posts to a push endpoint."""
    message, published = PubsubMessage.FromString(delivery.body), Timestamp()
    published.FromNanoseconds(delivery.published)
    number, stamp = str(delivery.message_id), published.ToJsonString()
    fields: dict[str, object] = {
        "data": base64.b64encode(message.data).decode(),
        "attributes": dict(message.attributes),
        "messageId": number,
        "message_id": number,
        "publishTime": stamp,
        "publish_time": stamp,
    }
    if message.ordering_key:
        fields["orderingKey"] = message.ordering_key
    body: dict[str, object] = {"message": fields, "subscription": subscription.name}
    if subscription.HasField("dead_letter_policy"):
        body["deliveryAttempt"] = delivery.attempt
    return json.dumps(body).encode()


def dead_letter(delivery: Delivery, subscription: Proto) -> Proto:
    """The message as Pub/Sub forwards it to a dead-letter topic, with the attributes that say where it comes from."""
    _, project, _, name = subscription.name.split("/")
    message = PubsubMessage.FromString(delivery.body)
    published = datetime.fromtimestamp(delivery.published / 1e9, UTC).isoformat(timespec="milliseconds")
    message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = str(delivery.attempt)
    message.attributes["CloudPubSubDeadLetterSourceSubscription"] = name
    message.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = project
    message.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = published
    return message


def push(subscription: Proto, body: bytes) -> str | None:
    """Posts `body` to the subscription's endpoint. Why that is no acknowledgement, or None if it is one."""
    address, _, path = subscription.push_config.push_endpoint.removeprefix("http://").partition("/")
    seconds = subscription.ack_deadline_seconds
    deadline = time.monotonic() + seconds
    connection = http.client.HTTPConnection(address, timeout=seconds)
    try:
        connection.request("POST", f"/{path}", body, _HEADERS)
        connection.sock.settimeout(max(0.001, deadline - time.monotonic()))
        status = connection.getresponse().status
    except TimeoutError:
        return f"no reply within {seconds} s"
    except (OSError, OverflowError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
    return None if status in ACKNOWLEDGING else f"HTTP {status}"


@dataclass(frozen=True)
class _Queue:
    """One subscription's pushes: `claimed` are the deliveries in flight."""

    subscription: str
    changed: threading.Condition = field(default_factory=threading.Condition)
    claimed: set[int] = field(default_factory=set)

    def wake(self) -> None:
        with self.changed:
            self.changed.notify_all()


class Dispatcher:
    """Pushes for all subscriptions. Each has `in_flight` threads of its own, so none waits for another's endpoint."""

    def __init__(self, store: Store, in_flight: int) -> None:
        self._store, self._in_flight = store, in_flight
        self._queues: dict[str, _Queue] = {}
        self._threads: list[threading.Thread] = []

    def resume(self) -> None:
        """Starts the pushes of every subscription that the store holds."""
        for resource in self._store.under("projects/"):
            if resource.topic:
                self.start(resource.name)

    def start(self, subscription: str) -> None:
        queue = self._queues[subscription] = _Queue(subscription)
        threads = [threading.Thread(target=self._run, args=(queue,), daemon=True) for _ in range(self._in_flight)]
        self._threads = [thread for thread in self._threads if thread.is_alive()] + threads
        for thread in threads:
            thread.start()

    def wake(self, subscriptions: Iterable[str]) -> None:
        """Something of these is due earlier than before, or gone."""
        for name in subscriptions:
            if queue := self._queues.get(name):
                queue.wake()

    def end(self, subscription: str) -> None:
        """Starts no push of the subscription any more."""
        self._queues.pop(subscription).wake()

    def stop(self, grace: float) -> None:
        """Starts no push any more and waits at most `grace` seconds for those in flight."""
        for name in list(self._queues):
            self.end(name)
        deadline = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, queue: _Queue) -> None:
        with suppress(ClosedError):  # the push outlived the grace of a stop; its message stays owed
            while (delivery_id := self._claim(queue)) is not None:
                self._deliver(delivery_id)
                with queue.changed:
                    queue.claimed.remove(delivery_id)
                    queue.changed.notify_all()

    def _claim(self, queue: _Queue) -> int | None:
        """Waits for the next due delivery that no other thread pushes; None once the queue has ended."""
        with queue.changed:
            while self._queues.get(queue.subscription) is queue:
                # As many rows as threads: the others hold fewer, so a free one is among them if there is any.
                upcoming = self._store.upcoming(queue.subscription, self._in_flight)
                free, due = next((row for row in upcoming if row[0] not in queue.claimed), (None, 0))
                wait = due - time.time_ns()
                if free is not None and wait <= 0:
                    queue.claimed.add(free)
                    return free
                queue.changed.wait(None if free is None else wait / 1e9)
        return None

    def _deliver(self, delivery_id: int) -> None:
        delivery = self._store.delivery(delivery_id)
        if delivery is None:
            return
        subscription = Subscription.FromString(delivery.subscription)
        failure = push(subscription, envelope(delivery, subscription))
        if failure is None:
            self._store.remove(delivery.id)
            return
        what = f"{subscription.name}: message {delivery.message_id}, attempt {delivery.attempt}: {failure}"
        if not self._forwarded(delivery, subscription, what):
            self._postpone(delivery, subscription, what)

    def _forwarded(self, delivery: Delivery, subscription: Proto, what: str) -> bool:
        """Whether this was the last attempt and the message has gone to the dead-letter topic."""
        policy = subscription.dead_letter_policy
        if not policy.dead_letter_topic or delivery.attempt < policy.max_delivery_attempts:
            return False
        try:
            owed = self._store.forward(delivery.id, policy.dead_letter_topic, dead_letter(delivery, subscription))
        except MissingTopicError as error:
            _log.error("no dead letter %s; there is no topic %s", what, error)
            return False
        self.wake(owed)
        _log.warning("dead letter %s", what)
        return True

    def _postpone(self, delivery: Delivery, subscription: Proto, what: str) -> None:
        pause = backoff(subscription, delivery.attempt)
        due = time.time_ns() + pause
        if due > delivery.published + subscription.message_retention_duration.ToNanoseconds():
            self._store.remove(delivery.id)
            _log.error("dropped %s; its retention is over", what)
        else:
            self._store.postpone(delivery.id, due)
            _log.warning("nack %s; again in %.2f s", what, pause / 1e9)
