"""What becomes of a push: acknowledged, refused, kept aside, published again."""

from __future__ import annotations

from base64 import b64decode, b64encode
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from local.ports import free_ports
from tests.functions.events import EVENTS, event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Published

PUSHED = ("intake", "chunk", "embed", "record", "retire", "fetch", "dead_letter")
TOPICS = {
    "intake": "object-events",
    "chunk": "document-registered",
    "embed": "chunk-batch",
    "record": "batch-embedded",
    "retire": "document-retired",
    "fetch": "url-requested",
}


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture(scope="module")
def cut_off(installation: Installation) -> dict[str, FlaskClient]:
    """The functions where no database answers."""
    (port,) = free_ports(1)
    return installation.create(*PUSHED, "reconcile", database_url=f"postgresql+pg8000://pipeline@127.0.0.1:{port}/none")


@pytest.fixture
def waiting(installation: Installation) -> Published:
    """The message of a job whose lease another request holds."""
    registered = installation.register(f"acme/docs/{uuid4()}.md", HANDBOOK)
    installation.rows(
        "update ingestion_jobs set lease_token = id, lease_expires_at = now() + interval '1 hour' where id = :id",
        id=registered.content["job_id"],
    )
    return registered


@pytest.mark.parametrize("function", PUSHED)
@pytest.mark.parametrize(
    "body",
    [
        (EVENTS / "no-push.json").read_bytes(),
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"message": {}, "subscription": "s"}',
        b'{"message": {"messageId": "1", "data": "???"}, "subscription": "s"}',
    ],
)
def test_what_is_no_push_is_refused(installation: Installation, function: str, body: bytes) -> None:
    answered = installation.functions[function].post("/", data=body, content_type="application/json")
    assert answered.status_code == 400
    assert answered.text.startswith("This is not a Pub/Sub push: ")
    assert installation.topics.take() == []


@pytest.mark.parametrize("function", TOPICS)
@pytest.mark.parametrize("name", ["undecodable", "empty"])
def test_what_cannot_be_decoded_is_kept_and_acknowledged(installation: Installation, function: str, name: str) -> None:
    body = event("undecodable")
    body["message"] |= {"messageId": str(uuid4().int), "attributes": {"trace": "1"}}
    if name == "empty":
        del body["message"]["data"]
    for _ in range(2):
        assert installation.accept(function, body) == []
    row = installation.row("select * from failed_messages where message_id = :id", id=body["message"]["messageId"])
    assert (row["reason"], row["topic"], row["subscription"]) == ("UNDECODABLE", TOPICS[function], body["subscription"])
    assert bytes(row["data"]) == (b"" if name == "empty" else b64decode(body["message"]["data"]))
    assert (row["attributes"], row["resolved_at"]) == ({"trace": "1"}, None)


def test_a_notification_that_cannot_be_decoded_is_kept_under_its_own_topic(installation: Installation) -> None:
    body = event("undecodable")
    body["message"] |= {"messageId": str(uuid4().int), "attributes": {"eventType": "OBJECT_DELETE"}}
    assert installation.accept("retire", body) == []
    row = installation.row("select topic from failed_messages where message_id = :id", id=body["message"]["messageId"])
    assert row["topic"] == TOPICS["intake"]


@pytest.mark.parametrize("data", ["{}", '{"bucket": "b"}', '{"bucket": "b", "name": "n", "generation": "newest"}'])
@pytest.mark.parametrize("function", ["intake", "retire"])
def test_a_body_that_is_no_notification_is_kept(installation: Installation, function: str, data: str) -> None:
    body = event("object-delete")
    body["message"] |= {"data": _encoded(data), "messageId": str(uuid4().int)}
    assert installation.accept(function, body) == []
    row = installation.row("select * from failed_messages where message_id = :id", id=body["message"]["messageId"])
    assert (row["reason"], bytes(row["data"]).decode()) == ("UNDECODABLE", data)


def test_a_message_of_another_kind_is_kept(installation: Installation) -> None:
    body = event("document-retired")
    assert installation.accept("chunk", body) == []
    row = installation.row("select * from failed_messages where message_id = :id", id=body["message"]["messageId"])
    assert (row["reason"], row["topic"]) == ("UNDECODABLE", "document-registered")
    assert str(row["document_id"]) == body["message"]["attributes"]["document_id"]


EVENT_OF = {
    "intake": "object-finalize",
    "chunk": "document-registered",
    "embed": "chunk-batch",
    "record": "batch-embedded",
    "retire": "document-retired",
    "fetch": "url-requested",
    "dead_letter": "dead-letter",
}


@pytest.mark.parametrize("function", PUSHED)
def test_without_a_database_a_message_is_tried_again(cut_off: dict[str, FlaskClient], function: str) -> None:
    answered = cut_off[function].post("/", json=event(EVENT_OF[function]))
    assert (answered.status_code, answered.text) == (503, "DATABASE_UNAVAILABLE")


def test_what_cannot_even_be_kept_aside_is_tried_again(cut_off: dict[str, FlaskClient]) -> None:
    answered = cut_off["chunk"].post("/", json=event("undecodable"))
    assert (answered.status_code, answered.text) == (503, "DATABASE_UNAVAILABLE")


def test_a_reconciliation_that_cannot_be_says_so(cut_off: dict[str, FlaskClient]) -> None:
    answered = cut_off["reconcile"].post("/")
    assert answered.status_code == 503
    assert answered.json is not None
    assert answered.json["reason"] == "DATABASE_UNAVAILABLE"


def test_an_unexpected_error_is_tried_again(installation: Installation) -> None:
    assert installation.deliver("chunk", event("document-registered")).status_code == 500


def test_deferrals_are_counted_up_to_their_bound(installation: Installation, waiting: Published) -> None:
    published = waiting
    for count in ("1", "2", "3"):
        [published] = installation.accept("chunk", published.body)
        assert published.attributes == {**waiting.attributes, "deferrals": count}
        assert published.content == waiting.content
    answered = installation.deliver("chunk", published.body)
    assert (answered.status_code, answered.text) == (503, "JOB_LEASED")
    assert installation.topics.take() == []
    assert installation.job(waiting.content["job_id"])["attempts"] == 0


def test_a_deferral_keeps_every_byte_of_the_body(installation: Installation, waiting: Published) -> None:
    spaced = {**waiting.body, "message": {**waiting.body["message"]}}
    spaced["message"]["data"] = _encoded(str(waiting.content).replace("'", '"') + " \n")
    [published] = installation.accept("chunk", spaced)
    assert published.body["message"]["data"] == spaced["message"]["data"]


def test_a_push_without_a_delivery_attempt_is_a_push(installation: Installation) -> None:
    body = installation.finalized("acme/docs/no attempt.txt", 1)
    del body["deliveryAttempt"]
    assert len(installation.accept("intake", body)) == 1


def _encoded(data: str) -> str:
    return b64encode(data.encode()).decode()
