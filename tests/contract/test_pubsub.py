"""One suite for two Pub/Sub emulators, the project's own and Google's: what the pipeline relies on holds on both.

Where Google's emulator departs from the service, `GOOGLE_DIFFERS` says so, and the test asserts the departure: an entry
that is no longer true fails.
"""

import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.api_core.exceptions import (
    AlreadyExists,
    GoogleAPICallError,
    InvalidArgument,
    MethodNotImplemented,
    NotFound,
    OutOfRange,
)

from local.pubsub.emulator import PubSubEmulator
from tests.contract import google_pubsub
from tests.contract.pubsub_clients import PROJECT, Clients, connected, new_name, push_subscription, seconds
from tests.contract.push_receiver import Push, Receiver, receiving

GOOGLE_DIFFERS = {
    "filter": "delivers every message, whatever the filter",
    "delivery attempt": "has no deliveryAttempt in the push body",
    "in flight": "keeps two pushes in flight for a subscription",
    "ack deadline": "takes ack deadlines below 10 seconds",
    "delivery attempts": "answers OUT_OF_RANGE where max_delivery_attempts is wrong",
    "other success": "takes any 2xx reply as an acknowledgement",
    "message limits": "takes messages of more than 10 MB",
    "publish time": "writes the dead-letter publish time with Z in place of +00:00",
}
IN_FLIGHT = 4
QUARTER_MINUTE = {"minimum_backoff": seconds(15), "maximum_backoff": seconds(15)}


@dataclass(frozen=True)
class Emulator:
    clients: Clients
    is_google: bool

    def differs(self, how: str) -> bool:
        """Whether this emulator departs from the service in the way that `GOOGLE_DIFFERS` describes."""
        return bool(GOOGLE_DIFFERS[how]) and self.is_google


@pytest.fixture(scope="session", params=["own", "google"])
def pubsub_emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    if request.param == "own":
        with PubSubEmulator(in_flight=IN_FLIGHT) as emulator, connected(emulator.host) as clients:
            yield Emulator(clients, is_google=False)
        return
    missing = google_pubsub.why_missing()
    if missing:
        pytest.skip(missing)
    with google_pubsub.running() as host, connected(host) as clients:
        yield Emulator(clients, is_google=True)


@pytest.fixture
def emulator(pubsub_emulator: Emulator) -> Iterator[Emulator]:
    clients = Clients(pubsub_emulator.clients.publisher, pubsub_emulator.clients.subscriber)
    yield Emulator(clients, pubsub_emulator.is_google)
    clients.clean()


@pytest.fixture
def clients(emulator: Emulator) -> Clients:
    return emulator.clients


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_topics_are_created_listed_and_deleted(clients: Clients) -> None:
    publisher, names = clients.publisher, sorted(new_name("topics") for _ in range(3))
    created = [publisher.create_topic(name=name) for name in names]
    assert [topic.name for topic in created] == names
    assert publisher.get_topic(topic=names[0]) == created[0]
    listed = list(publisher.list_topics(request={"project": PROJECT, "page_size": 2}))
    assert [topic for topic in listed if topic.name in names] == created
    assert not list(publisher.list_topics(project=PROJECT[:-1]))
    for name in names:
        publisher.delete_topic(topic=name)
    assert not {topic.name for topic in publisher.list_topics(project=PROJECT)} & set(names)


def test_what_exists_and_what_does_not_is_told(clients: Clients) -> None:
    topic, missing, nowhere = clients.topic(), new_name("topics"), new_name("subscriptions")
    subscription = clients.subscription(topic, "http://127.0.0.1:9/")
    with pytest.raises(AlreadyExists):
        clients.publisher.create_topic(name=topic)
    with pytest.raises(AlreadyExists):
        clients.subscriber.create_subscription(request=push_subscription(subscription, topic, "http://127.0.0.1:9/"))
    with pytest.raises(NotFound):
        clients.publisher.get_topic(topic=missing)
    with pytest.raises(NotFound):
        clients.publisher.delete_topic(topic=missing)
    with pytest.raises(NotFound):
        clients.publish(missing)
    with pytest.raises(NotFound):
        clients.subscriber.get_subscription(subscription=nowhere)
    with pytest.raises(NotFound):
        clients.subscriber.delete_subscription(subscription=nowhere)
    with pytest.raises(NotFound):
        clients.subscriber.create_subscription(request=push_subscription(nowhere, missing, "http://127.0.0.1:9/"))
    with pytest.raises(NotFound):
        clients.subscription(topic, "http://127.0.0.1:9/", dead_letter_policy={"dead_letter_topic": missing})


def test_subscriptions_keep_what_they_were_created_with(clients: Clients) -> None:
    topic, dead = clients.topic(), clients.topic()
    spec: dict[str, Any] = {
        "ack_deadline_seconds": 600,
        "filter": 'attributes.eventType = "OBJECT_FINALIZE"',
        "retry_policy": {"minimum_backoff": seconds(0.25), "maximum_backoff": seconds(60)},
        "dead_letter_policy": {"dead_letter_topic": dead, "max_delivery_attempts": 7},
    }
    name = clients.subscription(topic, "http://127.0.0.1:9/push?a=b", **spec)
    subscription = clients.subscriber.get_subscription(subscription=name)
    assert (subscription.name, subscription.topic) == (name, topic)
    assert subscription.push_config.push_endpoint == "http://127.0.0.1:9/push?a=b"
    assert (subscription.ack_deadline_seconds, subscription.filter) == (600, spec["filter"])
    assert subscription.retry_policy.minimum_backoff == timedelta(seconds=0.25)
    assert subscription.retry_policy.maximum_backoff == timedelta(seconds=60)
    assert subscription.dead_letter_policy.dead_letter_topic == dead
    assert subscription.dead_letter_policy.max_delivery_attempts == 7
    assert name in {listed.name for listed in clients.subscriber.list_subscriptions(project=PROJECT)}


def test_the_services_defaults_are_filled_in(clients: Clients) -> None:
    topic = clients.topic()
    name = clients.subscription(topic, "http://127.0.0.1:9/", dead_letter_policy={"dead_letter_topic": topic})
    subscription = clients.subscriber.get_subscription(subscription=name)
    assert subscription.ack_deadline_seconds == 10
    assert subscription.dead_letter_policy.max_delivery_attempts == 5


def test_an_update_changes_the_fields_of_its_mask_alone(clients: Clients) -> None:
    topic = clients.topic()
    policy = {"dead_letter_topic": topic, "max_delivery_attempts": 7}
    name = clients.subscription(topic, "http://127.0.0.1:9/", dead_letter_policy=policy)
    changed = {"name": name, "ack_deadline_seconds": 60, "retry_policy": QUARTER_MINUTE}
    clients.subscriber.update_subscription(subscription=changed, update_mask={"paths": ["ack_deadline_seconds"]})
    subscription = clients.subscriber.get_subscription(subscription=name)
    assert (subscription.ack_deadline_seconds, subscription.dead_letter_policy.max_delivery_attempts) == (60, 7)
    assert subscription.push_config.push_endpoint == "http://127.0.0.1:9/"
    assert not subscription.retry_policy
    policies = {"paths": ["retry_policy", "dead_letter_policy"]}
    clients.subscriber.update_subscription(subscription=changed, update_mask=policies)
    subscription = clients.subscriber.get_subscription(subscription=name)
    assert subscription.retry_policy.maximum_backoff == timedelta(seconds=15)
    assert not subscription.dead_letter_policy


@pytest.mark.parametrize("paths", [[], ["topic"], ["filter"], ["nonsense"]])
def test_an_update_of_anything_else_is_refused(clients: Clients, paths: list[str]) -> None:
    name = clients.subscription(clients.topic(), "http://127.0.0.1:9/")
    with pytest.raises((InvalidArgument, MethodNotImplemented)):
        clients.subscriber.update_subscription(subscription={"name": name}, update_mask={"paths": paths})


def test_the_subscription_of_a_deleted_topic_stays(clients: Clients) -> None:
    topic = clients.topic()
    name = clients.subscription(topic, "http://127.0.0.1:9/")
    clients.publisher.delete_topic(topic=topic)
    clients.topics.remove(topic)
    assert clients.subscriber.get_subscription(subscription=name).name == name


@pytest.mark.parametrize(
    ("spec", "how", "instead"),
    [
        ({"ack_deadline_seconds": 9}, "ack deadline", None),
        ({"ack_deadline_seconds": 601}, "", None),
        ({"retry_policy": {"minimum_backoff": seconds(601)}}, "", None),
        ({"retry_policy": {"minimum_backoff": seconds(60), "maximum_backoff": seconds(10)}}, "", None),
        ({"dead_letter_policy": {"max_delivery_attempts": 4}}, "delivery attempts", OutOfRange),
        ({"dead_letter_policy": {"max_delivery_attempts": 101}}, "delivery attempts", OutOfRange),
        ({"name": f"{PROJECT}/subscriptions/x"}, "", None),
        ({"name": f"{PROJECT}/topics/subscription"}, "", None),
    ],
)
def test_a_subscription_outside_the_services_limits_is_refused(
    emulator: Emulator, spec: dict[str, Any], how: str, instead: type[GoogleAPICallError] | None
) -> None:
    topic, name = emulator.clients.topic(), new_name("subscriptions")
    spec = push_subscription(name, topic, "http://127.0.0.1:9/") | spec
    if "dead_letter_policy" in spec:
        spec["dead_letter_policy"] |= {"dead_letter_topic": topic}
    if how and emulator.differs(how) and instead is None:
        assert emulator.clients.subscriber.create_subscription(request=spec).name == name
        emulator.clients.subscriptions.append(name)
        return
    with pytest.raises(instead if instead and emulator.differs(how) else InvalidArgument):
        emulator.clients.subscriber.create_subscription(request=spec)


def test_a_message_of_more_than_10_mb_is_refused(emulator: Emulator) -> None:
    topic, messages = emulator.clients.topic(), [{"data": bytes(10_000_001)}]
    if emulator.differs("message limits"):
        assert len(emulator.clients.publish_raw(topic, messages)) == 1
        return
    with pytest.raises(InvalidArgument):
        emulator.clients.publish_raw(topic, messages)


def test_a_message_comes_in_the_push_envelope(emulator: Emulator, receiver: Receiver) -> None:
    endpoint, clients = receiver.endpoint(204), emulator.clients
    topic = clients.topic()
    policy = {"dead_letter_topic": topic, "max_delivery_attempts": 5}
    name = clients.subscription(topic, endpoint.url + "?token=t", dead_letter_policy=policy)
    message_id = clients.publish(topic, b"\x00caf\xc3\xa9", eventType="OBJECT_FINALIZE", é="ü")
    [push] = endpoint.expect(1)
    published = push.message.pop("publishTime")
    assert datetime.fromisoformat(published).tzinfo is not None
    expected: dict[str, Any] = {
        "message": {
            "data": base64.b64encode(b"\x00caf\xc3\xa9").decode(),
            "attributes": {"eventType": "OBJECT_FINALIZE", "é": "ü"},
            "messageId": message_id,
            "message_id": message_id,
            "publish_time": published,
        },
        "subscription": name,
    }
    if not emulator.differs("delivery attempt"):
        expected |= {"deliveryAttempt": 1}
    assert push.body == expected
    assert push.path.endswith("?token=t")


def test_what_a_message_does_not_have_stands_empty_or_not_at_all(clients: Clients, receiver: Receiver) -> None:
    endpoint, topic = receiver.endpoint(204), clients.topic()
    clients.subscription(topic, endpoint.url)
    clients.publish(topic, b"data alone")
    clients.publish(topic, b"", attribute="alone")
    by_data = {push.message["data"]: push.body for push in endpoint.expect(2)}
    assert by_data[base64.b64encode(b"data alone").decode()]["message"]["attributes"] == {}
    assert by_data[""]["message"]["attributes"] == {"attribute": "alone"}
    assert all(set(body) == {"message", "subscription"} for body in by_data.values())


@pytest.mark.parametrize("acknowledging", [200, 201, 202, 204])
def test_a_success_acknowledges(clients: Clients, receiver: Receiver, acknowledging: int) -> None:
    endpoint, topic = receiver.endpoint(acknowledging), clients.topic()
    clients.subscription(topic, endpoint.url)
    published = [clients.publish(topic)]
    endpoint.expect(1)
    published.append(clients.publish(topic))
    assert [push.message_id for push in endpoint.expect(2)] == published


@pytest.mark.parametrize("failing", [500, 429, 302, 0])
def test_anything_else_is_delivered_again(clients: Clients, receiver: Receiver, failing: int) -> None:
    endpoint, topic = receiver.endpoint(failing, 204), clients.topic()
    clients.subscription(topic, endpoint.url)
    message_id = clients.publish(topic, b"again", a="b")
    first, second = endpoint.expect(2)
    assert first.message == second.message
    assert second.message_id == message_id


def test_a_success_that_pubsub_does_not_know_is_a_failure(emulator: Emulator, receiver: Receiver) -> None:
    endpoint, topic = receiver.endpoint(203, 204), emulator.clients.topic()
    emulator.clients.subscription(topic, endpoint.url)
    first = emulator.clients.publish(topic)
    endpoint.expect(1)
    second = emulator.clients.publish(topic) if emulator.differs("other success") else first
    assert [push.message_id for push in endpoint.expect(2)] == [first, second]


def test_every_subscription_of_the_topic_gets_the_message(clients: Clients, receiver: Receiver) -> None:
    endpoints, topic = [receiver.endpoint(204) for _ in range(3)], clients.topic()
    names = {clients.subscription(topic, endpoint.url): endpoint for endpoint in endpoints}
    message_id = clients.publish(topic)
    for name, endpoint in names.items():
        [push] = endpoint.expect(1)
        assert (push.body["subscription"], push.message_id) == (name, message_id)


def test_a_filter_decides_what_is_delivered(emulator: Emulator, receiver: Receiver) -> None:
    endpoint, clients = receiver.endpoint(204), emulator.clients
    topic = clients.topic()
    condition = 'attributes.eventType = "OBJECT_FINALIZE" AND attributes.kept = "yes"'
    clients.subscription(topic, endpoint.url, filter=condition)
    kinds = ["OBJECT_DELETE", "OBJECT_FINALIZE", "OBJECT_ARCHIVE", "OBJECT_FINALIZE"]
    ids = [clients.publish(topic, eventType=kind, kept="yes") for kind in kinds]
    ids.append(clients.publish(topic, eventType="OBJECT_FINALIZE"))
    wanted = ids if emulator.differs("filter") else [ids[1], ids[3]]
    endpoint.expect(len(wanted))
    clients.publish(topic, b"", eventType="OBJECT_FINALIZE", kept="yes", last="one")
    pushed = [push.message_id for push in endpoint.expect(len(wanted) + 1)]
    assert sorted(pushed[:-1]) == sorted(wanted)


def test_a_changed_endpoint_gets_what_is_still_owed(clients: Clients, receiver: Receiver) -> None:
    topic, endpoints = clients.topic(), [receiver.endpoint(500), receiver.endpoint(204)]
    name = clients.subscription(topic, endpoints[0].url)
    message_id = clients.publish(topic)
    endpoints[0].expect(1)
    changed = {"name": name, "push_config": {"push_endpoint": endpoints[1].url}}
    clients.subscriber.update_subscription(subscription=changed, update_mask={"paths": ["push_config"]})
    assert endpoints[1].expect(1)[0].message_id == message_id


def test_the_last_failed_attempt_sends_the_message_to_the_dead_letter_topic(
    emulator: Emulator, receiver: Receiver
) -> None:
    failing, buried, clients = receiver.endpoint(500), receiver.endpoint(204), emulator.clients
    topic, dead = clients.topic(), clients.topic()
    policy = {"dead_letter_topic": dead, "max_delivery_attempts": 5}
    name = clients.subscription(topic, failing.url, dead_letter_policy=policy)
    clients.subscription(dead, buried.url)
    message_id = clients.publish(topic, b"poison", a="b")
    [letter] = buried.expect(1)
    attempts = failing.expect(5)
    assert [push.message_id for push in attempts] == [message_id] * 5
    if not emulator.differs("delivery attempt"):
        assert [push.body["deliveryAttempt"] for push in attempts] == [1, 2, 3, 4, 5]
    published = attempts[0].message["publishTime"]
    if not emulator.differs("publish time"):
        published = published.replace("Z", "+00:00")
    assert letter.message["attributes"] == {
        "a": "b",
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
        "CloudPubSubDeadLetterSourceSubscription": name.rpartition("/")[2],
        "CloudPubSubDeadLetterSourceSubscriptionProject": PROJECT.rpartition("/")[2],
        "CloudPubSubDeadLetterSourceTopicPublishTime": published,
    }
    assert base64.b64decode(letter.message["data"]) == b"poison"
    assert letter.message_id != message_id


def test_pushes_in_flight_are_bounded_and_hold_up_no_other_subscription(emulator: Emulator, receiver: Receiver) -> None:
    released, clients = threading.Event(), emulator.clients

    def hold(_push: Push) -> int:
        released.wait()
        return 204

    slow, quick = receiver.endpoint(reply=hold), receiver.endpoint(204)
    topic, bound = clients.topic(), 2 if emulator.differs("in flight") else IN_FLIGHT
    clients.subscription(topic, slow.url, ack_deadline_seconds=60)
    clients.subscription(topic, quick.url)
    published = sorted(clients.publish(topic) for _ in range(2 * IN_FLIGHT))
    try:
        assert sorted(push.message_id for push in quick.expect(len(published))) == published
        slow.expect(bound)
    finally:
        released.set()
    assert sorted(push.message_id for push in slow.expect(len(published))) == published
    assert slow.most_at_once == bound
