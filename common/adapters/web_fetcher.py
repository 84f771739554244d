"""Web pages and files by http(s): from public addresses only, checked anew at each redirect, within limits."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from pathlib import Path

import certifi
from protego import Protego
from urllib3 import BaseHTTPResponse

from common.adapters.web_connection import Deadline, Resolve, answered, system_addresses, unreachable
from common.errors import Permanent
from common.model.fetches import Fetched, Validators
from common.web_addresses import PORTS, Network, WebAddress, parse

AGENT = "ai-infra"
MAX_REDIRECTS = 5
_PIECE_BYTES = 64 * 1024
_LONGEST_WORD = 512
# https://www.rfc-editor.org/rfc/rfc9309#section-2.5: what is behind that need not be read.
_ROBOTS_BYTES = 512 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_CLOSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN, 451})
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
# Without text; everything else is told by its content, as an upload is.
_WITHOUT_TEXT = ("audio/", "font/", "image/", "video/")
_HEADERS = {"User-Agent": f"{AGENT}/1.0", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}


@dataclass(frozen=True, kw_only=True)
class PinnedWebFetcher:
    """See `common.ports.WebFetcher`.

    `max_bytes` holds for the answer as it is kept, unpacked; `seconds` for a fetch as a whole, its redirects and the
    sites' robots.txt included, which is heeded if `robots`. `allowed` names networks that may be reached although they
    are not public. `resolve` and `tls` are the system's and the public authorities' unless given.
    """

    max_bytes: int
    seconds: float
    ports: Collection[int] = PORTS
    robots: bool = True
    allowed: Sequence[Network] = ()
    resolve: Resolve = system_addresses
    authorities: str = field(default_factory=certifi.where)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authorities)

    def fetch(self, url: str, destination: Path, known: Validators | None = None) -> Fetched | None:
        """See `common.ports.WebFetcher`."""
        deadline, rules = Deadline(self.seconds), dict[str, Protego | None]()
        address = parse(url, self.ports)
        for _ in range(MAX_REDIRECTS + 1):
            self._heed_robots(address, rules, deadline)
            with self._asked(address, deadline, _conditions(address, known)) as response:
                if response.status in _REDIRECTS:
                    address = self._redirected(address, response)
                    continue
                if response.status == HTTPStatus.NOT_MODIFIED and known is not None and known.url == address.url:
                    return None
                _check_status(address, response)
                return self._kept(address, response, destination, deadline)
        raise Permanent("URL_REDIRECTS", f"{url} redirects more than {MAX_REDIRECTS} times: give the address it is at.")

    def _asked(
        self, address: WebAddress, deadline: Deadline, headers: Mapping[str, str]
    ) -> AbstractContextManager[BaseHTTPResponse]:
        return answered(
            address, {**_HEADERS, **headers}, deadline, resolve=self.resolve, allowed=self.allowed, tls=self._tls
        )

    def _redirected(self, address: WebAddress, response: BaseHTTPResponse) -> WebAddress:
        return address.redirected(_as_utf8(response.headers.get("Location", "")), self.ports)

    def _kept(self, address: WebAddress, response: BaseHTTPResponse, destination: Path, deadline: Deadline) -> Fetched:
        content_type = _word(response, "Content-Type") or "application/octet-stream"
        if content_type.lower().startswith(_WITHOUT_TEXT):
            raise Permanent("URL_TYPE", f"{address.url} is {content_type}, which has no text.")
        if response.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
            raise Permanent("URL_TYPE", f"{address.host} sends its answer packed in a way that was not asked for.")
        size = 0
        with destination.open("wb") as file:
            while piece := response.read(_PIECE_BYTES, decode_content=True):
                size += len(piece)
                self._check_size(address, size)
                deadline.left(address)
                file.write(piece)
        deadline.left(address)  # an answer that was cut may look like one that has ended
        validators = Validators(
            url=address.url, etag=_word(response, "ETag"), last_modified=_word(response, "Last-Modified")
        )
        return Fetched(validators=validators, content_type=content_type, size=size)

    def _check_size(self, address: WebAddress, size: int) -> None:
        if size > self.max_bytes:
            raise Permanent(
                "URL_TOO_LARGE", f"{address.url} has more than the {self.max_bytes} bytes that are allowed."
            )

    def _heed_robots(self, address: WebAddress, rules: dict[str, Protego | None], deadline: Deadline) -> None:
        if not self.robots:
            return
        if address.origin not in rules:
            rules[address.origin] = self._rules(address.at("/robots.txt"), deadline)
        found = rules[address.origin]
        if found is not None and not found.can_fetch(address.url, AGENT):
            raise Permanent(
                "URL_ROBOTS", f"{address.host} asks programs, in its robots.txt, not to fetch {address.url}."
            )

    def _rules(self, address: WebAddress, deadline: Deadline) -> Protego | None:
        """The site's robots.txt, None where it has none. RFC 9309: while it cannot be had, nothing is fetched."""
        for _ in range(MAX_REDIRECTS + 1):
            with self._asked(address, deadline, {}) as response:
                if response.status in _REDIRECTS:
                    address = self._redirected(address, response)
                    continue
                if response.status in _PASSING or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise unreachable(address, f"its robots.txt was answered with {response.status}.")
                if response.status != HTTPStatus.OK:
                    return None
                return Protego.parse(_beginning(response, _ROBOTS_BYTES).decode("utf-8", "replace"))
        return None


def _as_utf8(location: str) -> str:
    """A header is read as Latin-1; sites that do not percent-encode an address write UTF-8, as browsers take it."""
    try:
        return location.encode("latin-1").decode()
    except UnicodeDecodeError:
        return location


def _word(response: BaseHTTPResponse, header: str) -> str | None:
    """What the site says, as far as it can be kept and sent back."""
    word = response.headers.get(header, "").strip()
    return word if word and len(word) <= _LONGEST_WORD and word.isascii() and word.isprintable() else None


def _conditions(address: WebAddress, known: Validators | None) -> Mapping[str, str]:
    """Validators are those of one address: at another the same words may stand for something else."""
    if known is None or known.url != address.url:
        return {}
    sent = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in sent.items() if value}


def _check_status(address: WebAddress, response: BaseHTTPResponse) -> None:
    status = response.status
    if status in _GONE:
        raise Permanent("URL_NOT_FOUND", f"There is nothing at {address.url} ({status}).")
    if status in _CLOSED:
        raise Permanent("URL_FORBIDDEN", f"{address.url} is not for everybody ({status}).")
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise unreachable(address, f"it answered with {status}.")
    if status != HTTPStatus.OK:
        raise Permanent("URL_STATUS", f"{address.url} was answered with {status}, which is no document.")


def _beginning(response: BaseHTTPResponse, size: int) -> bytes:
    content = bytearray()
    while len(content) < size and (piece := response.read(_PIECE_BYTES, decode_content=True)):
        content += piece
    return bytes(content[:size])
