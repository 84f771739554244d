"""Lists by pages, after AIP-158."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from tests.functions.caller import Caller
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK

NEVER = "9999-12-31T23:59:59Z"


@pytest.fixture(scope="module")
def acme(installation: Installation) -> Caller:
    for number in range(5):
        installation.project("acme", f"project {number}")
    installation.project("acme", "docs")
    return installation.caller("acme")


@pytest.fixture(scope="module")
def lists(installation: Installation, acme: Caller) -> dict[str, str]:
    """The path of each list by the name of its entries; each has five entries at least."""
    handbook = installation.ingest("acme/docs/handbook.md", HANDBOOK).content
    for number in range(4):
        installation.register(f"acme/docs/{number}.txt", "A text.")
    installation.project("acme", "bin")
    thrown = [installation.register(f"acme/bin/{number}.txt", "A text.").content for number in range(5)]
    document = f"/v1/documents/{handbook['document_id']}"
    for _ in range(4):
        assert acme("POST", f"{document}:reprocess").status_code == 202
    for each in thrown:
        assert acme("DELETE", f"/v1/documents/{each['document_id']}").status_code == 202
    return {
        "deletions": "/v1/projects/bin/deletions",
        "projects": "/v1/projects",
        "documents": "/v1/projects/docs/documents",
        "jobs": f"{document}/jobs",
        "chunks": f"{document}/chunks",
    }


NAMES = ["projects", "documents", "deletions", "jobs", "chunks"]


def token(content: object) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).decode()


def walked(acme: Caller, path: str, name: str, size: int) -> list[list[str]]:
    """The ids of each page."""
    pages, following = list[list[str]](), ""
    while not pages or following:
        page = acme.get(path, page_size=size, page_token=following)
        pages.append([entry["id"] for entry in page[name]])
        following = page["next_page_token"]
    return pages


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_pages_are_the_list_in_order(acme: Caller, lists: dict[str, str], name: str, size: int) -> None:
    whole = acme.get(lists[name])
    assert whole["next_page_token"] == ""
    ids = [entry["id"] for entry in whole[name]]
    pages = walked(acme, lists[name], name, size)
    assert [each for page in pages for each in page] == ids
    assert len(set(ids)) == len(ids) >= 5
    assert all(len(page) == size for page in pages[:-1])
    assert 0 < len(pages[-1]) <= size


@pytest.mark.parametrize("name", NAMES)
def test_a_size_of_zero_and_one_over_the_largest_are_no_errors(acme: Caller, lists: dict[str, str], name: str) -> None:
    whole = acme.get(lists[name])
    for size in ("0", "1000", "9" * 30, "9" * 5000):
        assert acme.get(lists[name], page_size=size) == whole


def test_the_installation_sets_the_largest_page(
    installation: Installation, acme: Caller, lists: dict[str, str]
) -> None:
    api = installation.create("api", login="api", max_page_size="2")["api"]
    for name in NAMES:
        for size in ("", "3"):
            page = Caller(api, acme.key).get(lists[name], page_size=size)
            assert len(page[name]) == 2
            assert page["next_page_token"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", ["-1", "x", "1.5", " "])
def test_a_size_that_is_none_is_refused(acme: Caller, lists: dict[str, str], name: str, size: str) -> None:
    refused(acme, lists[name], "page_size", size)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "bad", ["x", "%%%", "é", token("x"), token([1]), token([NEVER, "no id"]), token({}), token([None, None]), "AAAA"]
)
def test_a_token_that_is_none_is_refused(acme: Caller, lists: dict[str, str], name: str, bad: str) -> None:
    refused(acme, lists[name], "page_token", bad)


def refused(acme: Caller, path: str, field: str, value: str) -> None:
    answered = acme("GET", path, query_string={field: value})
    assert answered.status_code == 400
    assert answered.json is not None
    error: dict[str, Any] = answered.json["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert error["details"][0]["metadata"] == {"field": field}


def test_what_is_added_while_a_list_is_walked_moves_no_entry(
    installation: Installation, acme: Caller, lists: dict[str, str]
) -> None:
    first = acme.get(lists["documents"], page_size=3)
    ids = [document["id"] for document in acme.get(lists["documents"])["documents"]]
    added = installation.register("acme/docs/added.txt", "A text.").content["document_id"]
    rest = acme.get(lists["documents"], page_size=100, page_token=first["next_page_token"])
    assert [document["id"] for page in (first, rest) for document in page["documents"]] == ids
    assert acme.get(lists["documents"])["documents"][0]["id"] == added
