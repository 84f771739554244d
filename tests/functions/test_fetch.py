"""`fetch`: from the request for a web address to a document that answers, and what is seen where that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from functions.fetch.use_case import ATTEMPTS
from local.ports import LOOPBACK
from tests.functions.caller import Caller
from tests.functions.command_line import operator
from tests.functions.events import dead, event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Published
from tests.web_site import WebSite, page, redirection, serving_site


@dataclass(frozen=True)
class Web:
    """An installation that may fetch from a site on this machine."""

    installation: Installation
    site: WebSite
    caller: Caller

    def request(self, target: str, **fields: Any) -> tuple[dict[str, Any], Published]:
        """Ask for an address; returns the fetch and its message."""
        requested = self.caller.post("/v1/projects/docs/documents", url=self.site.url(target, LOOPBACK), **fields)
        [message] = self.installation.topics.take()
        assert (message.subscription, message.attributes["fetch_id"]) == ("fetch", requested["id"])
        return requested, message

    def fetch(self, fetch_id: str) -> dict[str, Any]:
        return dict(self.caller.get(f"/v1/fetches/{fetch_id}"))

    def told(self, fetch_id: str) -> tuple[object, ...]:
        found = self.fetch(fetch_id)
        return found["status"], found["reason"], found["retryable"]

    def bring(self, target: str, **fields: Any) -> dict[str, Any]:
        """Ask for an address and let it be fetched, and taken in where the bucket has something new."""
        requested, message = self.request(target, **fields)
        assert self.installation.accept("fetch", message.body) == []
        found = self.fetch(requested["id"])
        if found["status"] == "fetched":
            self.take_in(found)
        return found

    def reconcile(self) -> dict[str, Any]:
        answered = self.installation.functions["reconcile"].post("/")
        assert answered.json is not None
        return dict(answered.json)

    def take_in(self, found: dict[str, Any]) -> None:
        installation = self.installation
        name = self.object_name(found)
        stored = installation.storage.bucket(installation.bucket).get_blob(name)
        notification = {"size": str(stored.size), "contentType": stored.content_type, "metadata": stored.metadata}
        assert installation.deliver("intake", installation.finalized(name, stored.generation, **notification))
        installation.run()

    def object_name(self, found: dict[str, Any]) -> str:
        row = self.installation.row("select object_name from fetches where id = :id", id=found["id"])
        return str(row["object_name"])


@pytest.fixture(scope="module")
def running() -> Iterator[WebSite]:
    with serving_site() as site:
        yield site


@pytest.fixture(scope="module")
def served(installation: Installation, running: WebSite) -> Web:
    installation.project("web", "docs")
    allowed = {"url_ports": f"80,443,{running.port}", "url_allowed_networks": "127.0.0.0/8"}
    installation.functions |= installation.create("fetch", **allowed)
    installation.functions |= installation.create("api", login="api", **allowed)
    return Web(installation, running, installation.caller("web"))


@pytest.fixture
def web(served: Web) -> Web:
    served.site.clear()
    return served


def test_an_address_becomes_a_document_that_answers(web: Web) -> None:
    web.site.pages["/guide/handbook.md?v=2"] = page(HANDBOOK, "text/markdown", ETag='"1"')
    found = web.bring("/guide/handbook.md?v=2#top", metadata={"department": "people"}, title="The handbook")
    assert (found["status"], found["reason"], found["message"]) == ("fetched", None, None)
    document = web.caller.get(f"/v1/documents/{found['document_id']}")
    url = web.site.url("/guide/handbook.md?v=2", LOOPBACK)
    assert (document["status"], document["source_type"], document["source_url"]) == ("ready", "url", url)
    assert (document["generation"], document["metadata"]) == (found["generation"], {"department": "people"})
    team, project, way, host, digest, leaf = document["object_name"].split("/")
    assert (way, host, len(digest), leaf) == ("url", LOOPBACK, 32, "handbook.md")
    assert (found["url"], document["project_id"], document["mime_type"]) == (url, project, "text/markdown")
    row = web.installation.document(found["document_id"])
    assert (row["title"], str(row["team_id"])) == ("The handbook", team)


def test_what_is_unchanged_changes_nothing(web: Web) -> None:
    web.site.pages["/often.md"] = page(HANDBOOK, ETag='"7"', Last_Modified="Sun, 29 Nov 2026 09:00:00 GMT")
    first = web.bring("/often.md")
    web.site.pages["/often.md"] = page("", status="304 Not Modified")
    second = web.bring("/often.md")
    asked = web.site.asked[-1].headers
    assert (asked["if-none-match"], asked["if-modified-since"]) == ('"7"', "Sun, 29 Nov 2026 09:00:00 GMT")
    assert (second["status"], second["generation"]) == ("unchanged", first["generation"])
    assert second["document_id"] == first["document_id"]
    assert web.caller.get(f"/v1/documents/{first['document_id']}")["generation"] == first["generation"]


def test_another_title_or_other_metadata_is_applied_though_the_bytes_are_the_same(web: Web) -> None:
    """The site is not asked whether it has changed: the same bytes are a new generation, recognised as unchanged."""
    web.site.pages["/told.md"] = page(HANDBOOK, ETag='"7"')
    first = web.bring("/told.md", title="First", metadata={"year": "2025", "kind": "guide"})

    def described() -> tuple[object, ...]:
        document = web.caller.get(f"/v1/documents/{first['document_id']}")
        assert document["status"] == "ready"
        return document["title"], document["metadata"]

    assert described() == ("First", {"year": "2025", "kind": "guide"})
    for told, expected in (
        ({"title": "Second"}, ("Second", {"year": "2025", "kind": "guide"})),
        ({"metadata": {"year": "2026"}}, ("Second", {"year": "2026"})),
        ({"title": "Third", "metadata": {"year": "2027"}}, ("Third", {"year": "2027"})),
    ):
        assert web.bring("/told.md", **told)["status"] == "fetched"
        assert "if-none-match" not in web.site.asked[-1].headers
        assert described() == expected
    reasons = "select distinct reason from ingestion_jobs where document_id = :id and run = 1 and chunks_created = 0"
    assert web.installation.rows(reasons, id=first["document_id"]) == [{"reason": "UNCHANGED"}]


def test_what_is_told_again_or_not_at_all_stays(web: Web) -> None:
    told = {"title": "Told", "metadata": {"year": "2026"}}
    web.site.pages["/again-told.md"] = page(HANDBOOK, ETag='"7"')
    first = web.bring("/again-told.md", **told)
    web.site.pages["/again-told.md"] = page("", status="304 Not Modified")
    assert [web.bring("/again-told.md", **again)["status"] for again in (told, {})] == ["unchanged"] * 2
    web.site.pages["/again-told.md"] = page("# News\n\nThe tower has moved.\n", ETag='"8"')
    assert web.bring("/again-told.md")["status"] == "fetched"
    document = web.caller.get(f"/v1/documents/{first['document_id']}")
    assert {name: document[name] for name in told} == told


def test_what_has_changed_is_a_new_generation(web: Web) -> None:
    web.site.pages["/news.md"] = page("# News\n\nThe tower is 43 metres high.\n", ETag='"1"')
    first = web.bring("/news.md")
    web.site.pages["/news.md"] = page("# News\n\nThe tower is 44 metres high.\n", ETag='"2"')
    second = web.bring("/news.md")
    assert second["generation"] > first["generation"]
    text = web.caller.get(f"/v1/documents/{first['document_id']}/text")
    assert "44 metres" in text["text"]


def test_a_document_that_was_deleted_is_fetched_anew(web: Web) -> None:
    web.site.pages["/again.md"] = page(HANDBOOK, ETag='"1"')
    first = web.bring("/again.md")
    assert web.caller("DELETE", f"/v1/documents/{first['document_id']}").status_code == 202
    web.installation.topics.take()
    second = web.bring("/again.md")
    assert second["status"] == "fetched"
    assert web.caller.get(f"/v1/documents/{first['document_id']}")["generation"] == second["generation"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (page("", status="404 Not Found"), "URL_NOT_FOUND"),
        (page("", status="403 Forbidden"), "URL_FORBIDDEN"),
        (page("?", "image/png"), "URL_TYPE"),
        (redirection("http://169.254.169.254/computeMetadata/v1/"), "URL_REFUSED"),
        (redirection("/failing"), "URL_REDIRECTS"),
    ],
)
def test_what_cannot_be_had_is_seen_and_not_tried_again(web: Web, answer: bytes, reason: str) -> None:
    web.site.pages["/failing"] = answer
    requested, message = web.request("/failing")
    assert web.fetch(requested["id"])["status"] == "queued"
    assert web.installation.accept("fetch", message.body) == []
    found = web.fetch(requested["id"])
    assert (found["status"], found["reason"], found["retryable"]) == ("failed", reason, False)
    assert found["message"].endswith(".")
    assert found["finished_at"] is not None
    asked = len(web.site.asked)
    assert web.installation.accept("fetch", message.body) == []
    assert len(web.site.asked) == asked
    assert web.caller("GET", f"/v1/documents/{requested['document_id']}").status_code == 404


def test_a_failed_fetch_leaves_the_document_that_answers(web: Web) -> None:
    web.site.pages["/once.md"] = page(HANDBOOK)
    first = web.bring("/once.md")
    del web.site.pages["/once.md"]
    assert web.bring("/once.md")["reason"] == "URL_NOT_FOUND"
    assert web.caller.get(f"/v1/documents/{first['document_id']}")["status"] == "ready"


def test_a_site_that_does_not_answer_is_tried_again_and_then_given_up(web: Web) -> None:
    web.site.pages["/down"] = page("", status="503 Service Unavailable")
    requested, message = web.request("/down")
    came = [message]
    while came:
        assert web.told(requested["id"])[0] == "queued"
        came = web.installation.accept("fetch", came[0].body)
    assert len(web.site.targets()) == web.fetch(requested["id"])["attempts"] == ATTEMPTS
    assert web.told(requested["id"]) == ("failed", "URL_UNREACHABLE", True)
    assert "503" in web.fetch(requested["id"])["message"]


def test_what_the_installation_could_not_do_goes_on_when_its_message_is_replayed(web: Web) -> None:
    web.site.pages["/waits.md"] = page(HANDBOOK)
    requested, message = web.request("/waits.md")
    bucket = "update fetches set bucket = :bucket where id = :id"
    web.installation.rows(bucket, bucket="no-such-bucket", id=requested["id"])
    answered = web.installation.deliver("fetch", message.body)
    assert (answered.status_code, answered.text) == (503, "BUCKET_NOT_FOUND")
    assert web.told(requested["id"]) == ("queued", "BUCKET_NOT_FOUND", None)
    body = dead(message)
    assert web.installation.accept("dead_letter", body) == []
    found = web.fetch(requested["id"])
    assert (found["status"], found["reason"], found["retryable"]) == ("failed", "BUCKET_NOT_FOUND", True)
    assert "given up after 20 attempts of fetch" in found["message"]
    kept = web.installation.row(
        "select id, topic, reason, resolution from failed_messages where message_id = :id",
        id=body["message"]["messageId"],
    )
    assert (kept["topic"], kept["reason"], kept["resolution"]) == ("url-requested", "BUCKET_NOT_FOUND", None)
    web.installation.rows(bucket, bucket=web.installation.bucket, id=requested["id"])
    assert operator(web.installation).shown("admin", "failed", "replay", kept["id"])
    [replayed] = web.installation.topics.take()
    assert (replayed.content, replayed.attributes) == (message.content, message.attributes)
    assert web.installation.accept("fetch", replayed.body) == []
    assert web.told(requested["id"]) == ("fetched", None, None)
    assert web.installation.accept("dead_letter", dead(message)) == []
    assert web.told(requested["id"]) == ("fetched", None, None)


def test_a_request_that_comes_twice_is_fetched_once(web: Web) -> None:
    web.site.pages["/twice.md"] = page(HANDBOOK)
    requested, message = web.request("/twice.md")
    for _ in range(3):
        assert web.installation.accept("fetch", message.body) == []
    assert web.site.targets() == ["/twice.md"]
    assert web.told(requested["id"])[0] == "fetched"


def test_a_crash_behind_the_upload_ends_as_without_it(web: Web) -> None:
    web.site.pages["/crash.md"] = page(HANDBOOK)
    requested, message = web.request("/crash.md")
    with web.installation.triggered("fetches", "before update", "raise 'crashed';"):
        assert web.installation.deliver("fetch", message.body).status_code == 500
    assert web.installation.accept("fetch", message.body) == []
    assert web.told(requested["id"])[0] == "fetched"


def test_a_project_that_was_deleted_gets_nothing_more(web: Web) -> None:
    web.installation.project("web", "former")
    requested = web.caller.post("/v1/projects/former/documents", url=web.site.url("/former.md", LOOPBACK))
    [message] = web.installation.topics.take()
    web.installation.administration.delete_project("web", "former")
    assert web.installation.accept("fetch", message.body) == []
    row = web.installation.row("select status, reason from fetches where id = :id", id=requested["id"])
    assert (row["status"], row["reason"]) == ("failed", "PROJECT_DELETED")
    assert web.site.asked == []


def test_a_message_that_got_lost_is_sent_again(web: Web) -> None:
    web.site.pages["/lost.md"] = page(HANDBOOK)
    requested, lost = web.request("/lost.md")
    later = "update fetches set updated_at = now() - interval '1 hour' where id = :id"
    web.installation.rows(later, id=requested["id"])
    assert web.reconcile()["fetches"] == 1
    [sent] = [each for each in web.installation.topics.take() if each.subscription == "fetch"]
    assert (sent.content, sent.attributes) == (lost.content, lost.attributes)
    assert web.reconcile()["fetches"] == 0
    web.installation.topics.take()
    assert web.installation.accept("fetch", sent.body) == []
    assert web.told(requested["id"])[0] == "fetched"


def test_a_fetch_that_nobody_knows_is_no_success(web: Web) -> None:
    assert web.installation.deliver("fetch", event("url-requested")).status_code == 500
