"""Writes that are safe to repeat: an `Idempotency-Key` is carried out once and answered alike for a day."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import flask
import msgspec

from common.api_keys import ApiKey
from common.catalog import StoredResponse, TeamDatabase
from functions.api.context import answer
from functions.api.errors import ApiError, invalid

HEADER = "Idempotency-Key"
LONGEST_KEY = 255


def once(database: TeamDatabase, key: ApiKey, write: Callable[[], tuple[Any, int]]) -> flask.Response:
    """Carry out the write, or answer what the first request of its idempotency key was answered.

    A write that raises leaves the key free: it may be tried again.
    """
    name = flask.request.headers.get(HEADER, "")
    if not name:
        return answer(*write())
    if len(name) > LONGEST_KEY:
        raise invalid(HEADER, f"{HEADER} has to be at most {LONGEST_KEY} characters.")
    request_hash = _request_hash(key)
    with database.transaction(key.team_id) as transaction:
        stored = transaction.idempotency.begin(name, request_hash)
    if stored is not None:
        return _answered(stored, request_hash)
    try:
        content, code = write()
    except BaseException:
        with database.transaction(key.team_id) as transaction:
            transaction.idempotency.abandon(name)
        raise
    with database.transaction(key.team_id) as transaction:
        transaction.idempotency.complete(name, code, content)
    return answer(content, code)


def _request_hash(key: ApiKey) -> str:
    """Of the request and of what its key may see: an answer is given again only to whom it could have been given."""
    request = flask.request
    parts = (request.method.encode(), request.path.encode(), str(key.project_id).encode(), request.get_data())
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _answered(stored: StoredResponse, request_hash: str) -> flask.Response:
    if stored.request_hash != request_hash:
        raise ApiError(
            400, "IDEMPOTENCY_KEY_REUSED", f"This {HEADER} came with another request before: take a new one."
        )
    if stored.status_code is None:
        raise ApiError(409, "REQUEST_IN_PROGRESS", f"The first request of this {HEADER} is still at work: try again.")
    return flask.Response(msgspec.json.encode(stored.response), status=stored.status_code, mimetype="application/json")
