"""`ai-infra` brings in web addresses, and files with nothing but an API key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from local.ports import LOOPBACK
from tests.functions.command_line import CommandLine
from tests.functions.installation import Installation
from tests.functions.serving import served, working
from tests.functions.texts import HANDBOOK
from tests.web_site import WebSite, page, serving_site

# Those of nobody: what is uploaded goes by the API's address alone.
NO_ACCOUNT: dict[str, Any] = {
    "STORAGE_EMULATOR_HOST": None,
    "GOOGLE_APPLICATION_CREDENTIALS": None,
    "NO_GCE_CHECK": "true",
}


@pytest.fixture(scope="module")
def site() -> Iterator[WebSite]:
    with serving_site() as site:
        yield site


@pytest.fixture(scope="module")
def user(installation: Installation, site: WebSite) -> Iterator[CommandLine]:
    installation.project("visitors", "docs")
    allowed = {"url_ports": f"80,443,{site.port}", "url_allowed_networks": "127.0.0.0/8"}
    installation.functions |= installation.create("fetch", **allowed)
    installation.functions |= installation.create("api", login="api", **allowed)
    caller = installation.caller("visitors")
    # The API's client of the store is made now, before a command takes the emulator out of the environment.
    assert caller("POST", "/v1/projects/docs/documents:upload", json={"name": "a", "size": 1}).status_code == 200
    with served(installation) as url:
        yield CommandLine({"AI_INFRA_URL": url, "AI_INFRA_KEY": caller.key, "AI_INFRA_PROJECT": "docs"})


@pytest.fixture
def at_work(installation: Installation, user: CommandLine) -> Iterator[None]:
    with working(installation):
        yield


@pytest.mark.usefixtures("at_work")
def test_an_address_is_followed_until_it_answers(user: CommandLine, site: WebSite) -> None:
    site.pages["/handbook.md"] = page(HANDBOOK, "text/markdown")
    url = site.url("/handbook.md", LOOPBACK)
    result = user("add-url", url, "--wait", "--title", "Handbook", "--metadata", "kind=guide")
    assert result.exit_code == ExitCode.OK, result.output
    assert f"{url}: fetched 100%" in result.stderr
    assert f"{url}: ready 100%" in result.stderr
    again = user.shown("add-url", url, "--wait")
    assert again["document"]["source_url"] == url
    assert again["document"]["metadata"] == {"kind": "guide"}


@pytest.mark.usefixtures("at_work")
def test_an_address_that_cannot_be_had_is_told_with_its_reason(user: CommandLine, site: WebSite) -> None:
    url = site.url("/nothing", LOOPBACK)
    result = user("add-url", url, "--wait", "--json")
    assert result.exit_code == ExitCode.INGESTION_FAILED
    assert '"URL_NOT_FOUND"' in result.stdout
    assert '"document": null' in result.stdout
    assert "URL_NOT_FOUND" in user("fetches").stdout


def test_an_address_that_is_refused_is_not_even_taken(user: CommandLine) -> None:
    assert user.refused("add-url", "http://169.254.169.254/") == (ExitCode.FAILED, "URL_REFUSED")


def test_what_came_of_a_fetch_is_shown(user: CommandLine, site: WebSite) -> None:
    requested = user.shown("add-url", site.url("/later", LOOPBACK))
    assert user.shown("fetch", requested["id"]) == requested
    assert requested in user.shown("fetches")
    assert user.refused("fetch", requested["document_id"]) == (ExitCode.NOT_FOUND, "FETCH_NOT_FOUND")


def test_a_file_is_uploaded_with_an_api_key_alone(
    installation: Installation, user: CommandLine, tmp_path: Path
) -> None:
    letter = tmp_path / "a letter.txt"
    letter.write_bytes(b"The harbour of Kittelsund freezes in January.\n" * 300_000)
    result = user("upload", letter, "--prefix", "post", **NO_ACCOUNT)
    assert result.exit_code == ExitCode.OK, result.output
    assert "by an upload that the API opens" in result.stderr
    stored = installation.storage.bucket(installation.bucket).get_blob("visitors/docs/post/a letter.txt")
    assert stored.download_as_bytes() == letter.read_bytes()
    [shown] = user.shown("upload", letter, "--prefix", "post", **NO_ACCOUNT)
    stored = installation.storage.bucket(installation.bucket).get_blob(stored.name)
    assert (shown["generation"], shown["size"]) == (stored.generation, stored.size)
    installation.accept("intake", installation.finalized(stored.name, stored.generation))
    assert user.shown("document", shown["document_id"])["object_name"] == stored.name


def test_documents_are_listed_by_their_metadata(installation: Installation, user: CommandLine) -> None:
    push = installation.finalized("visitors/docs/noted.txt", 1, metadata={"year": "2026"})
    [message] = installation.accept("intake", push)
    found = user.shown("documents", "--filter", "metadata.year = 2026")
    assert [each["id"] for each in found] == [message.content["document_id"]]
    assert user.refused("documents", "--filter", "year 2026") == (ExitCode.FAILED, "INVALID_FIELD")


def test_a_question_is_answered_from_documents_with_its_metadata(
    installation: Installation, user: CommandLine, tmp_path: Path
) -> None:
    file, made = tmp_path / "noted.md", {}
    file.write_text(HANDBOOK, encoding="utf-8")
    for year in ("2025", "2026"):
        noted = ("--metadata", f"year={year}", "--metadata", "a=b=c")
        [sent] = user.shown("upload", file, "--prefix", year, *noted, **NO_ACCOUNT)
        stored = installation.storage.bucket(installation.bucket).get_blob(f"visitors/docs/{year}/noted.md")
        assert {"year": year, "a": "b=c"}.items() <= stored.metadata.items()
        push = installation.finalized(stored.name, stored.generation, size=stored.size, metadata=stored.metadata)
        assert installation.deliver("intake", push).status_code == 204
        made[year] = sent["document_id"]
    installation.run()
    asked = ("ask", "How tall is the tower?", "--min-score", "0", "--metadata", "a=b=c", "--metadata")
    for year, document in made.items():
        citations = user.shown(*asked, f"year={year}")["citations"]
        assert {citation["document_id"] for citation in citations} == {document}
    assert user(*asked, "year=2024").exit_code == ExitCode.NO_ANSWER
