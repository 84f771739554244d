"""`WebFetcher` on a real site, found by a resolver of the test's own."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from common.adapters.web_fetcher import PinnedWebFetcher
from common.errors import Permanent, Retryable
from common.model.fetches import Fetched, Validators
from common.ports import WebFetcher
from local.ports import LOOPBACK, free_ports
from tests.web_site import LOOPBACKS, WebSite, certified, page, redirection, serving_site

HOST = "site.example"
MEBIBYTE = 1024 * 1024
PASSING = ["408 Request Timeout", "429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable"]


@dataclass
class Names:
    """A resolver that answers a name with each of its lists in turn, the last one again and again."""

    addresses: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        found = self.addresses.get(host)
        if found is None:
            raise OSError(f"no such name: {host}")
        return found.pop(0) if len(found) > 1 else found[0]


@pytest.fixture(scope="module")
def running() -> Iterator[WebSite]:
    with serving_site() as site:
        yield site


@pytest.fixture
def site(running: WebSite) -> WebSite:
    running.clear()
    return running


@pytest.fixture
def names() -> Names:
    return Names({HOST: [[LOOPBACK]], "other.example": [[LOOPBACK]]})


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def fetcher(site: WebSite, names: Names, **changes: Any) -> WebFetcher:
    usual: dict[str, Any] = {"max_bytes": MEBIBYTE, "seconds": 30.0, "ports": {80, 443, site.port}}
    return PinnedWebFetcher(**{**usual, "allowed": LOOPBACKS, "resolve": names, **changes})


def refusal(fetcher: WebFetcher, url: str, kept: Path) -> str:
    with pytest.raises(Permanent) as refused:
        fetcher.fetch(url, kept)
    return refused.value.reason


def passing(fetcher: WebFetcher, url: str, kept: Path) -> str:
    with pytest.raises(Retryable) as failed:
        fetcher.fetch(url, kept)
    assert failed.value.reason == "URL_UNREACHABLE"
    return failed.value.message


def test_a_page_is_fetched_with_what_its_site_says_of_it(site: WebSite, names: Names, kept: Path) -> None:
    modified = "Sun, 29 Nov 2026 09:00:00 GMT"
    site.pages["/a?b=c"] = page("The words.", "text/html", ETag='"7"', Last_Modified=modified)
    fetched = fetcher(site, names).fetch(site.url("/a?b=c#part"), kept)
    validators = Validators(url=site.url("/a?b=c"), etag='"7"', last_modified=modified)
    assert fetched == Fetched(validators=validators, content_type="text/html", size=10)
    assert kept.read_text() == "The words."
    asked = site.asked[-1].headers
    assert (asked["host"], asked["user-agent"].split("/")[0]) == (f"{HOST}:{site.port}", "ai-infra")
    assert not {"cookie", "authorization", "if-none-match"} & asked.keys()


def test_what_is_as_it_was_is_not_fetched_again(site: WebSite, names: Names, kept: Path) -> None:
    site.pages["/"] = page("", status="304 Not Modified")
    known = Validators(url=site.url(), etag='W/"7"', last_modified="Sun, 29 Nov 2026 09:00:00 GMT")
    assert fetcher(site, names).fetch(site.url(), kept, known) is None
    asked = site.asked[-1].headers
    assert (asked["if-none-match"], asked["if-modified-since"]) == (known.etag, known.last_modified)
    assert not kept.exists()


def test_what_cannot_be_sent_back_is_not_kept(site: WebSite, names: Names, kept: Path) -> None:
    site.pages["/"] = page("words", content_type="", ETag='"' + "7" * 600 + '"', Last_Modified="\xe4")
    fetched = fetcher(site, names).fetch(site.url(), kept)
    assert fetched == Fetched(
        validators=Validators(url=site.url()), content_type="application/octet-stream", size=len("words")
    )


def test_validators_are_sent_to_the_address_that_gave_them_only(site: WebSite, names: Names, kept: Path) -> None:
    site.pages |= {"/": redirection("/now"), "/now": page("New.")}
    known = Validators(url=site.url("/before"), etag='"7"')
    assert fetcher(site, names).fetch(site.url(), kept, known) is not None
    assert not any("if-none-match" in each.headers for each in site.asked)
    site.pages["/"] = page("", status="304 Not Modified")
    assert refusal(fetcher(site, names), site.url(), kept) == "URL_STATUS"


def test_redirections_are_followed_and_lead_to_another_host(site: WebSite, names: Names, kept: Path) -> None:
    site.pages |= {
        "/": redirection("/1", "301 Moved Permanently"),
        "/1": redirection(site.url("/2", "other.example"), "307 Temporary Redirect"),
        "/2": redirection(f"//site.example:{site.port}/3", "308 Permanent Redirect"),
        "/3": redirection("4", "303 See Other"),
        "/4": redirection("/5"),
        "/5": page("At last."),
        "/over": redirection("/"),
    }
    fetched = fetcher(site, names).fetch(site.url(), kept)
    assert fetched is not None
    assert (fetched.validators.url, kept.read_text()) == (site.url("/5"), "At last.")
    assert refusal(fetcher(site, names), site.url("/over"), kept) == "URL_REDIRECTS"


@pytest.mark.parametrize("written", ["/größe é", "/gr%C3%B6%C3%9Fe%20%C3%A9"])
def test_a_redirection_may_be_written_in_utf_8(site: WebSite, names: Names, kept: Path, written: str) -> None:
    location = written.encode().decode("latin-1")
    site.pages |= {"/": redirection(location), "/gr%C3%B6%C3%9Fe%20%C3%A9": page("words")}
    assert fetcher(site, names).fetch(site.url(), kept) is not None


def test_a_redirection_in_latin_1_is_followed_as_such(site: WebSite, names: Names, kept: Path) -> None:
    site.pages |= {"/": redirection("/größe"), "/gr%C3%B6%C3%9Fe": page("words")}
    assert fetcher(site, names).fetch(site.url(), kept) is not None


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/computeMetadata/v1/",
        "http://metadata.google.internal/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://localhost/",
        "http://inner.example/",
        "http://site.example:22/",
        "http://user@site.example/",
        "file:///etc/passwd",
        "ftp://site.example/",
        "//[fe80::1]/",
    ],
)
def test_a_redirection_inwards_is_refused(site: WebSite, names: Names, kept: Path, location: str) -> None:
    names.addresses["inner.example"] = [["10.0.0.1"]]
    site.pages["/"] = redirection(location)
    assert refusal(fetcher(site, names), site.url(), kept) == "URL_REFUSED"
    assert site.targets() == ["/"]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"], ["93.184.215.14", "127.0.0.1"]],
)
def test_a_name_that_leads_inwards_is_not_connected_to(
    site: WebSite, names: Names, kept: Path, addresses: list[str]
) -> None:
    names.addresses[HOST] = [addresses]
    site.pages["/"] = page("inner")
    assert refusal(fetcher(site, names, allowed=()), site.url(), kept) == "URL_REFUSED"
    assert site.asked == []


def test_in_production_not_even_this_machine_is_reached(site: WebSite, kept: Path) -> None:
    usual = PinnedWebFetcher(max_bytes=MEBIBYTE, seconds=30.0)
    for url in (f"http://{LOOPBACK}/", site.url("/", LOOPBACK), site.url("/", "localhost"), "http://localhost/"):
        assert refusal(usual, url, kept) == "URL_REFUSED"
    assert site.asked == []


def test_a_name_is_asked_for_once_a_request_and_what_was_checked_is_connected_to(
    site: WebSite, names: Names, kept: Path
) -> None:
    names.addresses[HOST] = [[LOOPBACK], ["10.0.0.1"]]
    site.pages["/"] = page("first")
    assert fetcher(site, names, robots=False).fetch(site.url(), kept) is not None
    assert names.asked == [HOST]
    assert refusal(fetcher(site, names, robots=False), site.url(), kept) == "URL_REFUSED"
    assert site.targets() == ["/"]


def test_a_name_that_is_bound_anew_between_robots_and_page_is_refused(site: WebSite, names: Names, kept: Path) -> None:
    names.addresses[HOST] = [[LOOPBACK], ["169.254.169.254"]]
    assert refusal(fetcher(site, names), site.url(), kept) == "URL_REFUSED"


def test_another_address_of_the_name_is_tried_where_one_takes_no_connection(
    site: WebSite, names: Names, kept: Path
) -> None:
    names.addresses[HOST] = [["127.0.0.2", LOOPBACK]]
    site.pages["/"] = page("second")
    assert fetcher(site, names).fetch(site.url(), kept) is not None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("404 Not Found", "URL_NOT_FOUND"),
        ("410 Gone", "URL_NOT_FOUND"),
        ("401 Unauthorized", "URL_FORBIDDEN"),
        ("403 Forbidden", "URL_FORBIDDEN"),
        ("451 Unavailable For Legal Reasons", "URL_FORBIDDEN"),
        ("204 No Content", "URL_STATUS"),
        ("206 Partial Content", "URL_STATUS"),
        ("400 Bad Request", "URL_STATUS"),
        ("418 I'm a teapot", "URL_STATUS"),
    ],
)
def test_a_status_is_a_reason(site: WebSite, names: Names, kept: Path, status: str, reason: str) -> None:
    site.pages["/"] = page("no", status=status)
    assert refusal(fetcher(site, names), site.url(), kept) == reason


@pytest.mark.parametrize("status", PASSING)
def test_what_may_pass_is_tried_again(site: WebSite, names: Names, kept: Path, status: str) -> None:
    site.pages["/"] = page("later", status=status)
    assert status[:3] in passing(fetcher(site, names), site.url(), kept)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nless",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
        page(b"no gzip", Content_Encoding="gzip"),
    ],
    ids=["nothing", "another protocol", "cut", "bad chunks", "many headers", "a long header", "damaged"],
)
def test_an_answer_that_is_none_may_pass(site: WebSite, names: Names, kept: Path, answer: bytes) -> None:
    site.pages["/"] = answer
    passing(fetcher(site, names), site.url(), kept)


def test_what_a_site_says_in_place_of_an_answer_can_be_kept(site: WebSite, names: Names, kept: Path) -> None:
    site.pages["/"] = b"\0\1no \x1b[31manswer" + b"!" * 10_000 + b"\r\n\r\n"
    message = passing(fetcher(site, names), site.url(), kept)
    assert message.isprintable()
    assert message.startswith(f"{HOST} cannot be reached: no [31manswer!")
    assert len(message) < 300


def test_a_site_that_is_not_there_may_come_back(names: Names, site: WebSite, kept: Path) -> None:
    (port,) = free_ports(1)
    away = fetcher(site, names, ports={port})
    passing(away, f"http://{HOST}:{port}/", kept)
    assert "no such name" in passing(fetcher(site, names), site.url("/", "unknown.example"), kept)
    names.addresses[HOST] = [[]]
    assert "no address" in passing(fetcher(site, names), site.url(), kept)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\nThe first words"])
def test_a_site_that_goes_on_for_ever_is_left(site: WebSite, names: Names, kept: Path, answer: bytes) -> None:
    site.pages["/"] = answer
    site.unfinished.add("/")
    message = passing(fetcher(site, names, seconds=0.3, robots=False), site.url(), kept)
    assert "more than the 0.3 s" in message


def test_an_answer_is_kept_up_to_its_limit(site: WebSite, names: Names, kept: Path) -> None:
    site.pages |= {"/fits": page(b"a" * MEBIBYTE), "/over": page(b"a" * (MEBIBYTE + 1))}
    fetched = fetcher(site, names).fetch(site.url("/fits"), kept)
    assert fetched is not None
    assert fetched.size == kept.stat().st_size == MEBIBYTE
    assert refusal(fetcher(site, names), site.url("/over"), kept) == "URL_TOO_LARGE"
    assert kept.stat().st_size <= MEBIBYTE


def test_an_answer_without_an_end_is_left_at_its_limit(site: WebSite, names: Names, kept: Path) -> None:
    site.pages["/"] = b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 2 * MEBIBYTE
    site.unfinished.add("/")
    assert refusal(fetcher(site, names), site.url(), kept) == "URL_TOO_LARGE"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP"])
def test_a_packed_answer_is_measured_unpacked(site: WebSite, names: Names, kept: Path, encoding: str) -> None:
    pack = zlib.compress if encoding == "deflate" else gzip.compress
    site.pages |= {
        "/": page(pack(b"words"), Content_Encoding=encoding),
        "/bomb": page(pack(bytes(64 * MEBIBYTE)), Content_Encoding=encoding),
    }
    assert fetcher(site, names).fetch(site.url(), kept) is not None
    assert kept.read_bytes() == b"words"
    assert refusal(fetcher(site, names), site.url("/bomb"), kept) == "URL_TOO_LARGE"
    assert kept.stat().st_size <= MEBIBYTE


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "zstd", "compress"])
def test_another_packing_is_refused(site: WebSite, names: Names, kept: Path, encoding: str) -> None:
    site.pages["/"] = page(b"?", Content_Encoding=encoding)
    assert refusal(fetcher(site, names), site.url(), kept) == "URL_TYPE"


@pytest.mark.parametrize("content_type", ["video/mp4", "IMAGE/png", "audio/ogg; codecs=opus", "font/woff2"])
def test_what_has_no_text_is_not_fetched(site: WebSite, names: Names, kept: Path, content_type: str) -> None:
    site.pages["/"] = page(b"?", content_type)
    assert refusal(fetcher(site, names), site.url(), kept) == "URL_TYPE"


def robots(*lines: str) -> bytes:
    return page("\n".join(lines))


def test_robots_are_heeded(site: WebSite, names: Names, kept: Path) -> None:
    site.pages |= {
        "/robots.txt": robots("User-agent: *", "Disallow: /closed", "Allow: /closed/open$"),
        "/closed": page("closed"),
        "/closed/open": page("open"),
        "/led": redirection("/closed"),
    }
    asking = fetcher(site, names)
    assert asking.fetch(site.url("/closed/open"), kept) is not None
    assert refusal(asking, site.url("/closed"), kept) == "URL_ROBOTS"
    assert refusal(asking, site.url("/led"), kept) == "URL_ROBOTS"
    assert fetcher(site, names, robots=False).fetch(site.url("/closed"), kept) is not None


def test_a_rule_for_this_program_comes_before_that_for_all(site: WebSite, names: Names, kept: Path) -> None:
    site.pages |= {"/": page("words")}
    site.pages["/robots.txt"] = robots("User-agent: *", "Disallow: /", "", "User-agent: ai-infra", "Allow: /")
    assert fetcher(site, names).fetch(site.url(), kept) is not None


def test_robots_of_each_host_are_asked_for_once(site: WebSite, names: Names, kept: Path) -> None:
    site.pages |= {"/": redirection(site.url("/1", "other.example")), "/1": redirection("/2"), "/2": page("words")}
    assert fetcher(site, names).fetch(site.url(), kept) is not None
    hosts = [each.headers["host"] for each in site.asked if each.target == "/robots.txt"]
    assert hosts == [f"{HOST}:{site.port}", f"other.example:{site.port}"]


@pytest.mark.parametrize("status", ["500 Internal Server Error", "429 Too Many Requests"])
def test_nothing_is_fetched_while_robots_cannot_be_had(site: WebSite, names: Names, kept: Path, status: str) -> None:
    site.pages |= {"/robots.txt": page("", status=status), "/": page("words")}
    assert "robots.txt" in passing(fetcher(site, names), site.url(), kept)
    assert site.targets() == []


@pytest.mark.parametrize("answer", [page("", status="403 Forbidden"), redirection("/robots.txt"), page(b"\xff\0" * 99)])
def test_a_site_without_robots_is_open(site: WebSite, names: Names, kept: Path, answer: bytes) -> None:
    site.pages |= {"/robots.txt": answer, "/": page("words")}
    assert fetcher(site, names).fetch(site.url(), kept) is not None


def test_long_robots_are_read_from_their_beginning(site: WebSite, names: Names, kept: Path) -> None:
    site.pages |= {"/": page("words"), "/robots.txt": robots("User-agent: *", "Disallow: /", "#" * MEBIBYTE)}
    assert refusal(fetcher(site, names), site.url(), kept) == "URL_ROBOTS"


def test_robots_lead_nobody_inwards(site: WebSite, names: Names, kept: Path) -> None:
    site.pages |= {"/robots.txt": redirection("http://10.0.0.1/"), "/": page("words")}
    assert refusal(fetcher(site, names), site.url(), kept) == "URL_REFUSED"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def secured(certificates: Path) -> Iterator[WebSite]:
    tls, _ = certified(certificates, HOST)
    with serving_site(tls) as site:
        site.pages["/"] = page("secret words")
        yield site


def test_a_certificate_is_that_of_the_name(secured: WebSite, names: Names, kept: Path, certificates: Path) -> None:
    authorities = str(certificates / f"{HOST}.pem")
    secured.asked.clear()
    assert fetcher(secured, names, authorities=authorities).fetch(secured.url(), kept) is not None
    assert kept.read_text() == "secret words"
    assert {(each.name, each.headers["host"]) for each in secured.asked} == {(HOST, f"{HOST}:{secured.port}")}
    secured.asked.clear()
    of_another = fetcher(secured, names, authorities=authorities)
    assert refusal(of_another, secured.url("/", "other.example"), kept) == "URL_CERTIFICATE"
    assert refusal(of_another, secured.url("/", LOOPBACK), kept) == "URL_CERTIFICATE"
    assert secured.asked == []


def test_an_unknown_authority_is_not_believed(secured: WebSite, names: Names, kept: Path) -> None:
    assert refusal(fetcher(secured, names), secured.url(), kept) == "URL_CERTIFICATE"


def test_a_handshake_that_never_ends_is_left(site: WebSite, names: Names, kept: Path) -> None:
    passing(fetcher(site, names, seconds=0.3), f"https://{HOST}:{site.port}/", kept)
