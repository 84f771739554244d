"""A replay of failed messages: each is sent on its way once, as far as its document still waits for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.adapters.google_pubsub import GooglePublisher
from common.adapters.postgres.connection import PostgresDatabase
from common.errors import AiInfraError, Retryable
from common.messages import Message
from common.model.documents import JobSettings, ProjectSettings
from common.replay import Outcome, Replay, Replayed
from tests.functions.events import SOURCE, dead, event
from tests.functions.installation import SETTINGS, Installation
from tests.functions.texts import HANDBOOK
from tests.functions.topics import PROJECT, Published

PUBLISHED = "CloudPubSubDeadLetterSourceTopicPublishTime"
DEFAULT = JobSettings(chunk_size=64, chunk_overlap=8, embedding_model="all-minilm-l6-v2-int8")


class Refusing:
    """A publisher that never gets anything through."""

    def publish(self, messages: Iterable[Message]) -> None:
        raise Retryable("PUBLISH_FAILED", "Pub/Sub did not accept a message.")

    def publish_raw(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        raise Retryable("PUBLISH_FAILED", "Pub/Sub did not accept a message.")

    def check(self, topics: Sequence[str]) -> None:
        raise AssertionError("A replay asks nothing of topics.")


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture(scope="module")
def replay(installation: Installation) -> Iterator[Replay]:
    """As an operator does it."""
    engine = installation.database.engine("operator")
    yield Replay(database=PostgresDatabase(engine), publisher=GooglePublisher(PROJECT), default=DEFAULT)
    engine.dispose()


@pytest.fixture
def registered(installation: Installation) -> Published:
    return installation.register(f"acme/docs/{uuid4()}.md", HANDBOOK)


@pytest.fixture
def batches(installation: Installation, registered: Published) -> list[Published]:
    found = installation.accept("chunk", registered.body)
    assert len(found) > 2
    return found


def kept(installation: Installation, body: dict[str, Any]) -> UUID:
    """The id of the failed message that this dead letter becomes."""
    assert installation.accept("dead_letter", body) == []
    return failed_id(installation, body)


def failed_id(installation: Installation, body: dict[str, Any]) -> UUID:
    row = installation.row("select id from failed_messages where message_id = :id", id=body["message"]["messageId"])
    identity: UUID = row["id"]
    return identity


def message(installation: Installation, identity: UUID) -> dict[str, Any]:
    return installation.row("select * from failed_messages where id = :id", id=identity)


def job_of(installation: Installation, published: Published) -> dict[str, Any]:
    return installation.job(published.content["job_id"])


def document_of(installation: Installation, published: Published) -> dict[str, Any]:
    return installation.document(published.content["document_id"])


def begin_purge(installation: Installation, published: Published) -> None:
    installation.rows(
        "update ingestion_jobs set purge_started_at = now() where id = :id", id=published.content["job_id"]
    )


def died_now(published: Published) -> dict[str, Any]:
    """A dead letter of what was sent a moment ago."""
    body = dead(published)
    body["message"]["attributes"][PUBLISHED] = datetime.now(UTC).isoformat()
    return body


def assert_whole(installation: Installation, job_id: object) -> None:
    """The job answers, and rows, vectors and texts are of the same chunks."""
    job = installation.job(job_id)
    rows, vectors, texts = installation.ids(job_id)
    assert (job["status"], job["stage"], len(rows)) == ("succeeded", "live", job["total_chunks"])
    assert rows == vectors == texts
    assert installation.document(job["document_id"])["active_job_id"] == job["id"]


def test_a_job_goes_on_from_where_it_failed(
    installation: Installation, replay: Replay, registered: Published, batches: list[Published]
) -> None:
    [embedded] = installation.accept("embed", batches[0].body)
    installation.accept("record", embedded.body)
    identity = kept(installation, dead(batches[1]))
    assert job_of(installation, registered)["status"] == "failed"
    done = replay(identity)
    assert (done.outcome, done.job_id) == (Outcome.RESUMED, UUID(registered.content["job_id"]))
    [again] = installation.topics.take()
    assert (again.subscription, again.content) == ("chunk", registered.content)
    job = job_of(installation, registered)
    assert (job["status"], job["stage"], job["replays"]) == ("running", "embed", 1)
    assert [job[name] for name in ("reason", "error_message", "retryable", "finished_at")] == [None] * 4
    assert document_of(installation, registered)["status"] == "processing"
    left = installation.accept("chunk", again.body)
    assert [each.content["batch_index"] for each in left] == [each.content["batch_index"] for each in batches[1:]]
    for each in left:
        installation.deliver("embed", each.body)
    installation.run()
    assert_whole(installation, job["id"])


def test_a_job_that_was_not_split_waits_to_be(
    installation: Installation, replay: Replay, registered: Published
) -> None:
    identity = kept(installation, dead(registered))
    assert replay(identity).outcome is Outcome.RESUMED
    job = job_of(installation, registered)
    assert (job["status"], job["stage"]) == ("queued", "chunk")
    installation.run()
    assert_whole(installation, job["id"])


def test_what_became_of_a_message_stands_beside_it(
    installation: Installation, replay: Replay, registered: Published
) -> None:
    identity = kept(installation, dead(registered))
    done = replay(identity)
    row = message(installation, identity)
    assert (row["resolution"], row["replays"]) == (done.sentence, 1)
    assert row["resolved_at"] == row["replayed_at"] is not None


def test_a_message_is_replayed_once(installation: Installation, replay: Replay, registered: Published) -> None:
    identity = kept(installation, dead(registered))
    first = replay(identity)
    installation.topics.take()
    again = replay(identity)
    assert (again.outcome, again.job_id) == (Outcome.ALREADY, None)
    assert first.sentence in again.sentence
    assert installation.topics.take() == []
    assert (job_of(installation, registered)["replays"], message(installation, identity)["replays"]) == (1, 1)


def test_of_two_replays_at_once_one_sends_the_job_on_its_way(
    installation: Installation, replay: Replay, registered: Published
) -> None:
    identity = kept(installation, dead(registered))
    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(done.outcome for done in pool.map(replay, [identity, identity]))
    assert outcomes == [Outcome.ALREADY, Outcome.RESUMED]
    assert len(installation.topics.take()) == 1
    assert job_of(installation, registered)["replays"] == 1


def test_the_trace_of_the_upload_goes_on(installation: Installation, replay: Replay, registered: Published) -> None:
    body = dead(registered)
    body["message"]["attributes"]["traceparent"] = registered.body["message"]["attributes"]["traceparent"]
    replay(kept(installation, body))
    [again] = installation.topics.take()
    assert again.trace == registered.trace is not None


def test_what_fails_again_is_a_message_of_its_own_and_is_replayed_again(
    installation: Installation, replay: Replay, registered: Published
) -> None:
    first = kept(installation, dead(registered))
    replay(first)
    [again] = installation.topics.take()
    second = kept(installation, died_now(again))
    assert first != second
    assert (message(installation, second)["resolution"], job_of(installation, registered)["status"]) == (None, "failed")
    assert [replay(first).outcome, replay(second).outcome] == [Outcome.ALREADY, Outcome.RESUMED]
    assert job_of(installation, registered)["replays"] == 2
    installation.run()
    assert_whole(installation, registered.content["job_id"])


def test_the_batches_of_one_job_are_sent_on_their_way_by_one_replay(
    installation: Installation, replay: Replay, batches: list[Published]
) -> None:
    identities = [kept(installation, dead(batch)) for batch in batches]
    outcomes = [replay(identity).outcome for identity in identities]
    assert outcomes == [Outcome.RESUMED, *[Outcome.ALREADY] * (len(batches) - 1)]
    assert [each.subscription for each in installation.topics.take()] == ["chunk"]


def test_what_a_resumed_job_sends_anyway_is_not_sent_once_more(
    installation: Installation, replay: Replay, batches: list[Published]
) -> None:
    identities = [kept(installation, dead(batch)) for batch in batches[:2]]
    installation.rows(
        "update failed_messages set resolved_at = null, resolution = null where id = :id", id=identities[1]
    )
    replay(identities[0])
    installation.topics.take()
    covered = replay(identities[1])
    assert covered.outcome is Outcome.MOVED_ON
    assert covered.sentence.startswith("Covered by the replay of another message")
    assert message(installation, identities[1])["resolution"] == covered.sentence
    assert installation.topics.take() == []


def test_a_batch_that_comes_while_its_job_is_failed_costs_the_resumed_job_nothing(
    installation: Installation, replay: Replay, registered: Published, batches: list[Published]
) -> None:
    embedded = [each for batch in batches[1:] for each in installation.accept("embed", batch.body)]
    identity = kept(installation, dead(batches[0]))
    for each in embedded:
        assert installation.accept("record", each.body) == []
    assert replay(identity).outcome is Outcome.RESUMED
    installation.run()
    assert_whole(installation, registered.content["job_id"])


def test_a_request_that_found_its_job_failed_does_not_end_the_resumed_one(
    installation: Installation, batches: list[Published]
) -> None:
    """The job fails while its batch is embedded, and is resumed when that is found and is to have its consequences."""
    job_id = batches[0].content["job_id"]
    changes = (
        f"if tg_op = 'INSERT' then update ingestion_jobs set status = 'failed' where id = '{job_id}';"
        f" else update ingestion_jobs set status = 'running' where id = '{job_id}'; end if; return null;"
    )
    with installation.triggered("chunk_vectors", "after insert or delete", changes):
        assert installation.deliver("embed", batches[0].body).status_code == 204
    assert installation.job(job_id)["reason"] != "SUPERSEDED"


def test_a_job_whose_purge_has_begun_is_not_resumed_but_its_document_processed_anew(
    installation: Installation, replay: Replay, registered: Published, batches: list[Published]
) -> None:
    identity = kept(installation, dead(batches[0]))
    begin_purge(installation, registered)
    done = replay(identity)
    assert (done.outcome, str(done.job_id) in done.sentence) == (Outcome.REOPENED, True)
    job = installation.job(done.job_id)
    assert (job["run"], job["generation"], job["replays"]) == (2, job_of(installation, registered)["generation"], 1)
    assert document_of(installation, registered)["wanted_job_id"] == done.job_id
    assert document_of(installation, registered)["size"] == len(HANDBOOK.encode())
    assert job_of(installation, registered)["status"] == "failed"
    installation.run()
    assert_whole(installation, done.job_id)


def test_a_job_that_was_purged_by_a_former_version_is_not_resumed(
    installation: Installation, replay: Replay, registered: Published
) -> None:
    identity = kept(installation, dead(registered))
    installation.rows("update ingestion_jobs set purged_at = now() where id = :id", id=registered.content["job_id"])
    assert replay(identity).outcome is Outcome.REOPENED


def test_replays_are_counted_over_the_runs_and_shown_by_the_api(
    installation: Installation, replay: Replay, registered: Published
) -> None:
    replay(kept(installation, dead(registered)))
    [again] = installation.topics.take()
    identity = kept(installation, died_now(again))
    begin_purge(installation, registered)
    done = replay(identity)
    caller = installation.caller("acme")
    assert caller.get(f"/v1/jobs/{done.job_id}")["replays"] == 2
    jobs = caller.get(f"/v1/documents/{registered.content['document_id']}/jobs")["jobs"]
    assert [each["replays"] for each in jobs] == [2, 1]


def test_a_document_is_processed_anew_with_the_settings_that_its_project_has_now(
    installation: Installation, replay: Replay
) -> None:
    project = installation.project("acme", f"changed-{uuid4()}")
    registered = installation.register(f"acme/{project.name}/a.md", HANDBOOK)
    identity = kept(installation, dead(registered))
    installation.administration.change_settings("acme", project.name, lambda _: ProjectSettings(chunk_size=48))
    begin_purge(installation, registered)
    done = replay(identity)
    settings = installation.job(done.job_id)["settings"]
    assert (settings["chunk_size"], settings["chunk_overlap"]) == (48, int(SETTINGS["chunk_overlap"]))


def test_a_job_whose_vectors_were_never_seen_is_not_resumed(
    installation: Installation, replay: Replay, registered: Published, batches: list[Published]
) -> None:
    """Nothing would bring them back: its batches are embedded, as far as the job knows."""
    embedded = [each for batch in batches for each in installation.accept("embed", batch.body)]
    installation.rows("delete from chunk_vectors where job_id = :job", job=registered.content["job_id"])
    [again] = [each for batch in embedded for each in installation.accept("record", batch.body)]
    while (answered := installation.deliver("record", again.body)).status_code == 204:
        [again] = installation.topics.take()
    assert answered.text == "NOT_VISIBLE"
    done = replay(kept(installation, dead(again)))
    assert done.outcome is Outcome.REOPENED
    installation.run()
    assert_whole(installation, done.job_id)


def delete_document(installation: Installation, registered: Published) -> None:
    job = job_of(installation, registered)
    installation.accept("retire", installation.deleted(registered.content["object_name"], job["generation"]))


def upload_again(installation: Installation, registered: Published) -> None:
    installation.register(registered.content["object_name"], HANDBOOK)


def process_again(installation: Installation, registered: Published) -> None:
    address = f"/v1/documents/{registered.content['document_id']}:reprocess"
    assert installation.caller("acme")("POST", address).status_code == 202
    installation.topics.take()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (delete_document, "Its document was deleted, and what the message held of it."),
        (upload_again, "A newer version or run of its document took its place."),
        (process_again, "A newer version or run of its document took its place."),
    ],
)
def test_where_the_document_moved_on_nothing_happens_and_it_says_so(
    installation: Installation, replay: Replay, registered: Published, change: Any, sentence: str
) -> None:
    identity = kept(installation, dead(registered))
    change(installation, registered)
    before = document_of(installation, registered), job_of(installation, registered)
    done = replay(identity)
    assert done == Replayed(id=identity, outcome=Outcome.MOVED_ON, sentence=sentence)
    assert installation.topics.take() == []
    assert (document_of(installation, registered), job_of(installation, registered)) == before
    row = message(installation, identity)
    assert (row["resolution"], row["replays"], row["replayed_at"]) == (sentence, 0, None)
    assert row["resolved_at"] is not None


def test_a_document_of_a_deleted_project_is_not_processed_again(installation: Installation, replay: Replay) -> None:
    project = f"closed-{uuid4()}"
    installation.project("acme", project)
    registered = installation.register(f"acme/{project}/a.md", HANDBOOK)
    identity = kept(installation, dead(registered))
    installation.administration.delete_project("acme", project)
    assert replay(identity).outcome is Outcome.MOVED_ON
    assert installation.topics.take() == []


@pytest.fixture
def lost_notification(installation: Installation) -> dict[str, Any]:
    """The dead letter of an object's notification, which had been put off before."""
    name = f"acme/docs/{uuid4()}.md"
    notification = installation.finalized(name, installation.upload(name, HANDBOOK), size="12")
    added = {SOURCE: "intake", f"{SOURCE}Project": "example", PUBLISHED: "2026-01-02T03:04:05Z", "deferrals": "3"}
    body = {**notification, "message": {**notification["message"], "messageId": str(uuid4().int)}}
    body["message"]["attributes"] = {**notification["message"]["attributes"], **added}
    return body


def test_a_message_about_no_job_is_sent_again_as_it_was_first_sent(
    installation: Installation, replay: Replay, lost_notification: dict[str, Any]
) -> None:
    identity = kept(installation, lost_notification)
    done = replay(identity)
    assert (done.outcome, done.sentence) == (Outcome.PUBLISHED, "Sent again to object-events.")
    again = next(each for each in installation.topics.take() if each.subscription == "intake")
    assert again.body["message"]["data"] == lost_notification["message"]["data"]
    added = {"deferrals", SOURCE, f"{SOURCE}Project", PUBLISHED}
    assert (
        again.attributes.items()
        >= {
            name: value for name, value in lost_notification["message"]["attributes"].items() if name not in added
        }.items()
    )
    assert not again.attributes.keys() & added
    assert [each.subscription for each in installation.accept("intake", again.body)] == ["chunk"]
    assert replay(identity).outcome is Outcome.ALREADY


def test_the_purge_of_a_deleted_document_is_asked_for_again(
    installation: Installation, replay: Replay, registered: Published
) -> None:
    job = job_of(installation, registered)
    [retired] = installation.accept(
        "retire", installation.deleted(registered.content["object_name"], job["generation"])
    )
    identity = kept(installation, dead(retired))
    assert message(installation, identity)["data"] == b""
    assert replay(identity).outcome is Outcome.PUBLISHED
    [again] = installation.topics.take()
    assert (again.subscription, again.content) == (retired.subscription, retired.content)


def undecodable(installation: Installation, **attributes: str) -> UUID:
    body = event("undecodable", None, **attributes)
    body["message"]["messageId"] = str(uuid4().int)
    assert installation.accept("embed", body) == []
    return failed_id(installation, body)


def test_a_message_that_cannot_be_read_is_sent_again_and_kept_again(installation: Installation, replay: Replay) -> None:
    identity = undecodable(installation)
    assert replay(identity).outcome is Outcome.PUBLISHED
    [again] = installation.topics.take()
    assert again.subscription == "embed"
    assert installation.accept("embed", again.body) == []
    assert message(installation, failed_id(installation, again.body))["resolution"] is None


def test_a_message_that_cannot_be_read_leaves_a_job_alone_that_failed_of_something_else(
    installation: Installation, replay: Replay, registered: Published
) -> None:
    identity = undecodable(installation, **registered.attributes)
    waiting = undecodable(installation, **registered.attributes)
    assert replay(waiting).outcome is Outcome.PUBLISHED
    installation.topics.take()
    kept(installation, dead(registered))
    assert replay(identity).outcome is Outcome.MOVED_ON
    assert job_of(installation, registered)["status"] == "failed"


def test_a_message_of_a_topic_that_nothing_tells_stays_as_it_is(
    installation: Installation, replay: Replay, registered: Published
) -> None:
    body = dead(registered)
    del body["message"]["attributes"][SOURCE], body["message"]["attributes"]["job_id"]
    identity = kept(installation, body)
    with pytest.raises(AiInfraError) as raised:
        replay(identity)
    assert raised.value.reason == "UNKNOWN_TOPIC"
    assert message(installation, identity)["resolution"] is None


def test_a_message_that_is_not_there_is_not_found(replay: Replay) -> None:
    with pytest.raises(AiInfraError) as raised:
        replay(uuid4())
    assert raised.value.reason == "NOT_FOUND"


def test_a_job_that_was_resumed_and_not_sent_for_is_sent_by_reconcile(
    installation: Installation, replay: Replay, registered: Published
) -> None:
    identity = kept(installation, dead(registered))
    with pytest.raises(Retryable):
        replace(replay, publisher=Refusing())(identity)
    assert job_of(installation, registered)["replays"] == 1
    assert replay(identity).outcome is Outcome.ALREADY
    installation.rows(
        "update ingestion_jobs set updated_at = now() - interval '1 hour' where id = :id",
        id=registered.content["job_id"],
    )
    installation.functions["reconcile"].post("/")
    installation.run()
    assert_whole(installation, registered.content["job_id"])


def test_a_message_that_could_not_be_sent_again_waits_to_be(
    installation: Installation, replay: Replay, lost_notification: dict[str, Any]
) -> None:
    identity = kept(installation, lost_notification)
    with pytest.raises(Retryable):
        replace(replay, publisher=Refusing())(identity)
    assert message(installation, identity)["resolution"] is None
    assert replay(identity).outcome is Outcome.PUBLISHED
