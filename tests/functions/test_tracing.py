"""The trace that messages carry: from an object's notification until its document answers."""

from __future__ import annotations

from uuid import uuid4

import pytest

from common.registration import object_trace
from common.tracing import TRACEPARENT, parsed
from tests.functions.caller import Caller
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Published

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT_OF_CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def caller(installation: Installation) -> Caller:
    installation.project("acme", "docs")
    return installation.caller("acme")


@pytest.fixture
def name(caller: Caller) -> str:
    return f"acme/docs/{uuid4()}.md"


def followed(installation: Installation, first: list[Published]) -> list[Published]:
    """All messages from these on, each delivered once."""
    seen, waiting = [], first
    while waiting:
        seen += waiting
        for published in waiting:
            installation.deliver(installation.topics.function_of(published), published.body)
        waiting = installation.topics.take()
    return seen


def test_every_message_from_notification_to_live_carries_the_generations_trace(
    installation: Installation, name: str
) -> None:
    generation = installation.upload(name, HANDBOOK)
    expected = object_trace(installation.bucket, name, generation).trace_id
    messages = followed(installation, installation.accept("intake", installation.finalized(name, generation)))
    assert {each.subscription for each in messages} == {"chunk", "embed", "record"}
    assert {each.trace for each in messages} == {expected}


def test_a_notification_that_comes_twice_goes_on_with_the_same_trace(installation: Installation, name: str) -> None:
    body = installation.finalized(name, installation.upload(name, HANDBOOK))
    [first] = installation.accept("intake", body)
    [second] = installation.accept("intake", body)
    assert first.trace == second.trace is not None


def test_an_uploader_may_have_its_own_trace_gone_on_with(installation: Installation, name: str) -> None:
    noted = {TRACEPARENT: TRACEPARENT_OF_CALLER}
    body = installation.finalized(name, installation.upload(name, HANDBOOK), metadata=noted)
    [registered] = installation.accept("intake", body)
    assert registered.trace == TRACE


def test_a_job_that_is_sent_on_its_way_again_goes_on_with_its_trace(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    installation.rows(
        "update ingestion_jobs set updated_at = now() - interval '1 hour' where id = :job",
        job=registered.content["job_id"],
    )
    installation.functions["reconcile"].post("/")
    [again] = installation.topics.take()
    assert (again.subscription, again.trace) == ("chunk", registered.trace)


def test_a_deferred_message_keeps_its_trace(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    installation.rows(
        "update ingestion_jobs set lease_token = id, lease_expires_at = now() + interval '1 hour' where id = :id",
        id=registered.content["job_id"],
    )
    [deferred] = installation.accept("chunk", registered.body)
    assert (deferred.attributes["deferrals"], deferred.trace) == ("1", registered.trace)


def test_a_document_created_over_the_api_goes_on_with_the_requests_trace(
    installation: Installation, caller: Caller
) -> None:
    answered = caller(
        "POST",
        "/v1/projects/docs/documents",
        json={"title": "Handbook", "text": HANDBOOK},
        headers={TRACEPARENT: TRACEPARENT_OF_CALLER},
    )
    assert answered.status_code == 202, answered.text
    [registered] = installation.topics.take()
    assert registered.trace == TRACE
    blob = installation.storage.bucket(installation.bucket).get_blob(registered.content["object_name"])
    assert blob is not None
    noted = parsed(blob.metadata[TRACEPARENT])
    assert noted is not None
    assert noted.trace_id == TRACE


def test_requests_without_a_trace_have_one_each(installation: Installation, caller: Caller) -> None:
    for _ in range(2):
        caller("POST", "/v1/projects/docs/documents", json={"title": "Handbook", "text": HANDBOOK})
    first, second = installation.topics.take()
    assert len({first.trace, second.trace, None}) == 3
