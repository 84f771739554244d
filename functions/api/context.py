"""What every route of the API works with: its ports, its limits, and the request's key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import flask
import msgspec

from common import telemetry
from common.api_keys import ApiKey
from common.catalog import ProjectRecord, TeamDatabase, TeamTransaction
from common.config import Settings
from common.model.documents import JobSettings
from common.ports import ChunkTexts, Embedder, Generator, ObjectStore, Publisher, VectorIndex
from functions.api.auth import authenticate, require
from functions.api.errors import ApiError, invalid_body, not_found


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiContext:
    """The API's ports and settings."""

    database: TeamDatabase
    objects: ObjectStore
    publisher: Publisher
    embedder: Embedder
    index: VectorIndex
    texts: ChunkTexts
    generator: Generator
    peppers: dict[int, str]
    settings: Settings
    job_settings: JobSettings

    def key(self, scope: str) -> ApiKey:
        """The request's key, which has to have this scope."""
        key = authenticate(flask.request, self.database, self.peppers)
        telemetry.bind(team_id=key.team_id)
        require(key, scope)
        return key


def project_of(transaction: TeamTransaction, key: ApiKey, name_or_id: str) -> ProjectRecord:
    """The project that an address names; 404 if the key's team has none such, or the key may not see it."""
    # A name never holds a NUL, which the database would not even look for.
    project = None if "\0" in name_or_id else transaction.catalog.project(name_or_id)
    if project is None or key.project_id not in {None, project.id}:
        raise not_found("project", name_or_id)
    return project


def identifier(kind: str, text: str) -> UUID:
    """The id that an address names; what is no id cannot be found."""
    try:
        return UUID(text)
    except ValueError:
        raise not_found(kind, text) from None


def body[T](kind: type[T]) -> T:
    """The request's body as this kind; 400 naming the field that is wrong."""
    try:
        return msgspec.json.decode(flask.request.get_data(), type=kind)
    except msgspec.DecodeError as error:
        raise invalid_body(error) from None
    except UnicodeDecodeError:
        raise ApiError(400, "INVALID_BODY", "The request's body has to be UTF-8.", field="body") from None


def answer(content: Any, code: int = 200) -> flask.Response:
    """An answer in JSON."""
    return flask.Response(msgspec.json.encode(content), status=code, mimetype="application/json")
