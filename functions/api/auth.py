"""Who is asking: from a request's API key to the team, project and scopes it stands for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import flask

from common import api_keys
from common.api_keys import ApiKey
from common.catalog import StoredKey, TeamDatabase
from functions.api.errors import ApiError

# A key's last use is noted this often, not at every request.
_TOUCH_EVERY = timedelta(minutes=1)


def _presented(request: flask.Request) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    return request.headers.get("X-API-Key", "").strip()


def authenticate(request: flask.Request, database: TeamDatabase, peppers: dict[int, str]) -> ApiKey:
    """The key of the request; 401 with the reason if it opens nothing."""
    text = _presented(request)
    if not text:
        raise ApiError(401, "KEY_MISSING", "Send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`.")
    presented = api_keys.parse(text)
    stored = database.find_key(presented.key_id) if presented else None
    pepper = peppers.get(stored.pepper_version) if stored else None
    if presented is None or stored is None or pepper is None:
        raise _unknown_key()
    if not api_keys.matches(presented, stored.key_hash, pepper):
        raise _unknown_key()
    _check_validity(stored)
    if stored.last_used_at is None or stored.last_used_at < datetime.now(UTC) - _TOUCH_EVERY:
        with database.transaction(stored.team_id) as transaction:
            transaction.catalog.touch_key(stored.id)
    return ApiKey(
        id=stored.id,
        team_id=stored.team_id,
        project_id=stored.project_id,
        scopes=stored.scopes,
        expires_at=stored.expires_at,
    )


def _unknown_key() -> ApiError:
    return ApiError(401, "KEY_INVALID", "This API key is not known.")


def _check_validity(stored: StoredKey) -> None:
    if stored.status != "active":
        raise ApiError(401, "KEY_REVOKED", "This API key was revoked.")
    if stored.expires_at is not None and stored.expires_at <= datetime.now(UTC):
        raise ApiError(401, "KEY_EXPIRED", "This API key has expired.")


def require(key: ApiKey, scope: str) -> None:
    """403 unless the key may do this."""
    if scope not in key.scopes:
        raise ApiError(403, "SCOPE_MISSING", f"This API key lacks the scope {scope!r}.", scope=scope)
