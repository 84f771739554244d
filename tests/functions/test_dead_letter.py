"""`dead_letter`: keeps what could not be delivered, and fails the job that still waits for it."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.delivery import DEFERRALS
from functions.dead_letter.use_case import TOPICS
from local.topology import read_topology
from tests.functions.events import SOURCE, dead, event
from tests.functions.installation import SETTINGS, Installation
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Published

MOVED_ON = "Nothing waits for it any more."


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture
def registered(installation: Installation) -> Published:
    return installation.register(f"acme/docs/{uuid4()}.md", HANDBOOK)


@pytest.fixture
def batch(installation: Installation, registered: Published) -> Published:
    return installation.accept("chunk", registered.body)[0]


def kept(installation: Installation, body: dict[str, Any]) -> dict[str, Any]:
    return installation.row("select * from failed_messages where message_id = :id", id=body["message"]["messageId"])


def outcome(installation: Installation, published: Published) -> tuple[object, ...]:
    job = installation.job(published.content["job_id"])
    return job["status"], job["stage"], job["reason"], job["retryable"], job["attempts"]


def test_a_dead_message_is_kept_and_fails_the_job_that_waits_for_it(
    installation: Installation, batch: Published
) -> None:
    body = dead(batch)
    assert installation.accept("dead_letter", body) == []
    row = kept(installation, body)
    assert row["data"] == b64decode(body["message"]["data"])
    assert row["attributes"] == body["message"]["attributes"]
    assert (row["delivery_attempts"], row["reason"]) == (20, "UNDELIVERABLE")
    assert (row["subscription"], row["topic"]) == ("projects/example/subscriptions/embed", "chunk-batch")
    assert {str(row[column]) for column in ("document_id", "job_id", "team_id")} == {
        batch.content["document_id"],
        batch.content["job_id"],
        batch.content["team_id"],
    }
    assert (row["resolved_at"], row["resolution"]) == (None, None)
    assert row["published_at"] is not None
    assert outcome(installation, batch) == ("failed", "embed", "UNDELIVERABLE", True, 20)
    assert "20 attempts" in installation.job(batch.content["job_id"])["error_message"]
    assert installation.document(batch.content["document_id"])["status"] == "failed"


def test_every_subscription_s_topic_is_as_the_topology_has_it(root: Path) -> None:
    subscriptions = read_topology(root / "infra" / "topology.yaml").subscriptions
    assert {name: each.topic for name, each in subscriptions.items() if name != "dead-letter"} == TOPICS


@pytest.mark.parametrize("missing", ["", "Project"])
def test_a_message_that_does_not_tell_where_it_comes_from_is_kept_as_it_came(
    installation: Installation, registered: Published, missing: str
) -> None:
    body = dead(registered)
    del body["message"]["attributes"][SOURCE + missing]
    assert installation.accept("dead_letter", body) == []
    assert kept(installation, body)["subscription"] == body["subscription"]


def test_the_text_of_a_document_that_was_deleted_before_is_not_kept(
    installation: Installation, batch: Published
) -> None:
    content, name = batch.content, installation.document(batch.content["document_id"])["object_name"]
    generation = installation.job(content["job_id"])["generation"]
    installation.accept("retire", installation.deleted(name, generation))
    bodies = [dead(batch)]
    assert installation.accept("dead_letter", bodies[0]) == []
    installation.register(name, HANDBOOK)
    bodies.append(dead(batch))
    assert installation.accept("dead_letter", bodies[1]) == []
    for body in bodies:
        row = kept(installation, body)
        assert (bytes(row["data"]), row["resolution"]) == (b"", MOVED_ON)
        assert row["attributes"] == body["message"]["attributes"]


def test_the_text_of_a_deleted_project_is_not_kept(installation: Installation) -> None:
    project = f"closed-{uuid4()}"
    installation.project("acme", project)
    registered = installation.register(f"acme/{project}/a.md", HANDBOOK)
    [batch, *_] = installation.accept("chunk", registered.body)
    installation.administration.delete_project("acme", project)
    body = dead(batch)
    assert installation.accept("dead_letter", body) == []
    assert bytes(kept(installation, body)["data"]) == b""


def test_a_message_that_names_a_job_but_no_document_fails_no_job(installation: Installation, batch: Published) -> None:
    body = dead(batch)
    del body["message"]["attributes"]["document_id"]
    assert installation.accept("dead_letter", body) == []
    assert kept(installation, body)["resolution"] is None
    assert outcome(installation, batch)[0] == "running"


def test_the_stage_is_that_of_the_subscription_that_gave_up(installation: Installation, registered: Published) -> None:
    assert installation.accept("dead_letter", dead(registered)) == []
    assert outcome(installation, registered)[:3] == ("failed", "chunk", "UNDELIVERABLE")


def test_a_dead_batch_of_record_fails_at_record(installation: Installation, batch: Published) -> None:
    [embedded] = installation.accept("embed", batch.body)
    assert installation.accept("dead_letter", dead(embedded)) == []
    assert outcome(installation, batch)[:3] == ("failed", "record", "UNDELIVERABLE")


def test_the_same_message_twice_is_one_row(installation: Installation, batch: Published) -> None:
    body = dead(batch)
    for _ in range(2):
        assert installation.accept("dead_letter", body) == []
    assert kept(installation, body)["resolution"] is None


def test_a_job_that_succeeded_meanwhile_stays_so(installation: Installation, registered: Published) -> None:
    batches = installation.accept("chunk", registered.body)
    for each in batches:
        installation.deliver("embed", each.body)
    installation.run()
    for published in (registered, batches[0]):
        body = dead(published)
        assert installation.accept("dead_letter", body) == []
        assert (kept(installation, body)["resolution"], outcome(installation, registered)[0]) == (MOVED_ON, "succeeded")
        assert kept(installation, body)["resolved_at"] is not None


def test_a_superseded_job_fails_no_document(
    installation: Installation, registered: Published, batch: Published
) -> None:
    newer = installation.register(registered.content["object_name"], HANDBOOK)
    body = dead(batch)
    assert installation.accept("dead_letter", body) == []
    assert kept(installation, body)["resolution"] == MOVED_ON
    assert outcome(installation, batch)[2] == "SUPERSEDED"
    assert installation.job(newer.content["job_id"])["status"] == "queued"
    assert installation.document(batch.content["document_id"])["status"] == "uploaded"


@pytest.mark.parametrize("table", ["ingestion_jobs", "ingestion_batches"])
def test_a_job_that_somebody_is_at_work_on_is_left_to_them(
    installation: Installation, batch: Published, table: str
) -> None:
    installation.rows(
        f"update {table} set lease_token = :token, lease_expires_at = now() + interval '1 hour'"
        f" where {'id' if table == 'ingestion_jobs' else 'job_id'} = :job",
        token=uuid4(),
        job=batch.content["job_id"],
    )
    body = dead(batch)
    assert installation.accept("dead_letter", body) == []
    assert kept(installation, body)["resolution"] == MOVED_ON
    assert outcome(installation, batch)[0] == "running"


def test_a_batch_that_is_recorded_fails_no_job(installation: Installation, batch: Published) -> None:
    [embedded] = installation.accept("embed", batch.body)
    installation.accept("record", embedded.body)
    body = dead(embedded)
    assert installation.accept("dead_letter", body) == []
    assert kept(installation, body)["resolution"] == MOVED_ON
    assert outcome(installation, batch)[0] == "running"


@pytest.fixture
def waiting_to_go_live(installation: Installation, registered: Published) -> Published:
    """The message of a job of which all is recorded and not every vector is in the index, after the longest wait."""
    batches = [
        each
        for batch in installation.accept("chunk", registered.body)
        for each in installation.accept("embed", batch.body)
    ]
    installation.rows("delete from chunk_vectors where job_id = :job", job=registered.content["job_id"])
    [*_, again] = [each for batch in batches for each in installation.accept("record", batch.body)]
    for _ in range(int(SETTINGS["max_deferrals"]) - 1):
        [again] = installation.accept("record", again.body)
    return again


def fail(installation: Installation, function: str, published: Published, table: str) -> None:
    """One attempt at the message, for which the database does not take a row of this table."""
    refusal = "raise exception 'the disk is full' using errcode = '53100';"
    with installation.triggered(table, "before insert", refusal):
        answered = installation.deliver(function, published.body)
    assert (answered.status_code, answered.text) == (503, "DATABASE_UNAVAILABLE")


def batch_row(installation: Installation, batch: Published) -> dict[str, Any]:
    return installation.row(
        "select * from ingestion_batches where job_id = :job and batch_index = :index",
        job=batch.content["job_id"],
        index=batch.content["batch_index"],
    )


def test_message_and_job_name_what_the_last_attempt_died_of(installation: Installation, batch: Published) -> None:
    fail(installation, "embed", batch, "chunk_vectors")
    body = dead(batch)
    assert installation.accept("dead_letter", body) == []
    row, job = kept(installation, body), installation.job(batch.content["job_id"])
    assert row["reason"] == job["reason"] == "DATABASE_UNAVAILABLE"
    assert row["error"] == job["error_message"]
    assert "the disk is full" in row["error"]
    assert row["error"].endswith("The message was given up after 20 attempts of embed.")
    assert outcome(installation, batch) == ("failed", "embed", "DATABASE_UNAVAILABLE", True, 20)


def test_what_another_batch_died_of_is_not_this_ones(installation: Installation, registered: Published) -> None:
    first, second, *_ = installation.accept("chunk", registered.body)
    fail(installation, "embed", first, "chunk_vectors")
    assert installation.accept("dead_letter", dead(second)) == []
    assert outcome(installation, second)[2] == "UNDELIVERABLE"


def test_what_an_attempt_died_of_is_forgotten_once_its_work_has_moved_on(
    installation: Installation, batch: Published
) -> None:
    fail(installation, "embed", batch, "chunk_vectors")
    assert batch_row(installation, batch)["reason"] == "DATABASE_UNAVAILABLE"
    [embedded] = installation.accept("embed", batch.body)
    assert (batch_row(installation, batch)["reason"], batch_row(installation, batch)["error_message"]) == (None, None)
    fail(installation, "record", embedded, "chunk_texts")
    assert batch_row(installation, batch)["reason"] == "DATABASE_UNAVAILABLE"
    installation.accept("record", embedded.body)
    assert (batch_row(installation, batch)["reason"], batch_row(installation, batch)["error_message"]) == (None, None)


def test_before_it_is_split_a_job_says_what_its_last_attempt_died_of(
    installation: Installation, registered: Published
) -> None:
    address = f"/v1/jobs/{registered.content['job_id']}"
    caller = installation.caller("acme")
    fail(installation, "chunk", registered, "ingestion_batches")
    seen = caller.get(address)
    assert (seen["status"], seen["reason"]) == ("running", "DATABASE_UNAVAILABLE")
    installation.accept("chunk", registered.body)
    seen = caller.get(address)
    assert (seen["status"], seen["reason"], seen["error_message"]) == ("running", None, None)


def test_a_job_that_only_waits_to_go_live_fails(installation: Installation, waiting_to_go_live: Published) -> None:
    assert installation.deliver("record", waiting_to_go_live.body).text == "NOT_VISIBLE"
    body = dead(waiting_to_go_live)
    assert installation.accept("dead_letter", body) == []
    row = kept(installation, body)
    assert (row["reason"], row["resolution"]) == ("NOT_VISIBLE", None)
    assert outcome(installation, waiting_to_go_live) == ("failed", "record", "NOT_VISIBLE", True, 20)
    assert "Process the document again" in installation.job(waiting_to_go_live.content["job_id"])["error_message"]


def test_vectors_are_not_blamed_where_the_job_died_of_something_else_after_it_was_put_off(
    installation: Installation, waiting_to_go_live: Published
) -> None:
    assert installation.deliver("record", waiting_to_go_live.body).text == "NOT_VISIBLE"
    fail(installation, "record", waiting_to_go_live, "chunk_texts")
    body = dead(waiting_to_go_live)
    assert body["message"]["attributes"][DEFERRALS] == "3"
    assert installation.accept("dead_letter", body) == []
    assert outcome(installation, waiting_to_go_live)[:4] == ("failed", "record", "DATABASE_UNAVAILABLE", True)


def test_vectors_are_not_blamed_where_no_attempt_told_that_they_were_missing(
    installation: Installation, waiting_to_go_live: Published
) -> None:
    assert installation.accept("dead_letter", dead(waiting_to_go_live)) == []
    assert outcome(installation, waiting_to_go_live)[:4] == ("failed", "record", "UNDELIVERABLE", True)


def test_a_message_of_embed_is_not_waited_for_where_all_is_recorded(
    installation: Installation, batch: Published, waiting_to_go_live: Published
) -> None:
    body = dead(batch)
    assert installation.accept("dead_letter", body) == []
    assert kept(installation, body)["resolution"] == MOVED_ON
    assert outcome(installation, batch)[0] == "running"


def resume(installation: Installation, batch: Published, moment: str) -> None:
    installation.rows(
        "update ingestion_jobs set resumed_at = cast(:moment as timestamptz) where id = :id",
        moment=moment,
        id=batch.content["job_id"],
    )


def test_a_message_that_was_sent_before_its_job_was_resumed_fails_it_no_more(
    installation: Installation, batch: Published
) -> None:
    body = dead(batch)
    sent = body["message"]["attributes"]["CloudPubSubDeadLetterSourceTopicPublishTime"]
    resume(installation, batch, "2025-11-24T16:00:01Z")
    assert sent < "2025-11-24T16:00:01"
    assert installation.accept("dead_letter", body) == []
    assert kept(installation, body)["resolution"] == MOVED_ON
    assert outcome(installation, batch)[0] == "running"


@pytest.mark.parametrize("sent", ["2025-11-24T16:00:02.5Z", "2025-11-24T17:00:02+01:00", "yesterday", None])
def test_a_message_that_was_sent_since_or_does_not_tell_when_fails_the_resumed_job(
    installation: Installation, batch: Published, sent: str | None
) -> None:
    body = dead(batch)
    attributes = body["message"]["attributes"]
    del attributes["CloudPubSubDeadLetterSourceTopicPublishTime"]
    if sent is not None:
        attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = sent
    resume(installation, batch, "2025-11-24T16:00:01Z")
    assert installation.accept("dead_letter", body) == []
    assert outcome(installation, batch)[0] == "failed"


def test_a_split_job_whose_batch_somebody_is_at_work_on_does_not_fail_for_its_first_message(
    installation: Installation, registered: Published, batch: Published
) -> None:
    installation.rows(
        "update ingestion_batches set lease_token = :token, lease_expires_at = now() + interval '1 hour'"
        " where job_id = :job and batch_index = 0",
        token=uuid4(),
        job=batch.content["job_id"],
    )
    body = dead(registered)
    assert installation.accept("dead_letter", body) == []
    assert kept(installation, body)["resolution"] == MOVED_ON
    assert outcome(installation, batch)[0] == "running"


def test_a_message_about_no_job_is_kept_for_people(installation: Installation) -> None:
    notification = installation.finalized("acme/docs/lost.txt", 1)
    message = {**notification["message"], "messageId": str(uuid4().int)}
    message["attributes"] = {**message["attributes"], SOURCE: "intake"}
    body = {**notification, "message": message}
    assert installation.accept("dead_letter", body) == []
    row = kept(installation, body)
    assert (row["document_id"], row["job_id"], row["resolution"]) == (None, None, None)
    assert row["attributes"]["objectId"] == "acme/docs/lost.txt"


def test_a_message_of_a_job_that_is_not_there_is_kept_as_resolved(installation: Installation) -> None:
    assert installation.accept("dead_letter", event("dead-letter")) == []
    row = kept(installation, event("dead-letter"))
    assert (row["resolution"], row["team_id"]) == (MOVED_ON, None)
    assert row["job_id"] == UUID(event("dead-letter")["message"]["attributes"]["job_id"])


@pytest.mark.parametrize(
    "attributes",
    [{"CloudPubSubDeadLetterSourceDeliveryCount": "many"}, {"batch_index": "first"}, {"job_id": "none"}],
)
def test_a_message_with_strange_attributes_is_kept_too(
    installation: Installation, batch: Published, attributes: dict[str, str]
) -> None:
    body = dead(batch)
    body["message"]["attributes"] |= attributes
    assert installation.accept("dead_letter", body) == []
    assert kept(installation, body)["attributes"] == body["message"]["attributes"]


def test_an_object_that_no_row_can_record_is_kept_aside_and_its_dead_letter_too(installation: Installation) -> None:
    for function, body in (
        ("intake", installation.finalized("acme/docs/a\0b.txt", 5)),
        ("retire", installation.deleted("acme/docs/a\0b.txt", 6)),
    ):
        assert installation.accept(function, body) == []
        assert kept(installation, body)["reason"] == "UNDECODABLE"
    dead_one = event("dead-letter", None, objectId="acme/docs/a\0b.txt")
    dead_one["message"]["messageId"] = str(uuid4().int)
    assert installation.accept("dead_letter", dead_one) == []
    assert kept(installation, dead_one)["attributes"]["objectId"] == "acme/docs/a\N{REPLACEMENT CHARACTER}b.txt"
