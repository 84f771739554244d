"""The functions on Google Cloud's parts while calls fail: nothing is lost, and no batch is embedded for nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from common.model.chunks import chunk_id
from common.splitting import embedding_text
from tests.conftest import TestDatabase
from tests.functions.caller import Caller
from tests.functions.cloud import COMMIT, DONE, PASSING, READ, CloudInstallation, cloud_installed
from tests.functions.events import dead
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Published, Topics

pytestmark = pytest.mark.full

EMBEDDING = ("Predict", "UpsertDatapoints")
RECORDING = (COMMIT, "ReadIndexDatapoints")
PURGING = ("RemoveDatapoints", COMMIT)
ASKING = ("Predict", "FindNeighbors", READ, "GenerateContent", "StreamGenerateContent")
BEYOND = 1000
UNAVAILABLE = dict.fromkeys((*EMBEDDING, *RECORDING, *PURGING, *ASKING), "VERTEX_UNAVAILABLE") | dict.fromkeys(
    (COMMIT, READ), "CHUNK_TEXTS_UNAVAILABLE"
)
TALL = "How tall is the tower?"


@pytest.fixture(scope="module")
def installed(database: TestDatabase, function_topics: Topics, function_storage: str) -> Iterator[CloudInstallation]:
    with cloud_installed(database, function_topics, function_storage, "cloud") as parts:
        parts.project("acme", "docs")
        yield parts


@pytest.fixture
def cloud(installed: CloudInstallation) -> Iterator[CloudInstallation]:
    """Nothing goes wrong yet, and nothing is on its way."""
    installed.topics.take()
    installed.mend()
    yield installed
    installed.mend()


@pytest.fixture
def batches(cloud: CloudInstallation) -> list[Published]:
    """The messages of a document's batches, which are still to be embedded."""
    return split(cloud, f"acme/docs/{uuid4()}.md", HANDBOOK)


@pytest.fixture(scope="module")
def hasty(installed: CloudInstallation) -> dict[str, FlaskClient]:
    """Functions that do not wait long for one answer."""
    pipeline = installed.create("embed", "record", remote_seconds="1.5")
    return pipeline | installed.create("api", login="api", remote_seconds="1.5")


@pytest.fixture(scope="module")
def impatient(installed: CloudInstallation) -> dict[str, FlaskClient]:
    """Functions that give up soon."""
    changes = {"retry_seconds": "1", "max_deferrals": "1", "defer_seconds": "1"}
    pipeline = installed.create("embed", "record", "retire", **changes)
    return pipeline | installed.create("api", login="api", **changes)


def split(cloud: CloudInstallation, name: str, content: str) -> list[Published]:
    batches = cloud.accept("chunk", cloud.register(name, content).body)
    assert len(batches) >= 3
    assert all(len(batch.content["chunks"]) == 2 for batch in batches[:-1])
    return batches


def before(cloud: CloudInstallation, call: str, batches: list[Published]) -> list[Published]:
    """The messages that lead to the call; where the last of all makes it, those before it are done."""
    if call in EMBEDDING:
        return batches
    embedded = [each for batch in batches for each in cloud.accept("embed", batch.body)]
    if call == COMMIT:
        return embedded
    for each in embedded[:-1]:
        assert cloud.accept("record", each.body) == []
    return embedded[-1:]


def texts(*batches: Published) -> Counter[str]:
    """What the batches are embedded as."""
    return Counter(
        embedding_text(batch.content["title"], chunk["bounds"]["heading_path"], chunk["text"])
        for batch in batches
        for chunk in batch.content["chunks"]
    )


def attempts(cloud: CloudInstallation, batches: list[Published]) -> int:
    counted: int = cloud.job(batches[0].content["job_id"])["attempts"]
    return counted


def assert_whole(cloud: CloudInstallation, batches: list[Published]) -> None:
    """The document is ready, with its chunks 0…n-1 and no other, the same in rows, index and texts."""
    job = cloud.job(batches[0].content["job_id"])
    document = cloud.document(batches[0].content["document_id"])
    assert (document["status"], document["active_job_id"], job["status"]) == ("ready", job["id"], "succeeded")
    chunks = {
        chunk_id(job["id"], chunk["index"]): chunk["text"] for batch in batches for chunk in batch.content["chunks"]
    }
    rows = cloud.rows("select chunk_index from document_chunks where document_id = :id order by 1", id=document["id"])
    assert [row["chunk_index"] for row in rows] == list(range(len(chunks))) == list(range(job["total_chunks"]))
    assert cloud.ids(job["id"]) == (sorted(chunks), sorted(chunks), sorted(chunks))
    assert cloud.texts(job["id"]) == chunks


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize("call", [*EMBEDDING, *RECORDING])
def test_a_call_that_fails_in_passing_is_repeated_and_no_message_is(
    cloud: CloudInstallation, batches: list[Published], call: str, kind: str
) -> None:
    waiting = before(cloud, call, batches)
    cloud.fail(call, kind)
    calls = len(waiting) + cloud.calls(call)
    assert cloud.push(waiting) == {}
    assert cloud.calls(call) == calls + 1
    assert_whole(cloud, batches)
    assert attempts(cloud, batches) == 0
    again = texts(batches[0]) if call == "Predict" and kind.endswith(DONE) else Counter()
    assert Counter(cloud.embedded) == texts(*batches) + again


@pytest.mark.parametrize("retry_after", [None, 3.0, 60.0])
@pytest.mark.parametrize("call", [*EMBEDDING, *RECORDING])
def test_waiting_for_quota_burns_no_attempt_and_embeds_nothing_twice(
    cloud: CloudInstallation, batches: list[Published], call: str, retry_after: float | None
) -> None:
    waiting = before(cloud, call, batches)
    cloud.fail(call, "429", retry_after=retry_after)
    calls = len(waiting) + cloud.calls(call)
    assert cloud.push(waiting) == {}
    assert cloud.calls(call) == calls + 1
    assert_whole(cloud, batches)
    assert attempts(cloud, batches) == 0
    assert Counter(cloud.embedded) == texts(*batches)


def test_where_an_upsert_has_to_wait_for_longer_than_a_request_only_pending_batches_are_embedded_again(
    cloud: CloudInstallation, batches: list[Published]
) -> None:
    [embedded] = cloud.accept("embed", batches[0].body)
    cloud.fail("UpsertDatapoints", "429", retry_after=200.0)
    assert cloud.push([*batches, embedded]) == {}
    assert_whole(cloud, batches)
    assert attempts(cloud, batches) == 0
    counted = Counter(cloud.embedded)
    assert counted.keys() == texts(*batches).keys()
    assert all(counted[each] == 1 for each in texts(batches[0]))


@pytest.mark.parametrize("call", [*EMBEDDING, *RECORDING])
def test_an_answer_that_is_too_slow_is_asked_for_again(
    cloud: CloudInstallation, hasty: dict[str, FlaskClient], batches: list[Published], call: str
) -> None:
    waiting = before(cloud, call, batches)
    cloud.fail(call, "slow")
    assert cloud.push(waiting, embed=hasty["embed"], record=hasty["record"]) == {}
    assert_whole(cloud, batches)
    assert attempts(cloud, batches) == 0
    assert Counter(cloud.embedded) == texts(*batches)


@pytest.mark.parametrize("call", [*EMBEDDING, *RECORDING])
def test_an_outage_fails_the_message_and_its_redelivery_does_what_is_left(
    cloud: CloudInstallation, impatient: dict[str, FlaskClient], batches: list[Published], call: str
) -> None:
    waiting = before(cloud, call, batches)
    name = "embed" if call in EMBEDDING else "record"
    cloud.fail(call, "503", times=BEYOND)
    answered = impatient[name].post("/", json=waiting[0].body)
    assert (answered.status_code, answered.text) == (503, UNAVAILABLE[call])
    assert attempts(cloud, batches) == (name == "embed")
    cloud.mend()
    assert cloud.push(waiting) == {}
    assert_whole(cloud, batches)
    assert attempts(cloud, batches) == (name == "embed")
    assert Counter(cloud.embedded) == (texts(*batches) if name == "embed" else Counter())


@pytest.mark.parametrize("call", [*EMBEDDING, *RECORDING])
def test_a_permission_that_is_missing_for_a_while_is_said_in_a_sentence_and_loses_nothing(
    cloud: CloudInstallation, batches: list[Published], call: str, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = before(cloud, call, batches)
    cloud.fail(call, "refused")
    failures = cloud.push(waiting)
    assert failures == {"embed" if call in EMBEDDING else "record": 1}
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "AI_INFRA_GOOGLE_PROJECT" in record.message
    assert record.exc_info is None
    assert_whole(cloud, batches)
    assert attempts(cloud, batches) == failures["embed"]
    again = texts(batches[0]) if call == "UpsertDatapoints" else Counter()
    assert Counter(cloud.embedded) == texts(*batches) + again


def test_a_vector_too_few_embeds_that_batch_again_and_no_other(
    cloud: CloudInstallation, batches: list[Published]
) -> None:
    cloud.fail("Predict", "a vector fewer")
    assert cloud.push(batches) == {"embed": 1}
    assert_whole(cloud, batches)
    assert attempts(cloud, batches) == 1
    assert Counter(cloud.embedded) == texts(*batches) + texts(batches[0])


def test_a_request_of_too_many_tokens_is_halved_and_counts_as_no_failure(
    cloud: CloudInstallation, batches: list[Published]
) -> None:
    cloud.fail("Predict", "400")
    assert cloud.push(batches) == {}
    assert cloud.calls("Predict") == len(batches) + 2
    assert_whole(cloud, batches)
    assert attempts(cloud, batches) == 0
    assert Counter(cloud.embedded) == texts(*batches)


def test_an_upsert_of_which_half_arrived_is_repeated_whole(cloud: CloudInstallation, batches: list[Published]) -> None:
    cloud.fail("UpsertDatapoints", "half taken")
    assert cloud.push(batches) == {}
    assert cloud.calls("UpsertDatapoints") == len(batches) + 1
    assert_whole(cloud, batches)
    assert attempts(cloud, batches) == 0
    assert Counter(cloud.embedded) == texts(*batches)


def test_a_document_whose_vectors_were_lost_in_silence_never_takes_the_place_of_the_old(
    cloud: CloudInstallation, impatient: dict[str, FlaskClient], batches: list[Published]
) -> None:
    assert cloud.push(batches) == {}
    name = cloud.document(batches[0].content["document_id"])["object_name"]
    newer = split(cloud, name, f"{HANDBOOK}\n\nA newer version has a line more.\n")
    cloud.fail("UpsertDatapoints", "half taken in silence")
    [last] = before(cloud, "ReadIndexDatapoints", newer)
    assert impatient["record"].post("/", json=last.body).status_code == 204
    [again] = cloud.topics.take()
    answered = impatient["record"].post("/", json=again.body)
    assert (answered.status_code, answered.text) == (503, "NOT_VISIBLE")
    assert cloud.document(batches[0].content["document_id"])["active_job_id"] == UUID(batches[0].content["job_id"])
    assert cloud.job(newer[0].content["job_id"])["status"] == "running"
    assert attempts(cloud, newer) == 0


def test_a_document_whose_vectors_were_lost_in_silence_fails_with_a_reason_and_is_ready_when_processed_again(
    cloud: CloudInstallation, impatient: dict[str, FlaskClient], batches: list[Published]
) -> None:
    cloud.fail("UpsertDatapoints", "half taken in silence")
    [last] = before(cloud, "ReadIndexDatapoints", batches)
    assert impatient["record"].post("/", json=last.body).status_code == 204
    [again] = cloud.topics.take()
    for _ in range(2):
        assert impatient["record"].post("/", json=again.body).status_code == 503
    assert cloud.accept("dead_letter", dead(again)) == []
    content = batches[0].content
    acme = cloud.caller("acme")
    failed = acme.get(f"/v1/jobs/{content['job_id']}")
    assert {name: failed[name] for name in ("status", "stage", "reason", "retryable")} == {
        "status": "failed",
        "stage": "record",
        "reason": "NOT_VISIBLE",
        "retryable": True,
    }
    assert "Process the document again" in failed["error_message"]
    assert acme.get(f"/v1/documents/{content['document_id']}")["status"] == "failed"
    assert cloud.push([again]) == {}
    assert cloud.job(content["job_id"])["status"] == "failed"

    assert acme("POST", f"/v1/documents/{content['document_id']}:reprocess").status_code == 202
    [registered] = cloud.topics.take()
    batches = cloud.accept("chunk", registered.body)
    assert cloud.push(batches) == {}
    assert_whole(cloud, batches)
    assert cloud.ids(content["job_id"])[1:] == ([], [])


def retired(cloud: CloudInstallation, batches: list[Published]) -> Published:
    """The message to purge a document that was deleted long ago."""
    assert cloud.push(batches) == {}
    content = batches[0].content
    document = cloud.document(content["document_id"])
    deleted = cloud.deleted(document["object_name"], document["generation"])
    [published] = cloud.accept("retire", deleted)
    cloud.rows(
        "update ingestion_jobs set retired_at = retired_at - interval '1 hour' where id = :id", id=content["job_id"]
    )
    return published


def assert_purged(cloud: CloudInstallation, batches: list[Published]) -> None:
    job = batches[0].content["job_id"]
    assert cloud.ids(job) == ([], [], [])
    assert cloud.job(job)["purged_at"] is not None


@pytest.mark.parametrize("kind", ["503" + DONE, "dropped", "429"])
@pytest.mark.parametrize("call", PURGING)
def test_a_purge_is_repeated_until_nothing_is_left(
    cloud: CloudInstallation, batches: list[Published], call: str, kind: str
) -> None:
    purge = retired(cloud, batches)
    calls = cloud.calls(call)
    cloud.fail(call, kind)
    assert cloud.push([purge]) == {}
    assert cloud.calls(call) == calls + 2
    assert_purged(cloud, batches)


@pytest.mark.parametrize("kind", ["503", "refused"])
@pytest.mark.parametrize("call", PURGING)
def test_a_purge_that_fails_is_not_taken_for_done(
    cloud: CloudInstallation, impatient: dict[str, FlaskClient], batches: list[Published], call: str, kind: str
) -> None:
    purge = retired(cloud, batches)
    cloud.fail(call, kind, times=BEYOND)
    answered = impatient["retire"].post("/", json=purge.body)
    reason = "CONFIGURATION" if kind == "refused" else UNAVAILABLE[call]
    assert (answered.status_code, answered.text) == (503, reason)
    assert cloud.job(batches[0].content["job_id"])["purged_at"] is None
    cloud.mend()
    assert cloud.push([purge]) == {}
    assert_purged(cloud, batches)


@pytest.fixture(scope="module")
def acme(installed: CloudInstallation) -> Caller:
    """Who asks about a document that answers."""
    installed.project("acme", "questions")
    installed.topics.take()
    installed.mend()
    assert installed.push(split(installed, "acme/questions/handbook.md", HANDBOOK)) == {}
    return installed.caller("acme")


def asked(acme: Caller, call: str, api: FlaskClient | None = None) -> TestResponse:
    """What a question is answered that leads to this call."""
    caller = Caller(api or acme.client, acme.key)
    question = {"question": TALL, "stream": call.startswith("Stream")}
    return caller("POST", "/v1/projects/questions:query", json=question)


def log_of(cloud: CloudInstallation, answered: TestResponse) -> dict[str, Any]:
    return cloud.row("select * from query_logs where request_id = :id", id=answered.headers["X-Request-Id"])


def content_of(answered: TestResponse) -> dict[str, Any]:
    """The whole answer, also where it came as a stream."""
    assert answered.status_code == 200, answered.text
    text = answered.text.rpartition("event: result\ndata: ")[2]
    content: dict[str, Any] = json.loads(text)
    return content


def assert_answered(cloud: CloudInstallation, acme: Caller, answered: TestResponse) -> None:
    """The right answer, each of its quotes where it is said to stand, and its log."""
    content = content_of(answered)
    assert content["grounded"] is True
    assert "43 metres" in content["answer"]
    for citation in content["citations"]:
        text = acme.get(f"/v1/documents/{citation['document_id']}/text")["text"]
        assert text[citation["char_start"] : citation["char_end"]] == citation["quote"]
        assert citation["quote_verified"] is True
    log = log_of(cloud, answered)
    assert (log["error"], log["refusal_reason"], log["used_rag"]) == (None, None, True)


def assert_failed(cloud: CloudInstallation, answered: TestResponse, reason: str, code: int = 503) -> None:
    """An error with this reason, and nothing of an answer; it is on the log."""
    assert answered.json is not None
    assert answered.json.keys() == {"error"}
    assert (answered.status_code, answered.json["error"]["details"][0]["reason"]) == (code, reason)
    log = log_of(cloud, answered)
    assert log["error"]
    assert log["refusal_reason"] is None


@pytest.mark.parametrize("kind", ["503", "dropped"])
@pytest.mark.parametrize("call", ASKING)
def test_a_question_is_answered_though_a_call_fails_in_passing(
    cloud: CloudInstallation, acme: Caller, call: str, kind: str
) -> None:
    cloud.fail(call, kind)
    answered = asked(acme, call)
    assert cloud.calls(call) == 2
    assert_answered(cloud, acme, answered)


@pytest.mark.parametrize("call", ASKING)
def test_a_question_is_answered_though_a_call_is_slow(
    cloud: CloudInstallation, acme: Caller, hasty: dict[str, FlaskClient], call: str
) -> None:
    cloud.fail(call, "slow")
    assert_answered(cloud, acme, asked(acme, call, hasty["api"]))


@pytest.mark.parametrize("retry_after", [None, 7.0])
@pytest.mark.parametrize("call", ASKING)
def test_a_question_beyond_the_quota_waits_for_its_answer_or_says_when_to_come_again(
    cloud: CloudInstallation, acme: Caller, call: str, retry_after: float | None
) -> None:
    cloud.fail(call, "429", retry_after=retry_after)
    answered = asked(acme, call)
    if "Generate" in call:
        assert_answered(cloud, acme, answered)
        return
    assert_failed(cloud, answered, "QUOTA")
    assert answered.headers["Retry-After"] == str(round(retry_after or 5.0))
    cloud.mend()
    assert_answered(cloud, acme, asked(acme, call))


@pytest.mark.parametrize("call", ASKING)
def test_a_question_during_an_outage_fails_with_a_reason_and_is_logged(
    cloud: CloudInstallation, acme: Caller, impatient: dict[str, FlaskClient], call: str
) -> None:
    cloud.fail(call, "503", times=BEYOND)
    assert_failed(cloud, asked(acme, call, impatient["api"]), UNAVAILABLE[call])


@pytest.mark.parametrize("call", ASKING)
def test_a_question_without_permission_fails_and_the_log_alone_tells_which(
    cloud: CloudInstallation, acme: Caller, call: str
) -> None:
    cloud.fail(call, "refused")
    answered = asked(acme, call)
    assert_failed(cloud, answered, "CONFIGURATION")
    assert "AI_INFRA" not in answered.text
    assert "AI_INFRA_GOOGLE_PROJECT" in log_of(cloud, answered)["error"]


@pytest.mark.parametrize(
    ("call", "kind", "failure"),
    [
        ("Predict", "a vector fewer", ("VECTORS_MISSING", 503)),
        ("Predict", "400", ("TEXT_REFUSED", 400)),
        ("GenerateContent", "400", ("PROMPT_REFUSED", 400)),
        ("StreamGenerateContent", "400", ("PROMPT_REFUSED", 400)),
    ],
)
def test_a_question_that_the_models_do_not_take_fails_with_a_reason(
    cloud: CloudInstallation, acme: Caller, call: str, kind: str, failure: tuple[str, int]
) -> None:
    cloud.fail(call, kind)
    assert_failed(cloud, asked(acme, call), *failure)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("forged", "UNSUPPORTED_ANSWER"),
        ("cut answer", "UNSUPPORTED_ANSWER"),
        ("blocked prompt", "SAFETY_BLOCKED"),
        ("blocked answer", "SAFETY_BLOCKED"),
    ],
)
@pytest.mark.parametrize("call", ["GenerateContent", "StreamGenerateContent"])
def test_a_forged_cut_or_blocked_answer_is_a_refusal_without_a_word_of_it(
    cloud: CloudInstallation, acme: Caller, call: str, kind: str, reason: str
) -> None:
    cloud.fail(call, kind)
    answered = asked(acme, call)
    content = content_of(answered)
    assert (content["answer"], content["citations"], content["grounded"]) == ("", [], False)
    assert content["refusal_reason"] == reason
    assert "event: delta" not in answered.text
    log = log_of(cloud, answered)
    assert (log["refusal_reason"], log["error"], log["used_rag"]) == (reason, None, True)
    assert cloud.rows("select 1 from query_citations where query_id = :id", id=log["id"]) == []
