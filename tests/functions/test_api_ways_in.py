"""The API's ways in: web addresses, uploads past it, and the metadata that documents are found by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from common.model.documents import document_id
from tests.functions.caller import Caller
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK

DOCUMENTS, UPLOAD = "/v1/projects/docs/documents", "/v1/projects/docs/documents:upload"


@pytest.fixture(scope="module")
def caller(installation: Installation) -> Caller:
    installation.project("ways", "docs")
    installation.project("ways", "other")
    return installation.caller("ways")


def reason(answered: Any) -> tuple[int, str, str | None]:
    error = answered.json["error"]
    [detail] = error["details"]
    return answered.status_code, detail["reason"], detail["metadata"].get("field")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/computeMetadata/v1/",
        "http://metadata.google.internal/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://user@example.com/",
        "http://example.com:22/",
        "ftp://example.com/",
        "example.com",
    ],
)
def test_an_address_that_is_not_public_is_refused_at_once(installation: Installation, caller: Caller, url: str) -> None:
    assert reason(caller("POST", DOCUMENTS, json={"url": url})) == (400, "URL_REFUSED", None)
    assert installation.topics.take() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": None}, "url"),
        ({"url": 7}, "url"),
        ({"url": "https://example.com/", "text": "words"}, "text"),
        ({"url": "https://example.com/", "metadata": {"Upper": "a"}}, "metadata"),
        ({"url": "https://example.com/", "metadata": {"source-type": "upload"}}, "metadata"),
        ({"url": "https://example.com/", "metadata": {"a": "b" * 1025}}, "metadata"),
        ({"url": "https://example.com/", "metadata": {f"key-{n}": "b" * 1000 for n in range(5)}}, "metadata"),
        ({"url": "https://example.com/", "metadata": {"a": "\0"}}, "metadata"),
        ({"title": "no text"}, "text"),
        ([], "body"),
    ],
)
def test_a_request_that_cannot_be_used_names_its_field(caller: Caller, body: Any, field: str) -> None:
    code, _, named = reason(caller("POST", DOCUMENTS, json=body))
    assert code == 400
    assert str(named).startswith(field)


@pytest.mark.parametrize("key", ["Upper", "", "a b", "ü", "-a", "a" * 64])
def test_a_key_of_metadata_that_cannot_be_is_told_in_words(caller: Caller, key: str) -> None:
    answered = caller("POST", UPLOAD, json={"name": "a.txt", "size": 1, "metadata": {key: "value"}})
    assert reason(answered) == (400, "INVALID_FIELD", "metadata")
    assert f"the key {key[:63]!r}: a key is" in answered.text


def test_a_fetch_is_seen_by_its_team_and_project_alone(installation: Installation, caller: Caller) -> None:
    requested = caller.post(DOCUMENTS, url="https://example.com/a")
    installation.topics.take()
    assert caller.get(f"/v1/fetches/{requested['id']}") == requested
    assert requested in caller.get("/v1/projects/docs/fetches")["fetches"]
    assert caller.get("/v1/projects/other/fetches")["fetches"] == []
    installation.project("others", "docs")
    other = installation.administration.project("ways", "other")
    for stranger in (installation.caller("others"), installation.caller("ways", project=other.name)):
        assert reason(stranger("GET", f"/v1/fetches/{requested['id']}"))[:2] == (404, "FETCH_NOT_FOUND")
    assert caller("GET", "/v1/fetches/none").status_code == 404


def test_a_request_is_carried_out_once_for_its_idempotency_key(installation: Installation, caller: Caller) -> None:
    body, headers = {"url": "https://example.com/once"}, {"Idempotency-Key": "the same"}
    first, second = (caller("POST", DOCUMENTS, json=body, headers=headers) for _ in range(2))
    assert first.json == second.json
    assert len(installation.topics.take()) == 1


def test_a_reader_brings_nothing_in(installation: Installation) -> None:
    reader = installation.caller("ways", scopes=frozenset({"read"}))
    assert reader("POST", DOCUMENTS, json={"url": "https://example.com/"}).status_code == 403
    assert reader("POST", UPLOAD, json={"name": "a.txt", "size": 1}).status_code == 403


def test_a_file_is_uploaded_past_the_api_without_an_account(installation: Installation, caller: Caller) -> None:
    content = HANDBOOK.encode()
    told = {"department": "people", "note": 'Ä "quoted" word'}
    body: dict[str, Any] = {
        "name": "a folder/handbook.md",
        "size": len(content),
        "content_type": "text/markdown",
        "metadata": told,
    }
    session = caller.post(UPLOAD, **body)
    left = datetime.fromisoformat(session["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6) < left <= timedelta(days=7)
    sent = requests.put(session["upload_url"], data=content, timeout=60)
    assert sent.status_code == 200, sent.text
    stored = installation.storage.bucket(installation.bucket).get_blob("ways/docs/a folder/handbook.md")
    assert (stored.content_type, stored.size, sent.json()["generation"]) == (
        "text/markdown",
        len(content),
        str(stored.generation),
    )
    assert told.items() <= stored.metadata.items()
    installation.accept("intake", installation.finalized(stored.name, stored.generation, metadata=stored.metadata))
    project = installation.administration.project("ways", "docs")
    assert session["document_id"] == str(document_id(project.id, installation.bucket, stored.name))
    document = caller.get(f"/v1/documents/{session['document_id']}")
    assert (document["source_type"], document["metadata"]) == ("upload", told)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a.txt"}, "size"),
        ({"name": "a.txt", "size": -1}, "size"),
        ({"name": "a.txt", "size": 513 * 1024 * 1024}, "size"),
        ({"size": 1}, "name"),
        ({"name": "", "size": 1}, "name"),
        ({"name": "a//b", "size": 1}, "name"),
        ({"name": "../b", "size": 1}, "name"),
        ({"name": "/b", "size": 1}, "name"),
        ({"name": "a\nb", "size": 1}, "name"),
        ({"name": "a" * 1024, "size": 1}, "name"),
        ({"name": "a.txt", "size": 1, "content_type": "a\r\nb"}, "content_type"),
        ({"name": "a.txt", "size": 1, "metadata": {"title": "mine"}}, "metadata"),
    ],
)
def test_an_upload_that_cannot_be_names_its_field(caller: Caller, body: Any, field: str) -> None:
    code, _, named = reason(caller("POST", UPLOAD, json=body))
    assert (code, named) == (400, field)


def noted(installation: Installation, name: str, **metadata: str) -> str:
    [message] = installation.accept("intake", installation.finalized(f"ways/docs/{name}", 1, metadata=metadata))
    return str(message.content["document_id"])


def test_documents_are_found_by_their_metadata(installation: Installation, caller: Caller) -> None:
    first = noted(installation, "1", place="north sea", year="2026")
    second = noted(installation, "2", place="north sea", year="2025")
    third = noted(installation, "3", **{"place": 'a "b" AND c', "x.y-z": "1"})

    def found(text: str, **query: object) -> list[str]:
        return [each["id"] for each in caller.get(DOCUMENTS, filter=text, **query)["documents"]]

    assert found('metadata.place = "north sea"') == [second, first]
    assert found('metadata.place="north sea" AND metadata.year=2026') == [first]
    assert found(r'metadata.place = "a \"b\" AND c"') == [third]
    assert found("metadata.x.y-z = 1") == found('metadata."x.y-z" = "1"') == [third]
    assert found('metadata.place = "north"') == found("metadata.Place = north") == []
    assert found('metadata.place = "north sea"', status="ready") == []
    page = caller.get(DOCUMENTS, filter='metadata.place = "north sea"', page_size=1)
    assert [each["id"] for each in page["documents"]] == [second]
    assert found('metadata.place = "north sea"', page_token=page["next_page_token"]) == [first]


def test_another_team_s_metadata_finds_nothing(installation: Installation, caller: Caller) -> None:
    noted(installation, "secret", word="known")
    installation.project("strangers", "docs")
    stranger = installation.caller("strangers")
    assert stranger.get(DOCUMENTS, filter="metadata.word = known")["documents"] == []
    assert len(caller.get(DOCUMENTS, filter="metadata.word = known")["documents"]) == 1


def test_the_newest_generation_s_metadata_counts(installation: Installation, caller: Caller) -> None:
    document = noted(installation, "changing", word="before")
    installation.accept("intake", installation.finalized("ways/docs/changing", 2, metadata={"word": "after"}))
    assert caller.get(f"/v1/documents/{document}")["metadata"] == {"word": "after"}
    installation.accept("intake", installation.finalized("ways/docs/changing", 3))
    assert caller.get(f"/v1/documents/{document}")["metadata"] == {}


@pytest.mark.parametrize(
    "text",
    [
        "metadata",
        "metadata.a",
        "metadata.a =",
        "status = ready",
        "metadata.a = b OR metadata.c = d",
        "metadata.a = b metadata.c = d",
        "metadata.a = b AND",
        "metadata.a = b ANDmetadata.c = d",
        'metadata.a = "b',
        "metadata.a != b",
        "metadata.a = b AND metadata.a = c",
        'metadata.a = "\0"',
        "metadata.a = b; drop table documents",
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(caller: Caller, text: str) -> None:
    answered = caller("GET", DOCUMENTS, query_string={"filter": text})
    assert reason(answered) == (400, "INVALID_FIELD", "filter")
