"""The database as the API uses it: every transaction bound to one team by row level security."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from uuid import UUID

from sqlalchemy import Engine, text

from common.adapters.postgres.catalog import PostgresCatalog
from common.adapters.postgres.connection import PostgresTransaction, begin, bind_team
from common.adapters.postgres.questions import PostgresIdempotency, PostgresQuestions
from common.catalog import StoredKey

_FIND_KEY = text("select * from find_api_key(:key_id)")


class PostgresTeamTransaction(PostgresTransaction):
    """See `common.catalog.TeamTransaction`."""

    @cached_property
    def catalog(self) -> PostgresCatalog:
        return PostgresCatalog(self._connection)

    @cached_property
    def questions(self) -> PostgresQuestions:
        return PostgresQuestions(self._connection)

    @cached_property
    def idempotency(self) -> PostgresIdempotency:
        return PostgresIdempotency(self._connection)


class PostgresTeamDatabase:
    """See `common.catalog.TeamDatabase`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_key(self, key_id: str) -> StoredKey | None:
        with begin(self._engine) as connection:
            row = connection.execute(_FIND_KEY, {"key_id": key_id}).one_or_none()
        return None if row is None else StoredKey(**{**row._asdict(), "scopes": frozenset(row.scopes)})

    @contextmanager
    def transaction(self, team_id: UUID) -> Iterator[PostgresTeamTransaction]:
        """See `common.catalog.TeamDatabase`."""
        with begin(self._engine) as connection:
            bind_team(connection, team_id)
            yield PostgresTeamTransaction(connection)
