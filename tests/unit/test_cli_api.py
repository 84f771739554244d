"""The API's client, and following what takes long, against answers that a healthy API does not give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Response

from cli.api import Api, ApiFailure
from cli.exit_codes import ExitCode, exit_code
from cli.following import follow_document, follow_job
from common.errors import Retryable
from tests.unit.answering_server import AnsweringServer, answering, refusal, said

BUSY = refusal(503, "DATABASE_UNAVAILABLE")


@pytest.fixture(scope="module")
def server() -> Iterator[AnsweringServer]:
    with answering() as server:
        yield server


@pytest.fixture
def api(server: AnsweringServer) -> Api:
    return Api(server.url + "/", "aik_key")


def use_proxy(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """For every host, whatever the environment of the tests says."""
    monkeypatch.setenv("http_proxy", url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def failure(api: Api) -> ApiFailure:
    with pytest.raises(ApiFailure) as caught:
        api.job("1")
    return caught.value


def test_pages_are_read_until_there_is_no_next(server: AnsweringServer, api: Api) -> None:
    pages = [[{"id": "a"}, {"id": "b"}], [], [{"id": "c"}]]
    tokens = ["t/1", "t2", ""]
    server.answer(*(said({"jobs": page, "next_page_token": token}) for page, token in zip(pages, tokens, strict=True)))
    assert api.jobs("d") == [{"id": "a"}, {"id": "b"}, {"id": "c"}]
    assert [path.rpartition("page_token=")[2] for _, path in server.asked] == ["", "t%2F1", "t2"]


def test_a_name_stays_one_part_of_the_address(server: AnsweringServer, api: Api) -> None:
    server.answer(said({}))
    api.project("a b?c#d%")
    assert server.asked == [("GET", "/v1/projects/a%20b%3Fc%23d%25")]


def test_the_key_is_sent_whatever_a_netrc_file_says(
    server: AnsweringServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_proxy(monkeypatch, server.url)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.answer(said({}))
    Api("http://api.example", "aik_key").job("1")
    assert server.asked == [("GET", "http://api.example/v1/jobs/1")]
    assert server.keys[-1] == "Bearer aik_key"


def test_this_machine_is_reached_past_every_proxy(
    server: AnsweringServer, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_proxy(monkeypatch, "http://127.0.0.1:1")
    server.answer(said({"id": "1"}))
    assert api.job("1") == {"id": "1"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(400, "INVALID_FIELD"), ExitCode.FAILED),
        (refusal(401, "KEY_INVALID"), ExitCode.NOT_AUTHORISED),
        (refusal(403, "SCOPE_MISSING"), ExitCode.NOT_AUTHORISED),
        (refusal(404, "JOB_NOT_FOUND"), ExitCode.NOT_FOUND),
        (refusal(404, "NOT_FOUND"), ExitCode.FAILED),
        (refusal(409, "DOCUMENT_CHANGED"), ExitCode.FAILED),
        (refusal(429, "TOO_MANY"), ExitCode.UNAVAILABLE),
        (refusal(500, "INTERNAL"), ExitCode.UNAVAILABLE),
        (BUSY, ExitCode.UNAVAILABLE),
    ],
)
def test_an_error_keeps_its_code_and_reason(
    server: AnsweringServer, api: Api, answer: Response, expected: ExitCode
) -> None:
    server.answer(answer)
    found = failure(api)
    assert answer.json is not None
    assert found.code == answer.status_code
    assert found.reason == answer.json["error"]["details"][0]["reason"]
    assert found.message == "A sentence."
    assert exit_code(found) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Response("<h1>Bad Gateway</h1>", 502), ExitCode.UNAVAILABLE),
        (Response("<h1>Forbidden</h1>", 403), ExitCode.NOT_AUTHORISED),
        (Response("<h1>Not Found</h1>", 404), ExitCode.FAILED),
        (Response("<h1>Welcome</h1>", 200), ExitCode.FAILED),
        (said(["a list"]), ExitCode.FAILED),
        (said({"error": "a text"}, 404), ExitCode.FAILED),
        (said({"error": {"message": "no details", "details": []}}, 404), ExitCode.FAILED),
        (Response("", 302, {"Location": "/elsewhere"}), ExitCode.FAILED),
    ],
)
def test_an_answer_that_is_not_the_apis_is_told_as_that(
    server: AnsweringServer, api: Api, answer: Response, expected: ExitCode
) -> None:
    server.answer(answer)
    found = failure(api)
    assert (found.code, found.reason) == (answer.status_code, "NOT_THIS_API")
    assert exit_code(found) == expected
    assert len(server.asked) == 1


def job(status: str, progress: float = 0.0) -> Response:
    return said({"id": "1", "status": status, "stage": "embed", "progress": progress})


def test_a_job_is_followed_through_a_while_without_answers(server: AnsweringServer, api: Api) -> None:
    server.answer(job("queued"), BUSY, Response("", 502), job("running", 0.5), job("succeeded", 1.0))
    shown = list[tuple[str, str, float]]()
    finished = follow_job(api, "1", lambda *seen: shown.append(seen))
    assert finished["status"] == "succeeded"
    assert shown == [("job 1", "queued", 0.0), ("job 1", "embed", 0.5), ("job 1", "succeeded", 1.0)]


@pytest.mark.parametrize("before", [[], [job("queued")]])
def test_a_refusal_ends_the_following_at_once(server: AnsweringServer, api: Api, before: list[Response]) -> None:
    server.answer(*before, refusal(404, "JOB_NOT_FOUND"), job("succeeded"))
    with pytest.raises(ApiFailure, match="A sentence"):
        follow_job(api, "1", lambda *_: None)


def test_the_first_look_has_to_succeed(server: AnsweringServer, api: Api) -> None:
    server.answer(BUSY, job("succeeded"))
    with pytest.raises(ApiFailure):
        follow_job(api, "1", lambda *_: None)
    assert len(server.asked) == 1


def document(generation: int, status: str) -> Response:
    return said({"generation": generation, "status": status, "job_id": "1"})


def test_a_document_is_followed_until_the_uploaded_generation_is_ready(server: AnsweringServer, api: Api) -> None:
    missing = refusal(404, "DOCUMENT_NOT_FOUND")
    server.answer(missing, document(1, "ready"), document(2, "processing"), job("running", 0.5), document(2, "ready"))
    shown = list[tuple[str, str, float]]()
    found = follow_document(api, "d", lambda *seen: shown.append(seen), generation=2, name="file")
    assert (found["generation"], found["status"]) == (2, "ready")
    assert [stage for _, stage, _ in shown] == ["uploaded", "uploaded", "embed", "ready"]


def test_an_object_that_nobody_announces_is_not_waited_for_without_end(server: AnsweringServer, api: Api) -> None:
    server.answer(refusal(404, "DOCUMENT_NOT_FOUND"))
    with pytest.raises(Retryable, match="in the bucket") as caught:
        follow_document(api, "d", lambda *_: None, generation=2, name="file", within=0.0)
    assert caught.value.reason == "NOT_REGISTERED"


def test_a_known_account_shows_its_identity_beside_the_key(server: AnsweringServer) -> None:
    server.answer(said({}))
    Api(server.url, "aik_key", identity="a token").project("docs")
    assert (server.keys[-1], server.identities[-1]) == ("Bearer aik_key", "Bearer a token")
    Api(server.url, "aik_key").project("docs")
    assert server.identities[-1] == ""
