"""`Publisher`, on every implementation and every Pub/Sub that there is here."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from common.adapters.google_pubsub import GooglePublisher
from common.errors import Permanent, Retryable
from common.messages import BatchEmbedded, ChunkBatch, DocumentRegistered, DocumentRetired, JobMessage, Message
from common.ports import Publisher
from local.pubsub.emulator import PubSubEmulator
from tests.contract import google_pubsub
from tests.contract.pubsub_clients import PROJECT, Clients, connected
from tests.contract.push_receiver import Endpoint, Push, Receiver, receiving
from tests.rows import SETTINGS, new_chunk


@dataclass(frozen=True)
class Part:
    """An implementation, and the clients of the Pub/Sub that it publishes to."""

    publisher: Publisher
    clients: Clients

    def subscribed(self, topic: str, endpoint: Endpoint) -> None:
        name = f"{PROJECT}/topics/{topic}"
        if name not in self.clients.topics:
            self.clients.publisher.create_topic(name=name)
            self.clients.topics.append(name)
        self.clients.subscription(name, endpoint.url)


@contextmanager
def google_publisher(host: str) -> Iterator[Part]:
    with pytest.MonkeyPatch.context() as patch, connected(host) as clients:
        patch.setenv("PUBSUB_EMULATOR_HOST", host)
        publisher = GooglePublisher(PROJECT.removeprefix("projects/"))
        yield Part(publisher, clients)
        publisher._client.stop()
        publisher._client.transport.close()


@pytest.fixture(scope="module", params=["google-cloud-pubsub on our emulator", "google-cloud-pubsub on Google's"])
def served(request: pytest.FixtureRequest) -> Iterator[Part]:
    if request.param.endswith("our emulator"):
        with PubSubEmulator() as emulator, google_publisher(emulator.host) as part:
            yield part
        return
    missing = google_pubsub.why_missing()
    if missing:
        pytest.skip(missing)
    with google_pubsub.running() as host, google_publisher(host) as part:
        yield part


@pytest.fixture
def part(served: Part) -> Iterator[Part]:
    part = Part(served.publisher, Clients(served.clients.publisher, served.clients.subscriber))
    yield part
    part.clients.clean()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


BATCH: dict[str, Any] = {"batch_index": 3, "title": "Überblick", "chunks": (new_chunk(6), new_chunk(7, "Größe ≥ 1\n"))}
REGISTERED = {"bucket": "uploads", "object_name": "team/project/ü.txt", "generation": 17}


def job_message[M: JobMessage](kind: type[M], **values: Any) -> M:
    ids = {name: uuid4() for name in ("team_id", "document_id", "project_id", "job_id")}
    return kind(**ids, settings=SETTINGS, **values)


def batches(number: int) -> list[ChunkBatch]:
    return [job_message(ChunkBatch, **{**BATCH, "batch_index": index}) for index in range(number)]


def body(push: Push) -> bytes:
    return base64.b64decode(push.message["data"])


@pytest.mark.parametrize(
    "message",
    [
        job_message(DocumentRegistered, **REGISTERED),
        job_message(ChunkBatch, **BATCH),
        job_message(BatchEmbedded, **BATCH),
        DocumentRetired(team_id=uuid4(), document_id=uuid4()),
    ],
    ids=lambda message: message.topic,
)
def test_a_message_arrives_on_its_topic_as_it_was(part: Part, receiver: Receiver, message: Message) -> None:
    endpoint = receiver.endpoint(204)
    part.subscribed(message.topic, endpoint)
    part.publisher.publish([message])
    (push,) = endpoint.expect(1)
    assert msgspec.json.decode(body(push), type=type(message)) == message
    assert push.message["attributes"] == message.attributes()


def test_messages_of_several_topics_go_each_to_its_own(part: Part, receiver: Receiver) -> None:
    registered, retired = receiver.endpoint(204), receiver.endpoint(204)
    part.subscribed(DocumentRegistered.topic, registered)
    part.subscribed(DocumentRetired.topic, retired)
    first, second = job_message(DocumentRegistered, **REGISTERED), DocumentRetired(team_id=uuid4(), document_id=uuid4())
    part.publisher.publish(iter([first, second]))
    assert [msgspec.json.decode(body(push), type=DocumentRegistered) for push in registered.expect(1)] == [first]
    assert [msgspec.json.decode(body(push), type=DocumentRetired) for push in retired.expect(1)] == [second]


def test_a_long_document_is_published_whole(part: Part, receiver: Receiver) -> None:
    endpoint = receiver.endpoint(204)
    part.subscribed(ChunkBatch.topic, endpoint)
    published = batches(150)
    part.publisher.publish(iter(published))
    came = [msgspec.json.decode(body(push), type=ChunkBatch) for push in endpoint.expect(150)]
    assert {message.batch_index for message in came} == set(range(150))


def test_nothing_to_publish_is_done(part: Part) -> None:
    part.publisher.publish([])


def test_raw_bytes_arrive_as_they_are(part: Part, receiver: Receiver) -> None:
    endpoint = receiver.endpoint(204)
    part.subscribed("object-events", endpoint)
    data, attributes = bytes(range(256)), {"eventType": "OBJECT_FINALIZE", "objectId": "team/project/ü #1.txt"}
    part.publisher.publish_raw("object-events", data, attributes)
    (push,) = endpoint.expect(1)
    assert body(push) == data
    assert push.message["attributes"] == attributes


def test_what_is_not_accepted_may_be_tried_again(part: Part) -> None:
    with pytest.raises(Retryable, match="did not accept") as caught:
        part.publisher.publish_raw("no-such-topic", b"data", {})
    assert caught.value.reason == "PUBLISH_FAILED"
    with pytest.raises(Retryable):
        part.publisher.publish(batches(1))


def test_what_will_never_be_accepted_is_not_tried_again(part: Part, receiver: Receiver) -> None:
    part.subscribed(ChunkBatch.topic, receiver.endpoint(204))
    with pytest.raises(Permanent) as caught:
        part.publisher.publish([job_message(ChunkBatch, **{**BATCH, "chunks": (new_chunk(0, "x" * 10_500_000),)})])
    assert caught.value.reason == "MESSAGE_TOO_LARGE"
