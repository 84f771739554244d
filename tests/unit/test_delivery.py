"""What becomes of a pushed message."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.database import Database, FailedMessage, Transaction
from common.delivery import Delivery, Receiver, decode_message, decode_push, failed_message, uuid_attribute
from common.errors import AiInfraError, ConfigurationError, Deferred, Permanent, Retryable, UndecodableError
from common.messages import DocumentRetired, Message

TOPIC = "document-retired"


class Surroundings:
    """A clock, a publisher and the failed messages of a database, in memory."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.time = 1000.0
        self.published: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.kept: list[FailedMessage] = []
        self.noted: list[tuple[UUID, int | None, str, str]] = []
        self.database_is_there = True

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def now(self) -> float:
        return self.time

    def publish(self, messages: Iterable[Message]) -> None:
        raise NotImplementedError

    def check(self, topics: Sequence[str]) -> None:
        raise AssertionError("A receiver asks nothing of topics.")

    def publish_raw(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        self.published.append((topic, data, attributes))

    @property
    def failed_messages(self) -> Surroundings:
        return self

    def keep(self, message: FailedMessage) -> None:
        self.kept.append(message)

    def note(self, job_id: UUID, batch_index: int | None, error: AiInfraError) -> None:
        self.noted.append((job_id, batch_index, error.reason, error.message))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        if not self.database_is_there:
            raise Retryable("DATABASE_UNAVAILABLE", "Not now.")
        yield cast(Transaction, self)


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


def push(data: bytes = b"body", attributes: dict[str, str] | None = None, **envelope: Any) -> bytes:
    message = {"messageId": "7", "data": base64.b64encode(data).decode(), "attributes": attributes or {}}
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s", **envelope}).encode()


def receive(around: Surroundings, work: Callable[[Delivery], None], body: bytes) -> tuple[str, int]:
    database = cast(Database, around)
    receiver = Receiver(database=database, publisher=around, clock=around, defer_seconds=20.0, max_deferrals=2)
    return receiver.receive(body, work, topic=TOPIC)


def raising(error: Exception, times: int = 999) -> Callable[[Delivery], None]:
    left = [error] * times

    def work(_: Delivery) -> None:
        if left:
            raise left.pop()

    return work


def test_work_that_returns_is_acknowledged(around: Surroundings) -> None:
    seen: list[Delivery] = []
    body = push(b"\x00\xff", {"a": "b"}, deliveryAttempt=3)
    assert receive(around, seen.append, body) == ("", 204)
    assert (seen[0].data, seen[0].attributes, seen[0].attempt, seen[0].message_id) == (b"\x00\xff", {"a": "b"}, 3, "7")


@pytest.mark.parametrize(
    ("error", "response"),
    [
        (Retryable("QUOTA", "Later."), ("QUOTA", 503)),
        (ValueError("a bug"), ("INTERNAL", 500)),
        (Permanent("NO_TEXT", "Nobody ended the job."), ("INTERNAL", 500)),
    ],
)
def test_an_error_sends_the_message_back(around: Surroundings, error: Exception, response: tuple[str, int]) -> None:
    assert receive(around, raising(error), push()) == response
    assert (around.kept, around.published) == ([], [])


@pytest.mark.parametrize(
    ("error", "noted"),
    [
        (Retryable("QUOTA", "Later."), ("QUOTA", "Later.")),
        (ConfigurationError("Set it."), ("CONFIGURATION", "Set it.")),
        (AiInfraError("UNKNOWN_BATCH", "No batch."), ("UNKNOWN_BATCH", "No batch.")),
    ],
)
@pytest.mark.parametrize(("attributes", "batch"), [({}, None), ({"batch_index": "2"}, 2), ({"batch_index": "x"}, None)])
def test_what_an_attempt_failed_of_is_noted_on_its_job_or_batch(
    around: Surroundings, error: Exception, noted: tuple[str, str], attributes: dict[str, str], batch: int | None
) -> None:
    job = uuid4()
    receive(around, raising(error), push(attributes={"job_id": str(job), **attributes}))
    assert around.noted == [(job, batch, *noted)]


def test_an_error_that_may_quote_the_document_is_noted_by_its_kind_alone(around: Surroundings) -> None:
    receive(around, raising(ValueError("the document's text")), push(attributes={"job_id": str(uuid4())}))
    [(_, _, reason, message)] = around.noted
    assert (reason, message) == ("INTERNAL", "An unexpected ValueError: the log of its trace says where.")


def test_what_is_about_no_job_or_went_well_or_waits_notes_nothing(around: Surroundings) -> None:
    of_a_job = push(attributes={"job_id": str(uuid4())})
    receive(around, raising(Retryable("QUOTA", "Later.")), push())
    receive(around, lambda _: None, of_a_job)
    receive(around, raising(Deferred("LEASED", "Not yet.", wait_seconds=99.0)), of_a_job)
    assert around.noted == []


def test_what_cannot_be_noted_is_answered_as_it_would_be(around: Surroundings) -> None:
    around.database_is_there = False
    body = push(attributes={"job_id": str(uuid4())})
    assert receive(around, raising(Retryable("QUOTA", "Later.")), body) == ("QUOTA", 503)


def test_an_undecodable_message_is_kept_and_acknowledged(around: Surroundings) -> None:
    job = uuid4()
    body = push(b"rubbish", {"job_id": str(job), "document_id": "none"}, deliveryAttempt=2)
    assert receive(around, raising(UndecodableError("No.", topic="its-own")), body) == ("", 204)
    (kept,) = around.kept
    assert (kept.data, kept.topic, kept.job_id, kept.document_id) == (b"rubbish", "its-own", job, None)
    assert (kept.reason, kept.error, kept.delivery_attempts) == ("UNDECODABLE", "No.", 2)


def test_what_cannot_be_kept_now_comes_back(around: Surroundings) -> None:
    around.database_is_there = False
    assert receive(around, raising(UndecodableError("No.", topic=TOPIC)), push()) == ("DATABASE_UNAVAILABLE", 503)


def test_work_that_is_not_due_waits_in_the_request(around: Surroundings) -> None:
    early = Deferred("LEASED", "Not yet.", wait_seconds=8.0)
    assert receive(around, raising(early, times=2), push()) == ("", 204)
    assert around.slept == [8.0, 8.0]
    assert around.published == []


def test_work_that_is_not_due_for_long_is_published_again(around: Surroundings) -> None:
    early = Deferred("LEASED", "Not yet.", wait_seconds=8.0)
    assert receive(around, raising(early), push(b"body", {"job_id": "x"})) == ("", 204)
    assert around.slept == [8.0, 8.0, 4.0]
    assert around.published == [(TOPIC, b"body", {"job_id": "x", "deferrals": "1"})]


def test_time_that_work_takes_before_it_is_deferred_counts_as_waited(around: Surroundings) -> None:
    def work(_: Delivery) -> None:
        around.time += 15.0
        raise Deferred("QUOTA", "Not yet.", wait_seconds=1.0)

    assert receive(around, work, push()) == ("", 204)
    assert (around.slept, len(around.published)) == ([1.0], 1)


def test_deferrals_are_counted_and_end(around: Surroundings) -> None:
    early = Deferred("LEASED", "Not yet.", wait_seconds=99.0)
    assert receive(around, raising(early), push(attributes={"deferrals": "1"})) == ("", 204)
    assert around.published[0][2] == {"deferrals": "2"}
    assert receive(around, raising(early), push(attributes={"deferrals": "2"})) == ("LEASED", 503)
    assert len(around.published) == 1


def test_a_wait_without_bounds_is_not_counted_and_never_fails(around: Surroundings) -> None:
    early = Deferred("QUOTA", "Not yet.", wait_seconds=99.0, bounded=False)
    assert receive(around, raising(early), push()) == ("", 204)
    assert receive(around, raising(early), push(attributes={"deferrals": "2"})) == ("", 204)
    assert [attributes for _, _, attributes in around.published] == [{"deferrals": "0"}, {"deferrals": "2"}]


def test_a_setting_that_cannot_be_used_is_one_sentence_in_the_log(
    around: Surroundings, caplog: pytest.LogCaptureFixture
) -> None:
    error = ConfigurationError("Set AI_INFRA_REGION: region of Vertex AI.")
    assert receive(around, raising(error), push()) == ("CONFIGURATION", 503)
    [record] = caplog.records
    assert (record.levelname, record.getMessage(), record.exc_info) == ("ERROR", error.message, None)
    assert (around.kept, around.published) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"message": {"messageId": "\xff"}, "subscription": "s"}',
        b'{"message": {"messageId": "7", "data": "?"}, "subscription": "s"}',
        push(deliveryAttempt=0),
    ],
)
def test_what_is_no_push_is_a_bad_request(around: Surroundings, body: bytes) -> None:
    assert receive(around, raising(AssertionError("not called")), body)[1] == 400


@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_undecodable(data: bytes) -> None:
    with pytest.raises(UndecodableError, match=f"Not a {TOPIC} message"):
        decode_message(DocumentRetired, decode_push(push(data)))


def test_a_message_is_read_from_its_body() -> None:
    message = DocumentRetired(team_id=UUID(int=1), document_id=UUID(int=2))
    body = json.dumps({"team_id": str(message.team_id), "document_id": str(message.document_id), "new": 1}).encode()
    assert decode_message(DocumentRetired, decode_push(push(body))) == message


@pytest.mark.parametrize(("value", "found"), [(str(UUID(int=9)), UUID(int=9)), ("", None), ("nine", None)])
def test_an_attribute_is_an_id_or_none(value: str, found: UUID | None) -> None:
    assert uuid_attribute({"id": value}, "id") == found
    assert uuid_attribute({}, "id") is None


def test_known_attempts_count_more_than_those_of_the_delivery() -> None:
    delivery = decode_push(push(deliveryAttempt=2))
    error = Retryable("LOST", "Gone.")
    assert failed_message(delivery, topic=None, error=error).delivery_attempts == 2
    assert failed_message(delivery, topic=None, error=error, attempts=20, resolution="moved").delivery_attempts == 20
