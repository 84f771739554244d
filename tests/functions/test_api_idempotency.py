"""Writes with an `Idempotency-Key`: carried out once, answered alike."""

from __future__ import annotations

import hashlib
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from tests.functions.caller import Caller
from tests.functions.installation import Installation

PATH = "/v1/projects/docs/documents"
NOTE = {"title": "A note", "text": "A text of its own."}


@pytest.fixture(scope="module")
def acme(installation: Installation) -> Caller:
    for name in ("docs", "other"):
        installation.project("acme", name)
    return installation.caller("acme")


@pytest.fixture
def name() -> str:
    return f"request {uuid4()}"


def post(caller: Caller, name: str, body: object = NOTE, path: str = PATH) -> TestResponse:
    return caller("POST", path, json=body, headers={"Idempotency-Key": name})


def error(answered: TestResponse) -> tuple[int, str]:
    assert answered.json is not None
    return answered.status_code, answered.json["error"]["details"][0]["reason"]


def count(installation: Installation) -> int:
    return int(installation.row("select count(*) from documents")["count"])


def test_the_same_request_again_gets_the_same_answer_and_is_not_carried_out(
    installation: Installation, acme: Caller, name: str
) -> None:
    first = post(acme, name)
    published, documents = installation.topics.take(), count(installation)
    again = post(acme, name)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json == first.json
    assert len(published) == 1
    assert (installation.topics.take(), count(installation)) == ([], documents)


def test_without_a_key_each_request_is_carried_out(acme: Caller) -> None:
    answers = [acme("POST", PATH, json=NOTE).json for _ in range(2)]
    assert answers[0] is not None
    assert answers[1] is not None
    assert answers[0]["id"] != answers[1]["id"]


@pytest.mark.parametrize("verb", ["DELETE", ":reprocess"])
def test_every_write_takes_a_key(installation: Installation, acme: Caller, name: str, verb: str) -> None:
    document = installation.ingest(f"acme/docs/{uuid4()}.txt", "A text of its own.").content["document_id"]
    method, path = ("DELETE", "") if verb == "DELETE" else ("POST", verb)
    answers = [acme(method, f"/v1/documents/{document}{path}", headers={"Idempotency-Key": name}) for _ in range(2)]
    assert [answered.status_code for answered in answers] == [202, 202]
    assert answers[0].json == answers[1].json
    assert len(installation.topics.take()) == 1


def test_another_body_or_path_under_the_same_key_is_refused(
    installation: Installation, acme: Caller, name: str
) -> None:
    post(acme, name)
    documents = count(installation)
    assert error(post(acme, name, {**NOTE, "title": "Another"})) == (400, "IDEMPOTENCY_KEY_REUSED")
    assert error(post(acme, name, path="/v1/projects/other/documents")) == (400, "IDEMPOTENCY_KEY_REUSED")
    assert count(installation) == documents


def test_a_request_whose_first_is_still_at_work_is_told_so(installation: Installation, acme: Caller, name: str) -> None:
    first = post(acme, name)
    installation.rows("update idempotency_keys set status_code = null, response = null where key = :key", key=name)
    assert error(post(acme, name)) == (409, "REQUEST_IN_PROGRESS")
    installation.rows("update idempotency_keys set created_at = now() - interval '1 hour' where key = :key", key=name)
    taken_over = post(acme, name)
    assert taken_over.status_code == 202
    assert taken_over.json != first.json


@pytest.mark.parametrize(
    ("body", "path", "status"), [({"title": ""}, PATH, 400), (NOTE, "/v1/projects/none/documents", 404)]
)
def test_a_refused_request_leaves_the_key_free(
    acme: Caller, name: str, body: dict[str, str], path: str, status: int
) -> None:
    assert post(acme, name, body, path).status_code == status
    assert post(acme, name).status_code == 202


def test_a_failure_leaves_the_key_free(installation: Installation, acme: Caller, name: str) -> None:
    installation.rows("revoke insert on documents from ai_infra_api")
    try:
        assert post(acme, name).status_code == 500
    finally:
        installation.rows("grant insert on documents to ai_infra_api")
    assert post(acme, name).status_code == 202


def test_two_teams_may_use_the_same_key(installation: Installation, acme: Caller, name: str) -> None:
    installation.project("zenith", "docs")
    zenith = installation.caller("zenith")
    answers = [post(caller, name).json for caller in (acme, zenith)]
    assert answers[0] is not None
    assert answers[1] is not None
    assert answers[0]["id"] != answers[1]["id"]


def test_a_key_of_another_project_gets_no_answer_that_was_not_its_own(
    installation: Installation, acme: Caller, name: str
) -> None:
    assert post(acme, name).status_code == 202
    bound = installation.caller("acme", project="other")
    assert error(post(bound, name)) == (400, "IDEMPOTENCY_KEY_REUSED")


def test_a_key_that_is_too_long_is_refused(acme: Caller) -> None:
    assert post(acme, "k" * 255).status_code == 202
    answered = post(acme, "k" * 256)
    assert answered.json is not None
    assert answered.json["error"]["details"][0]["metadata"] == {"field": "Idempotency-Key"}


def test_the_request_itself_is_not_kept(installation: Installation, acme: Caller, name: str) -> None:
    post(acme, name, {"title": "A note", "text": "confidential words"})
    row = installation.row("select * from idempotency_keys where key = :key", key=name)
    assert "confidential" not in str(row)
    assert len(row["request_hash"]) == hashlib.sha256().digest_size * 2
