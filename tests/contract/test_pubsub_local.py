"""What the project's own Pub/Sub emulator promises beyond the service: what it refuses, keeps, repeats and bounds."""

import queue
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import InvalidArgument, MethodNotImplemented, NotFound
from google.pubsub_v1 import types
from hypothesis import given
from hypothesis import strategies as st

from local.ports import free_ports
from local.pubsub.delivery import IMMEDIATE, backoff, push
from local.pubsub.emulator import PubSubEmulator
from local.pubsub.resources import Subscription
from local.storage import Notifications, create_buckets, start_storage, storage_client
from tests.conftest import show
from tests.contract.pubsub_clients import PROJECT, Clients, connected, new_name, push_subscription, seconds
from tests.contract.push_receiver import WAIT_SECONDS, Push, Receiver, receiving

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"minimum_backoff": seconds(0.01), "maximum_backoff": seconds(0.05)}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@contextmanager
def emulating(data: Path | None = None, **options: Any) -> Iterator[Clients]:
    with PubSubEmulator(data, **options) as emulator, connected(emulator.host) as clients:
        yield clients


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with emulating() as clients:
        yield clients


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("labels", {"for": "test"}),
        ("message_retention_duration", timedelta(days=3)),
        ("enable_message_ordering", True),
        ("enable_exactly_once_delivery", True),
        ("retain_acked_messages", True),
        ("bigquery_config", {"table": "project.dataset.table"}),
        ("cloud_storage_config", {"bucket": "bucket"}),
        ("message_transforms", [{"disabled": True}]),
        ("tags", {"123/environment": "test"}),
        ("expiration_policy", {"ttl": timedelta(days=1)}),
        ("push_config.oidc_token", {"service_account_email": "push@example.com"}),
        ("push_config.no_wrapper", {"write_metadata": True}),
        ("push_config.pubsub_wrapper", {}),
        ("push_config.attributes", {"x-goog-version": "v1beta1"}),
    ],
)
def test_a_subscription_field_that_is_not_supported_is_refused_by_name(
    clients: Clients, field: str, value: object
) -> None:
    spec = push_subscription(new_name("subscriptions"), clients.topic(), "http://127.0.0.1:9/")
    outer, _, inner = field.partition(".")
    spec[outer] = {**spec.get(outer, {}), inner: value} if inner else value
    with pytest.raises(MethodNotImplemented, match=f"{field} is not supported by the local Pub/Sub emulator"):
        clients.subscriber.create_subscription(request=spec)
    with pytest.raises(NotFound):
        clients.subscriber.get_subscription(subscription=spec["name"])


@pytest.mark.parametrize("endpoint", ["", "https://127.0.0.1:9/", "ftp://h/", "http://h:x/", "http://h/ é"])
def test_a_subscription_without_an_http_endpoint_is_refused(clients: Clients, endpoint: str) -> None:
    request = push_subscription(new_name("subscriptions"), clients.topic(), endpoint)
    with pytest.raises(MethodNotImplemented, match="push_endpoint"):
        clients.subscriber.create_subscription(request=request)


@pytest.mark.parametrize("text", ["attributes:a", 'attributes.a != "b"', 'hasPrefix(attributes.a, "b")', "nonsense"])
def test_a_filter_that_is_no_equality_is_refused_by_its_text(clients: Clients, text: str) -> None:
    request = push_subscription(new_name("subscriptions"), clients.topic(), "http://127.0.0.1:9/")
    with pytest.raises(MethodNotImplemented, match=re.escape(repr(text))):
        clients.subscriber.create_subscription(request=request | {"filter": text})


@pytest.mark.parametrize("policy", [{}, {"minimum_backoff": seconds(1)}, {"maximum_backoff": seconds(1)}])
def test_a_retry_policy_has_both_bounds(clients: Clients, policy: dict[str, Any]) -> None:
    request = push_subscription(new_name("subscriptions"), clients.topic(), "http://127.0.0.1:9/")
    with pytest.raises(InvalidArgument, match="minimum_backoff <= maximum_backoff"):
        clients.subscriber.create_subscription(request=request | {"retry_policy": policy})


def test_what_cannot_be_updated_is_refused_by_name(clients: Clients) -> None:
    name = clients.subscription(clients.topic(), "http://127.0.0.1:9/")
    with pytest.raises(MethodNotImplemented, match="An update of filter, labels is not supported"):
        clients.subscriber.update_subscription(
            subscription={"name": name}, update_mask={"paths": ["labels", "filter", "ack_deadline_seconds"]}
        )


def test_a_message_with_an_ordering_key_is_refused(clients: Clients) -> None:
    with pytest.raises(MethodNotImplemented, match=r"messages\.ordering_key is not supported"):
        clients.publish_raw(clients.topic(), [{"data": b"data"}, {"data": b"data", "ordering_key": "key"}])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("labels", {"for": "test"}),
        ("kms_key_name", "key"),
        ("schema_settings", {"schema": "projects/p/schemas/s", "encoding": "JSON"}),
        ("message_retention_duration", timedelta(days=1)),
        ("message_storage_policy", {"allowed_persistence_regions": ["europe-west1"]}),
    ],
)
def test_a_topic_field_that_is_not_supported_is_refused_by_name(clients: Clients, field: str, value: object) -> None:
    with pytest.raises(MethodNotImplemented, match=f"{field} is not supported"):
        clients.publisher.create_topic(request={"name": new_name("topics"), field: value})


def test_every_other_call_is_refused(clients: Clients) -> None:
    with pytest.raises(MethodNotImplemented):
        clients.subscriber.pull(subscription=new_name("subscriptions"), max_messages=1)
    with pytest.raises(MethodNotImplemented):
        list(clients.subscriber.streaming_pull(requests=iter([types.StreamingPullRequest()])))
    others = {
        "Publisher": ["UpdateTopic", "ListTopicSubscriptions", "ListTopicSnapshots", "DetachSubscription"],
        "Subscriber": ["Acknowledge", "ModifyAckDeadline", "ModifyPushConfig", "Seek", "CreateSnapshot"],
        "SchemaService": ["CreateSchema", "ValidateMessage"],
    }
    channel = clients.publisher.transport.grpc_channel
    for service, names in others.items():
        for name in names:
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary(f"/google.pubsub.v1.{service}/{name}")(b"")
            assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


@given(
    st.integers(min_value=1, max_value=600_000),
    st.integers(min_value=1, max_value=600_000),
    st.integers(min_value=1, max_value=1_000_000),
)
def test_backoff_doubles_between_its_bounds(one: int, other: int, attempt: int) -> None:
    minimum, maximum = sorted((one * 1_000_000, other * 1_000_000))
    subscription = Subscription()
    subscription.retry_policy.minimum_backoff.FromNanoseconds(minimum)
    subscription.retry_policy.maximum_backoff.FromNanoseconds(maximum)
    pause, following = backoff(subscription, attempt), backoff(subscription, attempt + 1)
    assert backoff(subscription, 1) == minimum
    assert minimum <= pause <= following <= maximum
    assert following == min(2 * pause, maximum)


def test_without_a_retry_policy_the_pause_does_not_grow() -> None:
    assert [backoff(Subscription(), attempt) for attempt in (1, 2, 50)] == [IMMEDIATE] * 3


def test_no_redelivery_comes_before_its_backoff(clients: Clients, receiver: Receiver) -> None:
    endpoint, topic = receiver.endpoint(500, 500, 500, 204), clients.topic()
    policy = {"minimum_backoff": seconds(0.05), "maximum_backoff": seconds(0.15)}
    clients.subscription(topic, endpoint.url, retry_policy=policy)
    clients.publish(topic)
    times = [push.at for push in endpoint.expect(4)]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert all(pause >= least for pause, least in zip(pauses, [0.05, 0.1, 0.15], strict=True))


def test_an_endpoint_that_does_not_reply_within_the_ack_deadline_has_failed(receiver: Receiver) -> None:
    released = threading.Event()

    def hold(_push: Push) -> int:
        released.wait()
        return 204

    # Below the 10 seconds that the service takes, so that the test need not last that long.
    subscription = Subscription(ack_deadline_seconds=1)
    subscription.push_config.push_endpoint = receiver.endpoint(reply=hold).url
    try:
        assert push(subscription, b'{"message": {}}') == "no reply within 1 s"
    finally:
        released.set()


def test_an_endpoint_that_nobody_listens_on_has_failed() -> None:
    subscription = Subscription(ack_deadline_seconds=10)
    subscription.push_config.push_endpoint = f"http://127.0.0.1:{free_ports(1)[0]}/"
    assert "ConnectionRefusedError" in str(push(subscription, b"{}"))


@pytest.mark.parametrize("rest", ["", "?a=b", "//double//", "/%C3%A9?a=/b"])
def test_an_endpoint_is_asked_for_by_its_path_as_it_stands(receiver: Receiver, rest: str) -> None:
    endpoint = receiver.endpoint(204)
    subscription = Subscription(ack_deadline_seconds=10)
    subscription.push_config.push_endpoint = endpoint.url + rest
    assert push(subscription, b'{"message": {}}') is None
    assert endpoint.expect(1)[0].path == f"/{endpoint.url.rpartition('/')[2]}{rest}"


def test_a_message_stays_while_its_dead_letter_topic_is_gone(clients: Clients, receiver: Receiver) -> None:
    endpoint, topic, dead = receiver.endpoint(*[500] * 6, 204), clients.topic(), clients.topic()
    policy = {"dead_letter_topic": dead, "max_delivery_attempts": 5}
    clients.subscription(topic, endpoint.url, dead_letter_policy=policy, retry_policy=QUICK)
    clients.publisher.delete_topic(topic=dead)
    clients.publish(topic)
    assert [push.body["deliveryAttempt"] for push in endpoint.expect(7)] == [1, 2, 3, 4, 5, 6, 7]


def test_each_copy_of_a_duplicated_message_is_acknowledged_on_its_own(receiver: Receiver) -> None:
    together = threading.Barrier(3)
    statuses = queue.SimpleQueue[int]()
    for status in (204, 500, 204, 204, 204, 204, 204):
        statuses.put(status)

    def reply(push: Push) -> int:
        if push.message["attributes"] == {"first": "message"} and push.body["deliveryAttempt"] == 1:
            together.wait(WAIT_SECONDS)
        return statuses.get_nowait()

    with emulating(duplicate=3, in_flight=3) as clients:
        endpoint, topic = receiver.endpoint(reply=reply), clients.topic()
        policy = {"dead_letter_topic": topic, "max_delivery_attempts": 5}
        clients.subscription(topic, endpoint.url, dead_letter_policy=policy, retry_policy=QUICK)
        first = clients.publish(topic, first="message")
        assert [push.message_id for push in endpoint.expect(4)] == [first] * 4
        second = clients.publish(topic)
        pushes = endpoint.expect(7)
        assert [push.message_id for push in pushes] == [first] * 4 + [second] * 3
        assert [push.body["deliveryAttempt"] for push in pushes] == [1, 1, 1, 2, 1, 1, 1]


def test_a_deleted_subscription_is_owed_nothing(receiver: Receiver) -> None:
    with emulating() as clients:
        failing, following, topic = receiver.endpoint(500), receiver.endpoint(204), clients.topic()
        spec = push_subscription(new_name("subscriptions"), topic, failing.url)
        clients.subscriber.create_subscription(request=spec)
        clients.publish(topic)
        failing.expect(1)
        clients.subscriber.delete_subscription(subscription=spec["name"])
        clients.subscriber.create_subscription(request=push_subscription(spec["name"], topic, following.url))
        message_id = clients.publish(topic)
        assert [push.message_id for push in following.expect(1)] == [message_id]


def test_messages_of_different_sources_take_turns(tmp_path: Path, receiver: Receiver) -> None:
    data = tmp_path / "pubsub.db"
    with emulating(data, in_flight=1, source="document_id", held=True) as clients:
        endpoint, topic = receiver.endpoint(204), clients.topic()
        clients.subscription(topic, endpoint.url)
        large = [clients.publish(topic, document_id="large") for _ in range(4)]
        small = [clients.publish(topic, document_id="small"), clients.publish(topic)]
    with emulating(data, in_flight=1, source="document_id"):
        pushes = [push.message_id for push in endpoint.expect(6)]
    assert pushes == [large[0], *small, *large[1:]]


def test_a_file_of_before_there_were_turns_is_taken_over(tmp_path: Path, receiver: Receiver) -> None:
    data = tmp_path / "pubsub.db"
    endpoint = receiver.endpoint(204)
    with emulating(data, held=True) as clients:
        topic = clients.topic()
        clients.subscription(topic, endpoint.url)
        message_id = clients.publish(topic)
    with closing(sqlite3.connect(data)) as db:
        db.executescript("DROP INDEX deliveries_turn; ALTER TABLE deliveries DROP COLUMN turn")
    with emulating(data):
        assert [push.message_id for push in endpoint.expect(1)] == [message_id]


def test_what_is_acknowledged_leaves_nothing_behind(tmp_path: Path, receiver: Receiver) -> None:
    data = tmp_path / "pubsub.db"
    with emulating(data, duplicate=2) as clients:
        endpoint, topic = receiver.endpoint(500, 204), clients.topic()
        clients.subscription(topic, endpoint.url, filter='attributes.seen = "yes"')
        clients.publish(topic, seen="yes")
        clients.publish(topic, seen="no")
        endpoint.expect(3)
    assert rows(data, "SELECT count(*) FROM deliveries") == [(0,)]


def test_a_stop_cuts_short_what_outlasts_its_grace_and_owes_it_still(tmp_path: Path, receiver: Receiver) -> None:
    data, released = tmp_path / "pubsub.db", threading.Event()

    def hold(_push: Push) -> int:
        released.wait()
        return 204

    endpoint = receiver.endpoint(reply=hold)
    emulator = PubSubEmulator(data)
    with connected(emulator.host) as clients:
        topic = clients.topic()
        policy = {"dead_letter_topic": topic, "max_delivery_attempts": 5}
        clients.subscription(topic, endpoint.url, ack_deadline_seconds=600, dead_letter_policy=policy)
        message_id = clients.publish(topic)
        endpoint.expect(1)
    emulator.close(grace=0.0)
    released.set()
    with PubSubEmulator(data):
        again = endpoint.expect(2)[1]
    assert (again.message_id, again.body["deliveryAttempt"]) == (message_id, 1)


def test_two_emulators_cannot_share_a_file(tmp_path: Path) -> None:
    with PubSubEmulator(tmp_path / "pubsub.db"), pytest.raises(sqlite3.OperationalError, match="locked"):
        PubSubEmulator(tmp_path / "pubsub.db")


@dataclass(frozen=True)
class Running:
    """The emulator as a process of its own."""

    process: subprocess.Popen[str]
    host: str

    def await_log(self, text: str) -> None:
        assert self.process.stderr is not None
        assert any(text in line for line in self.process.stderr)


@contextmanager
def running(data: Path, *options: str) -> Iterator[Running]:
    command = [sys.executable, "-m", "local.pubsub", "--data", str(data), *options]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        try:
            assert process.stdout is not None
            word, _, host = process.stdout.readline().strip().partition(" ")
            assert word == "ready"
            yield Running(process, host)
        finally:
            process.kill()


def test_what_is_not_acknowledged_survives_a_kill(tmp_path: Path, receiver: Receiver) -> None:
    data, up = tmp_path / "pubsub.db", threading.Event()
    endpoint = receiver.endpoint(reply=lambda _push: 204 if up.is_set() else 503)
    with running(data) as first, connected(first.host) as clients:
        topic = clients.topic()
        policy = {"dead_letter_topic": topic, "max_delivery_attempts": 100}
        name = clients.subscription(topic, endpoint.url, dead_letter_policy=policy, retry_policy=QUICK)
        failed = clients.publish(topic, b"failed before")
        first.await_log("attempt 3: HTTP 503")
        published = clients.publish_raw(topic, [{"data": bytes([number])} for number in range(200)])
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
    before = len(endpoint.pushes)
    up.set()
    with running(data) as second, connected(second.host) as clients:
        # What was on its way at the kill may arrive after it, and then comes once more.
        after = endpoint.expect_each({failed, *published}, since=before)
        assert {push.message_id for push in after} == {failed, *published}
        assert all(push.body["deliveryAttempt"] > 3 for push in after if push.message_id == failed)
        assert clients.subscriber.get_subscription(subscription=name).topic == topic
        assert clients.publish(topic) not in published


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_lets_what_is_in_flight_end(tmp_path: Path, receiver: Receiver, stop: signal.Signals) -> None:
    data, released = tmp_path / "pubsub.db", threading.Event()

    def hold(_push: Push) -> int:
        released.wait()
        return 204

    endpoint = receiver.endpoint(reply=hold)
    with running(data) as emulator, connected(emulator.host) as clients:
        topic = clients.topic()
        clients.subscription(topic, endpoint.url)
        for _ in range(6):
            clients.publish(topic)
        endpoint.expect(4)
        emulator.process.send_signal(stop)
        released.set()
        assert emulator.process.wait(WAIT_SECONDS) == 0
    assert len(endpoint.pushes) in {4, 5, 6}
    left = rows(data, "SELECT count(*) FROM deliveries")[0][0]
    assert left == 6 - len(endpoint.pushes)


def test_a_file_in_use_and_a_port_in_use_are_told_in_a_sentence(tmp_path: Path) -> None:
    def refused(*options: str) -> str:
        command = [sys.executable, "-m", "local.pubsub", *options]
        done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
        assert done.returncode == 1
        return done.stderr

    with PubSubEmulator(tmp_path / "used.db") as emulator:
        assert "Does another emulator run on it?" in refused("--data", str(tmp_path / "used.db"))
        port = emulator.host.partition(":")[2]
        assert "choose another with --port" in refused("--data", str(tmp_path / "free.db"), "--port", port)


def test_the_storage_emulators_notifications_come_through(tmp_path: Path, receiver: Receiver) -> None:
    with PubSubEmulator() as emulator, connected(emulator.host) as clients:
        endpoint, topic = receiver.endpoint(204), clients.topic()
        clients.subscription(topic, endpoint.url, filter='attributes.eventType = "OBJECT_FINALIZE"')
        project, name = PROJECT.rpartition("/")[2], topic.rpartition("/")[2]
        port = int(emulator.host.partition(":")[2])
        notifications = Notifications(pubsub_port=port, project=project, topic=name, bucket="uploads")
        with start_storage(tmp_path, port=free_ports(1)[0], notifications=notifications, log=show) as storage:
            client = storage_client(storage.endpoint, project)
            create_buckets(client, ["uploads"])
            client.bucket("uploads").blob("team/project/a.txt").upload_from_string("text")
            [push] = endpoint.expect(1)
            client.close()
    assert push.message["attributes"]["objectId"] == "team/project/a.txt"
    assert push.message["attributes"]["eventType"] == "OBJECT_FINALIZE"


def rows(data: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(data)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
