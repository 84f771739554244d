"""The real Pub/Sub clients on one emulator, with names of their own for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from google.cloud import pubsub_v1
from google.pubsub_v1 import PublisherClient as RawPublisherClient

PROJECT = "projects/contract"


@dataclass(frozen=True)
class Clients:
    """The clients, and what was made with them."""

    publisher: pubsub_v1.PublisherClient
    subscriber: pubsub_v1.SubscriberClient
    topics: list[str] = field(default_factory=list)
    subscriptions: list[str] = field(default_factory=list)

    def topic(self) -> str:
        name = new_name("topics")
        self.publisher.create_topic(name=name)
        self.topics.append(name)
        return name

    def subscription(self, topic: str, endpoint: str, **spec: object) -> str:
        name = new_name("subscriptions")
        self.subscriber.create_subscription(request=push_subscription(name, topic, endpoint) | spec)
        self.subscriptions.append(name)
        return name

    def publish(self, topic: str, data: bytes = b"data", ordering_key: str = "", **attributes: str) -> str:
        """The message's id."""
        message = {"data": data, "attributes": attributes, "ordering_key": ordering_key}
        return self.publish_raw(topic, [message])[0]

    def publish_raw(self, topic: str, messages: list[dict[str, Any]]) -> list[str]:
        """Past the client's own batching and checks."""
        request = {"topic": topic, "messages": messages}
        return list(RawPublisherClient.publish(self.publisher, request=request).message_ids)

    def clean(self) -> None:
        """Ends all pushes of the test."""
        for name in self.subscriptions:
            self.subscriber.delete_subscription(subscription=name)
        for name in self.topics:
            self.publisher.delete_topic(topic=name)


@contextmanager
def connected(host: str) -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBSUB_EMULATOR_HOST", host)
        publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    with subscriber:
        yield Clients(publisher, subscriber)
    publisher.stop()
    publisher.transport.close()


def new_name(kind: str) -> str:
    return f"{PROJECT}/{kind}/n{uuid4().hex}"


def push_subscription(name: str, topic: str, endpoint: str) -> dict[str, Any]:
    return {"name": name, "topic": topic, "push_config": {"push_endpoint": endpoint}}


def seconds(value: float) -> dict[str, int]:
    """A protocol duration."""
    return {"seconds": int(value), "nanos": round((value - int(value)) * 1e9)}
