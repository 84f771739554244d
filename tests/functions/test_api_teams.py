"""Two teams hold the same file: neither ever sees what is the other's, in any route."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from common.model.documents import deletion_id
from tests.functions.caller import Caller
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK

BODIES: dict[str, dict[str, object]] = {
    "/v1/projects/<project>:query": {"question": "How tall is the tower?"},
    "/v1/projects/<project>/documents": {"title": "A note", "text": "A text."},
    "/v1/projects/<project>/documents:upload": {"name": "new.md", "size": 5},
    "/v1/documents/<document>:reprocess": {},
}
ADDRESS = "https://www.example.com/handbook.html"
WITHOUT_NAMES = {"/health", "/v1/projects"}


@dataclass(frozen=True)
class Team:
    """A team with a document in a project of a name that both teams use, and one in a project of its own.

    Each comes with the ids of the receipt of another that was deleted there, and of a fetch.
    """

    name: str
    caller: Caller
    documents: tuple[dict[str, Any], ...]

    def names(self, argument: str) -> set[str]:
        """What stands for an argument of a route: ids, and names that only this team has."""
        ids = {str(content[f"{argument}_id"]) for content in self.documents}
        return ids | ({f"{self.name} papers"} if argument == "project" else set())


@pytest.fixture(scope="module")
def north(installation: Installation) -> Team:
    return team(installation, "north")


@pytest.fixture(scope="module")
def south(installation: Installation) -> Team:
    return team(installation, "south")


def team(installation: Installation, name: str) -> Team:
    documents = []
    projects = ("docs", f"{name} papers")
    for project in projects:
        installation.project(name, project)
    caller = installation.caller(name)
    for project in projects:
        document = installation.ingest(f"{name}/{project}/handbook.md", HANDBOOK).content
        deleted = installation.ingest(f"{name}/{project}/deleted.md", HANDBOOK).content
        installation.accept("retire", installation.deleted(deleted["object_name"], deleted["generation"]))
        receipt = deletion_id(UUID(deleted["document_id"]), deleted["generation"])
        fetch = caller("POST", f"/v1/projects/{document['project_id']}/documents", json={"url": ADDRESS})
        assert fetch.json is not None
        installation.topics.take()  # nobody fetches here
        documents.append({**document, "deletion_id": receipt, "fetch_id": fetch.json["id"]})
    return Team(name, caller, tuple(documents))


def calls(installation: Installation, other: Team) -> Iterator[tuple[str, str, dict[str, object] | None]]:
    """Every route that names something, with each name and id of the other team's."""
    for rule in installation.routes.iter_rules():
        if not rule.arguments:
            assert rule.rule in WITHOUT_NAMES
            continue
        [argument] = rule.arguments
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            body = BODIES[rule.rule] if method == "POST" else None
            for name in other.names(argument):
                yield method, rule.rule.replace(f"<{argument}>", name), body


def rows(installation: Installation, other: Team) -> list[object]:
    """Everything that a call could change of the other team's documents."""
    ids = [UUID(content["document_id"]) for content in other.documents]
    statements = (
        "select * from documents where id = any(:ids) order by id",
        "select * from ingestion_jobs where document_id = any(:ids) order by id",
        "select id, retired_at from document_chunks where document_id = any(:ids) order by id",
        "select * from deletions where document_id = any(:ids) order by id",
    )
    return [installation.rows(statement, ids=ids) for statement in statements]


@pytest.mark.parametrize("asking", ["north", "south"])
def test_every_route_with_the_other_teams_names_is_not_found(
    installation: Installation, north: Team, south: Team, asking: str
) -> None:
    own, other = (north, south) if asking == "north" else (south, north)
    before = rows(installation, other)
    called = 0
    for method, path, body in calls(installation, other):
        answered = own.caller(method, path, json=body)
        assert answered.status_code == 404, (method, path, answered.text)
        assert answered.json is not None
        assert answered.json["error"]["status"] == "NOT_FOUND"
        assert HANDBOOK[:20] not in answered.text
        called += 1
    assert called >= 2 * 13
    assert rows(installation, other) == before
    assert installation.topics.take() == []


def test_the_same_calls_with_ones_own_names_are_answered(installation: Installation, north: Team) -> None:
    for method, path, body in calls(installation, north):
        if method == "GET" or path.endswith(":query"):
            assert north.caller(method, path, json=body).status_code == 200, (method, path)


def test_what_is_anothers_and_what_is_nobodys_is_told_alike(north: Team, south: Team) -> None:
    nobodys, others = "00000000-0000-4000-8000-000000000000", str(south.documents[0]["document_id"])
    answers = [north.caller("GET", f"/v1/documents/{each}") for each in (nobodys, others)]
    assert answers[0].text.replace(nobodys, "ID") == answers[1].text.replace(others, "ID")


def test_no_answer_cites_the_others_document(north: Team, south: Team) -> None:
    for own in (north, south):
        ids = own.names("document")
        for project in ("docs", f"{own.name} papers"):
            answer = own.caller.ask(project, "How tall is the tower?", top_k=50, min_score=0)
            cited = {citation["document_id"] for citation in answer["citations"]}
            assert cited
            assert cited <= ids


def test_a_filter_by_the_others_document_finds_nothing(north: Team, south: Team) -> None:
    answer = north.caller.ask(
        "docs", "How tall is the tower?", min_score=0, filter={"document_ids": sorted(south.names("document"))}
    )
    assert (answer["grounded"], answer["citations"], answer["retrieval"]["retrieved"]) == (False, [], 0)


def test_lists_hold_ones_own_only(north: Team, south: Team) -> None:
    for own in (north, south):
        projects = own.caller.get("/v1/projects")["projects"]
        assert {project["id"] for project in projects} == own.names("project") - {f"{own.name} papers"}
        documents = own.caller.get("/v1/projects/docs/documents")["documents"]
        assert [document["id"] for document in documents] == [own.documents[0]["document_id"]]


def test_a_page_token_of_the_other_teams_opens_nothing(north: Team, south: Team) -> None:
    token = south.caller.get("/v1/projects", page_size=1)["next_page_token"]
    assert token
    page = north.caller.get("/v1/projects", page_token=token)
    assert {project["team"] for project in page["projects"]} <= {"north"}
    chunks = south.caller.get(f"/v1/documents/{south.documents[0]['document_id']}/chunks", page_size=1)
    answered = north.caller(
        "GET",
        f"/v1/documents/{north.documents[0]['document_id']}/chunks",
        query_string={"page_token": chunks["next_page_token"]},
    )
    assert answered.status_code == 409


def test_a_key_bound_to_a_project_finds_nothing_of_the_teams_other_project(
    installation: Installation, north: Team
) -> None:
    bound = Team("north", installation.caller("north", project="docs"), north.documents[1:])
    before = rows(installation, bound)
    for method, path, body in calls(installation, bound):
        assert bound.caller(method, path, json=body).status_code == 404, (method, path)
    assert rows(installation, bound) == before
