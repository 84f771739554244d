"""Expand and contract: the functions of the versions before work on the newest schema."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from tests.conftest import TestDatabase
from tests.integration.released_statements import failing, newest_revision, records, statements

LOGINS = ("api", "operator", "pipeline")


@pytest.fixture(scope="module")
def engines(database: TestDatabase) -> Iterator[dict[str, Engine]]:
    engines = {login: database.engine(login) for login in LOGINS}
    yield engines
    for engine in engines.values():
        engine.dispose()


def test_what_this_version_says_is_on_record() -> None:
    """Else run `python -m tests.integration.released_statements`, and look at what it changes."""
    assert records().get(newest_revision()) == statements()


@pytest.mark.parametrize("revision", records())
@pytest.mark.parametrize("login", LOGINS)
def test_the_newest_schema_serves_what_a_version_says(engines: dict[str, Engine], revision: str, login: str) -> None:
    with engines[login].connect() as connection:
        assert failing(connection, records()[revision][login]) == {}


@pytest.mark.parametrize(
    ("change", "login", "against"),
    [
        ("alter table documents rename column title to name", "api", "column d.title does not exist"),
        ("alter table ingestion_batches drop column lease_token", "pipeline", "lease_token"),
        ("alter table teams drop column created_at", "operator", "created_at"),
        ("revoke insert on query_logs from ai_infra_api", "api", "permission denied for table query_logs"),
        ("drop function find_api_key(text)", "api", "find_api_key"),
    ],
)
def test_a_schema_that_takes_something_away_is_found_out(
    database: TestDatabase, change: str, login: str, against: str
) -> None:
    owner = database.engine()
    with owner.connect() as connection:
        connection.execute(text(change))
        connection.execute(text(f"set local role {login}"))
        failed = failing(connection, statements()[login])
        connection.rollback()
    owner.dispose()
    assert any(against in said for said in failed.values())
