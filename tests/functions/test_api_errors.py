"""What is wrong with a request is told in the shape of AIP-193, with the field and the request's id."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from local.ports import free_ports
from tests.functions.caller import Caller
from tests.functions.installation import Installation

QUERY, CREATE = "/v1/projects/docs:query", "/v1/projects/docs/documents"


@pytest.fixture(scope="module")
def acme(installation: Installation) -> Caller:
    installation.project("acme", "docs")
    return installation.caller("acme")


def error_of(answered: TestResponse, code: int, status: str) -> dict[str, Any]:
    """The error's details, once its shape is seen to be right."""
    assert answered.status_code == code, answered.text
    assert answered.mimetype == "application/json"
    assert answered.json is not None
    assert answered.json.keys() == {"error"}
    error = answered.json["error"]
    assert error.keys() == {"code", "message", "status", "details"}
    assert (error["code"], error["status"]) == (code, status)
    assert error["message"]
    [details] = error["details"]
    assert details.keys() == {"@type", "reason", "domain", "metadata"}
    assert (details["@type"], details["domain"]) == ("type.googleapis.com/google.rpc.ErrorInfo", "ai-infra")
    assert details["reason"].replace("_", "").isupper()
    assert answered.headers["X-Request-Id"]
    return dict(details)


def field_of(answered: TestResponse) -> str:
    return str(error_of(answered, 400, "INVALID_ARGUMENT")["metadata"]["field"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("question", 3),
        ("question", None),
        ("question", ""),
        ("question", " \n"),
        ("question", "x" * 4001),
        ("top_k", 0),
        ("top_k", 51),
        ("top_k", 1.5),
        ("top_k", "3"),
        ("top_k", True),
        ("min_score", -0.1),
        ("min_score", 1.1),
        ("min_score", "high"),
        ("filter", 3),
        ("filter", None),
        ("system_prompt", 3),
        ("system_prompt", "x" * 20_001),
        ("temperature", -1),
        ("temperature", 2.1),
        ("temperature", "hot"),
        ("max_tokens", 0),
        ("max_tokens", 1.5),
        ("stream", "yes"),
        ("stream", None),
        ("colour", "red"),
    ],
)
def test_the_field_of_a_question_that_is_wrong_is_named(acme: Caller, field: str, value: object) -> None:
    assert field_of(acme("POST", QUERY, json={"question": "Who?", field: value})) == field


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"document_ids": 3}, "filter.document_ids"),
        ({"document_ids": []}, "filter.document_ids"),
        ({"document_ids": ["x"]}, "filter.document_ids[0]"),
        ({"document_ids": [None]}, "filter.document_ids[0]"),
        ({"metadata": {}}, "filter.metadata"),
        ({"metadata": 'metadata.a = "b"'}, "filter.metadata"),
        ({"metadata": {"a": 1}}, "filter.metadata[...]"),
        ({"metadata": {"a": "\0"}}, "filter.metadata[...]"),
        ({"metadata": {"": "a"}}, "filter.metadata"),
        ({"tags": []}, "filter.tags"),
    ],
)
def test_a_field_within_a_field_is_named_by_its_path(acme: Caller, value: object, field: str) -> None:
    assert field_of(acme("POST", QUERY, json={"question": "Who?", "filter": value})) == field


def test_a_field_that_is_missing_is_named(acme: Caller) -> None:
    assert field_of(acme("POST", QUERY, json={})) == "question"
    assert field_of(acme("POST", CREATE, json={"title": "A note"})) == "text"
    assert field_of(acme("POST", CREATE, json={"text": "A text."})) == "title"


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", ""), ("title", 3), ("title", "x" * 501), ("text", ""), ("text", 3), ("colour", "red")],
)
def test_the_field_of_a_document_that_is_wrong_is_named(acme: Caller, field: str, value: object) -> None:
    assert field_of(acme("POST", CREATE, json={"title": "A note", "text": "A text.", field: value})) == field


@pytest.mark.parametrize("path", [QUERY, CREATE])
@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b"3", b"null", b"{", b'"\xff"'])
def test_a_body_that_is_none_is_told(acme: Caller, path: str, body: bytes) -> None:
    assert field_of(acme("POST", path, data=body, content_type="application/json")) == "body"


@pytest.mark.parametrize("title", ["a\x00b", "\ud800", "two\nlines", "\u202e", "🗼"])
def test_a_strange_title_is_kept_or_refused(installation: Installation, acme: Caller, title: str) -> None:
    body = json.dumps({"title": title, "text": "A text of its own."})
    answered = acme("POST", CREATE, data=body, content_type="application/json")
    if answered.status_code == 202:
        assert answered.json is not None
        assert answered.json["title"] == title
    else:
        assert field_of(answered) in {"title", "body"}


def test_a_body_that_is_too_large_is_refused(installation: Installation, acme: Caller) -> None:
    api = Caller(installation.create("api", login="api", max_request_bytes="1000")["api"], acme.key)
    for path, body in ((QUERY, {"question": "x" * 1000}), (CREATE, {"title": "A note", "text": "x" * 1000})):
        error_of(api("POST", path, json=body), 413, "INVALID_ARGUMENT")
    assert installation.topics.take() == []
    assert api("POST", CREATE, json={"title": "A note", "text": "x" * 900}).status_code == 202


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v2/projects", "/v1/projects/docs/nothing"])
def test_a_path_that_leads_nowhere_is_not_found(acme: Caller, path: str) -> None:
    error_of(acme("GET", path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/projects/none", "project"),
        ("/v1/projects/00000000-0000-4000-8000-000000000000", "project"),
        ("/v1/projects/a%00b", "project"),
        ("/v1/projects/%F0%9F%97%BC", "project"),
        ("/v1/projects/%FF", "project"),
        ("/v1/documents/none", "document"),
        ("/v1/documents/00000000-0000-4000-8000-000000000000/text", "document"),
        ("/v1/jobs/none", "job"),
    ],
)
def test_what_is_not_there_is_named(acme: Caller, path: str, kind: str) -> None:
    details = error_of(acme("GET", path), 404, "NOT_FOUND")
    assert details["reason"] == f"{kind.upper()}_NOT_FOUND"
    assert details["metadata"].keys() == {kind}


@pytest.mark.parametrize(("method", "path"), [("PUT", "/v1/projects"), ("DELETE", QUERY), ("POST", "/health")])
def test_a_method_that_a_path_has_not_is_told(acme: Caller, method: str, path: str) -> None:
    answered = acme(method, path)
    error_of(answered, 405, "UNIMPLEMENTED")
    assert answered.headers["Allow"]


def test_what_is_behind_the_api_and_does_not_answer_is_told(installation: Installation, acme: Caller) -> None:
    (port,) = free_ports(1)
    url = f"postgresql+pg8000://api@127.0.0.1:{port}/none"
    api = Caller(installation.create("api", login="api", database_url=url)["api"], acme.key)
    details = error_of(api("GET", "/v1/projects"), 503, "UNAVAILABLE")
    assert (details["reason"], details["metadata"]) == ("DATABASE_UNAVAILABLE", {})
    assert api("GET", "/health").status_code == 200


def test_an_unexpected_error_tells_nothing_of_the_inside(installation: Installation, acme: Caller) -> None:
    installation.rows("revoke select on projects from ai_infra_api")
    try:
        answered = acme("GET", "/v1/projects")
    finally:
        installation.rows("grant select on projects to ai_infra_api")
    assert error_of(answered, 500, "INTERNAL")["reason"] == "INTERNAL"
    assert "permission" not in answered.text


@pytest.mark.parametrize(("path", "status"), [("/v1/projects", 200), ("/health", 200), ("/v1/nothing", 404)])
def test_an_answer_has_the_requests_own_id(acme: Caller, path: str, status: int) -> None:
    answered = acme("GET", path, headers={"X-Request-Id": "trace-1.A_b"})
    assert (answered.status_code, answered.headers["X-Request-Id"]) == (status, "trace-1.A_b")


@pytest.mark.parametrize("wanted", ["", "a b", "x" * 129, "<script>", "é"])
def test_an_id_that_cannot_be_one_is_replaced(acme: Caller, wanted: str) -> None:
    answers = [acme("GET", "/health", headers={"X-Request-Id": wanted}) for _ in range(2)]
    ids = {answered.headers["X-Request-Id"] for answered in answers}
    assert len({UUID(each) for each in ids}) == 2


def test_the_api_says_that_it_lives_without_a_key(installation: Installation) -> None:
    answered = installation.functions["api"].get("/health")
    assert (answered.status_code, answered.json) == (200, {"status": "ok"})


def test_no_answer_is_kept_by_a_cache(acme: Caller) -> None:
    assert acme("GET", "/v1/projects").headers["Cache-Control"] == "no-store"
