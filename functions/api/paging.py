"""Pages of lists, after AIP-158 (https://google.aip.dev/158): an opaque token leads to the next one."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import flask
import msgspec

from common.catalog import Page
from functions.api.errors import invalid

DEFAULT_SIZE = 50
_WHOLE = re.compile("[0-9]*")
_MOST_DIGITS = 9


def encode_token(value: Any) -> str:
    """A token that leads on from this place."""
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")


def decode_token[T](token: str, kind: type[T]) -> T | None:
    """The place that a token leads on from; None for the first page."""
    if not token:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise invalid("page_token", "page_token has to be the next_page_token of the page before.") from None


def page_size(request: flask.Request, largest: int) -> int:
    """The size asked for, at most the largest; 0 asks for none in particular."""
    text = request.args.get("page_size", "")
    if not _WHOLE.fullmatch(text):
        raise invalid("page_size", "page_size has to be a whole number, 0 or more.")
    digits = text.lstrip("0")
    if not digits:
        return min(DEFAULT_SIZE, largest)
    return largest if len(digits) > _MOST_DIGITS else min(int(digits), largest)


def listed[T](request: flask.Request, largest: int, name: str, fetch: Callable[[Page], Sequence[T]]) -> dict[str, Any]:
    """One page of a list ordered by `(created_at, id)`: one entry more is fetched to know if another page follows."""
    size = page_size(request, largest)
    after = decode_token(request.args.get("page_token", ""), tuple[datetime, UUID])
    entries = fetch(Page(size + 1, after))
    shown = entries[:size]
    token = encode_token(_place(shown[-1])) if len(entries) > size else ""
    return {name: shown, "next_page_token": token}


def _place(entry: Any) -> tuple[datetime, UUID]:
    return entry.created_at, entry.id
