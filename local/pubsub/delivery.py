"""Pushes what is due over HTTP and settles each push: acknowledged, postponed, or sent to the dead-letter topic."""

import base64
import http.client
import json
import logging
import sqlite3
import threading
import time
from contextlib import suppress
from datetime import UTC

from local.pubsub.resources import Proto, PubsubMessage, RefusedError
from local.pubsub.store import Delivery, Store

ACKNOWLEDGING = frozenset({102, 200, 201, 202, 204})
IMMEDIATE = 100_000_000
"""The pause in ns before a redelivery without a retry policy: keeps a failing endpoint from being hammered."""
_HEADERS = {"Content-Type": "application/json", "User-Agent": "CloudPubSub-Google", "Connection": "close"}

_log = logging.getLogger("pubsub")


def backoff(subscription: Proto, attempt: int) -> int:
    """ns from the failure of `attempt` to the next one: doubles from the retry policy's minimum up to its maximum."""
    if not subscription.HasField("retry_policy"):
        return IMMEDIATE
    minimum, maximum = subscription.retry_policy.minimum_backoff, subscription.retry_policy.maximum_backoff
    return int(min(minimum.ToNanoseconds() << min(attempt - 1, 40), maximum.ToNanoseconds()))


def envelope(delivery: Delivery) -> bytes:
    """The JSON that Pub/Sub posts to a push endpoint."""
    message, subscription = delivery.message, delivery.subscription
    published = message.publish_time.ToJsonString()
    fields = {
        "data": base64.b64encode(message.data).decode(),
        "attributes": dict(message.attributes),
        "messageId": message.message_id,
        "message_id": message.message_id,
        "publishTime": published,
        "publish_time": published,
    }
    body: dict[str, object] = {"message": fields, "subscription": subscription.name}
    if subscription.HasField("dead_letter_policy"):
        body["deliveryAttempt"] = delivery.attempt
    return json.dumps(body).encode()


def dead_letter(delivery: Delivery) -> Proto:
    """The message as Pub/Sub forwards it to a dead-letter topic, with the attributes that say where it comes from."""
    _, project, _, name = delivery.subscription.name.split("/")
    published = delivery.message.publish_time.ToDatetime(tzinfo=UTC).isoformat(timespec="milliseconds")
    source = {
        "CloudPubSubDeadLetterSourceDeliveryCount": str(delivery.attempt),
        "CloudPubSubDeadLetterSourceSubscription": name,
        "CloudPubSubDeadLetterSourceSubscriptionProject": project,
        "CloudPubSubDeadLetterSourceTopicPublishTime": published,
    }
    return PubsubMessage(data=delivery.message.data, attributes={**delivery.message.attributes, **source})


def push(subscription: Proto, body: bytes) -> str | None:
    """Posts `body` to the subscription's endpoint. Why that is no acknowledgement, or None if it is one."""
    address, _, path = subscription.push_config.push_endpoint.removeprefix("http://").partition("/")
    seconds = subscription.ack_deadline_seconds
    connection = http.client.HTTPConnection(address, timeout=seconds)
    try:
        connection.request("POST", f"/{path}", body, _HEADERS)
        status = connection.getresponse().status
    except TimeoutError:
        return f"no reply within {seconds} s"
    except (OSError, OverflowError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
    return None if status in ACKNOWLEDGING else f"HTTP {status}"


class Dispatcher:
    """Pushes for all subscriptions. Each has `in_flight` threads of its own, so none waits for another's endpoint."""

    def __init__(self, store: Store, in_flight: int) -> None:
        self._store, self._in_flight = store, in_flight
        self._threads: list[threading.Thread] = []
        self.open = threading.Event()
        """Nothing is pushed before it is set."""

    def start(self, subscription: Proto) -> None:
        """Pushes what the subscription, one of the store's, is owed until it is deleted or the store stopped."""
        threads = [threading.Thread(target=self._run, args=[subscription], daemon=True) for _ in range(self._in_flight)]
        self._threads = [thread for thread in self._threads if thread.is_alive()] + threads
        for thread in threads:
            thread.start()

    def stop(self, grace: float) -> None:
        """Starts no push any more and waits at most `grace` seconds for those in flight."""
        self._store.stop()
        self.open.set()
        deadline = time.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, subscription: Proto) -> None:
        self.open.wait()
        with suppress(sqlite3.ProgrammingError):  # the push outlived the grace of a stop; its message stays owed
            while delivery := self._store.claim(subscription):
                self._deliver(delivery)

    def _deliver(self, delivery: Delivery) -> None:
        subscription, attempt = delivery.subscription, delivery.attempt
        failure = push(subscription, envelope(delivery))
        if failure is None:
            self._store.remove(delivery)
            return
        what = f"{subscription.name}: message {delivery.message.message_id}, attempt {attempt}: {failure}"
        policy = subscription.dead_letter_policy
        try:
            if 0 < policy.max_delivery_attempts <= attempt:
                self._store.publish(policy.dead_letter_topic, [dead_letter(delivery)], instead_of=delivery)
                _log.warning("dead letter %s", what)
                return
        except RefusedError as error:
            _log.error("no dead letter %s; %s", what, error)
        pause = backoff(subscription, attempt)
        self._store.postpone(delivery, time.time_ns() + pause)
        _log.warning("nack %s; again in %.2f s", what, pause / 1e9)
