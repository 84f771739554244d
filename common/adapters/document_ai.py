"""`PageReader` by Document AI: a page at a time over REST, in the reading order of its processor.

Not by google-cloud-documentai: one method is called, and its types would be a second package of Google's to import.
https://cloud.google.com/document-ai/docs/reference/rest/v1/projects.locations.processors/process
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from http import HTTPStatus
from threading import Lock
from typing import Any

import requests
from google.api_core.exceptions import GoogleAPICallError, InvalidArgument, ServiceUnavailable, TooManyRequests

from common.adapters.vertex.calls import Calls
from common.errors import ConfigurationError, Retryable
from common.extraction.pages import PageImage
from common.setting import variable

_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
_COMPRESSION = 3
_LONGEST_REASON = 500


class DocumentAiPageReader:
    """See `common.ports.PageReader`. `endpoint` is the address of the service, `session` makes what speaks to it."""

    def __init__(self, session: Callable[[], requests.Session], calls: Calls, *, endpoint: str, processor: str) -> None:
        self._make_session = session
        self._calls = calls
        self._url = f"{endpoint}/v1/{processor}:process"
        self._processor = processor
        self._lock = Lock()
        self._session: requests.Session | None = None

    def __call__(self, image: PageImage) -> list[str]:
        content = base64.b64encode(png(image)).decode()
        request = {"rawDocument": {"content": content, "mimeType": "image/png"}, "fieldMask": "text"}
        try:
            answered = self._calls.call(
                "the reading of a page", lambda seconds: self._process(request, seconds), patient=True
            )
        except Retryable as error:
            raise Retryable("OCR_UNAVAILABLE", error.message) from error
        return [line for line in answered.get("document", {}).get("text", "").split("\n") if line.strip()]

    def _process(self, request: object, seconds: float) -> Any:
        try:
            answered = self._connected().post(self._url, json=request, timeout=seconds)
        except requests.RequestException as error:
            raise _error(ServiceUnavailable, f"no answer ({type(error).__name__})") from error
        if answered.status_code == HTTPStatus.OK:
            return answered.json()
        said = _said(answered)
        if answered.status_code in _REFUSED:
            raise ConfigurationError(
                f"Document AI refused {self._processor} ({said}): check {variable('document_ai_processor')},"
                " that the API is enabled, and that the function's service account has roles/documentai.apiUser."
            )
        raise _error(_kind(answered.status_code), said)

    def _connected(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = self._make_session()
            return self._session


def google_session() -> requests.Session:
    """A session of this function's service account."""
    import google.auth  # noqa: PLC0415 - only who reads a scan
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415
    from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415

    try:
        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    except DefaultCredentialsError as error:
        raise ConfigurationError(
            "Google Cloud knows no account here: run as a service account, or set GOOGLE_APPLICATION_CREDENTIALS."
        ) from error
    return AuthorizedSession(credentials)  # type: ignore[no-untyped-call]


def png(image: PageImage) -> bytes:
    """The image as a PNG of 8 bits of grey (https://www.w3.org/TR/png-3/)."""
    rows = b"".join(
        b"\0" + image.pixels[start : start + image.width] for start in range(0, len(image.pixels), image.width)
    )
    header = struct.pack("!IIBBBBB", image.width, image.height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, _COMPRESSION)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(kind, body) for kind, body in parts)


def _part(kind: bytes, body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))


def _kind(status: int) -> type[GoogleAPICallError]:
    """What `Calls` makes of the status: to be slowed down by, to be repeated, or the page's own fault."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TooManyRequests
    return ServiceUnavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else InvalidArgument


def _error(kind: type[GoogleAPICallError], said: str) -> GoogleAPICallError:
    return kind(said)


def _said(answered: requests.Response) -> str:
    try:
        said = str(answered.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        said = answered.reason or "no reason given"
    return said[:_LONGEST_REASON].rstrip(".")
