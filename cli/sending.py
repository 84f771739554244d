"""A file to the address of a resumable upload: in pieces, and on from where it broke off.

https://cloud.google.com/storage/docs/performing-resumable-uploads#upload-resumable-session
"""

from __future__ import annotations

import re
import time
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

import requests

from common.errors import Permanent, Retryable

# A multiple of 256 KiB, as Cloud Storage asks for.
PIECE_BYTES = 8 * 1024 * 1024
_TIMEOUT_SECONDS = (5.0, 60.0)
# Failures in a row, none of which got the upload any further.
_PATIENCE = 5
_KEPT = re.compile(r"bytes=0-([0-9]+)")


def send(file: Path, url: str, size: int, *, piece_bytes: int = PIECE_BYTES, pause_seconds: float = 1.0) -> Any:
    """The object that the file has become, as the store describes it in JSON.

    `Retryable` (UPLOAD_BROKEN_OFF) where the store does not answer, `Permanent` (UPLOAD_REFUSED) where it takes no more
    at this address, as when the file has changed meanwhile.
    """
    kept, failures, ask, why = 0, 0, False, ""
    with file.open("rb") as content, requests.Session() as session:
        while failures < _PATIENCE:
            try:
                answered = _put(session, url, *(_nothing(size) if ask else _piece(content, kept, size, piece_bytes)))
            except requests.RequestException as error:
                failures, ask, why = failures + 1, True, str(error)
                time.sleep(pause_seconds)
                continue
            status, why = answered.status_code, f"{answered.status_code} {answered.reason}"
            if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
                return _whole(answered.json(), file, size)
            if status == HTTPStatus.PERMANENT_REDIRECT:
                reached = _reached(answered)
                failures = 0 if reached > kept else failures + (not ask)
                kept, ask = reached, False
            elif status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
                failures, ask = failures + 1, True
                time.sleep(pause_seconds)
            else:
                raise Permanent("UPLOAD_REFUSED", f"The bucket does not take {file} ({why}): upload it again.")
    raise Retryable("UPLOAD_BROKEN_OFF", f"The bucket does not answer to {file}: {why}")


def _whole(stored: Any, file: Path, size: int) -> Any:
    if int(stored["size"]) != size:
        raise Retryable("UPLOAD_BROKEN_OFF", f"The bucket has {stored['size']} of the {size} bytes of {file}.")
    return stored


def _put(session: requests.Session, url: str, content: bytes, place: str) -> requests.Response:
    headers = {"Content-Range": f"bytes {place}"}
    return session.put(url, data=content, headers=headers, timeout=_TIMEOUT_SECONDS, allow_redirects=False)


def _piece(content: IO[bytes], start: int, size: int, piece_bytes: int) -> tuple[bytes, str]:
    """The bytes from there on, and where they belong."""
    content.seek(start)
    piece = content.read(min(piece_bytes, size - start))
    return (piece, f"{start}-{start + len(piece) - 1}/{size}") if piece else _nothing(size)


def _nothing(size: int) -> tuple[bytes, str]:
    """The question how far the upload has come; for an empty file, all of it."""
    return b"", f"*/{size}"


def _reached(answered: requests.Response) -> int:
    """The number of bytes that the store has."""
    match = _KEPT.fullmatch(answered.headers.get("Range", ""))
    return int(match[1]) + 1 if match else 0
