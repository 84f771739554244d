"""The migrations as a job runs them: on a server with Cloud SQL's roles, as a login that is no superuser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError

from common.adapters.postgres.connection import PostgresDatabase
from common.errors import ConfigurationError
from migrations.accounts import OWNER
from migrations.lock import locked
from migrations.upgrade import migrate, upgrade
from tests.conftest import TestDatabase
from tests.integration.managed_postgres import ManagedPostgres, managed_postgres
from tests.integration.released_statements import newest_revision
from tests.rows import Installation, live, new_place

PROJECT = "migrations-test"
MIGRATOR, API, CHUNK, ADMIN = (f"ai-infra-{name}@{PROJECT}.iam" for name in ("migrations", "api", "chunk", "admin"))
NEWEST = newest_revision()
LOGINS = {API: "ai_infra_api", CHUNK: "ai_infra_pipeline", ADMIN: "ai_infra_operator"}

# All that a run may change, with the transaction that last did: what is written again with the same content shows.
_CATALOGUE = {
    "roles": "select rolname, rolsuper, rolcreaterole, rolcanlogin, rolbypassrls from pg_roles order by 1",
    "members": "select *, xmin::text from pg_auth_members order by oid",
    "schemas": "select oid, nspacl::text, xmin::text from pg_namespace order by oid",
    "tables": "select oid, relname, relowner, relacl::text, xmin::text from pg_class where relkind in ('r', 'p') and "
    "relnamespace = 'public'::regnamespace order by oid",
    "policies": "select oid, polname, xmin::text from pg_policy order by oid",
    "revision": "select version_num, xmin::text from alembic_version",
}

_numbers = count(1)


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedPostgres]:
    with managed_postgres(tmp_path_factory.mktemp("managed"), MIGRATOR) as managed:
        managed.create_users(LOGINS)
        yield managed


@pytest.fixture
def name(managed: ManagedPostgres) -> str:
    """A database of the test's own, without a table."""
    name = f"managed_{next(_numbers)}"
    managed.create_database(name)
    return name


def catalogue(managed: ManagedPostgres, name: str) -> dict[str, list[Any]]:
    with managed.engine(name, "postgres") as engine, engine.connect() as connection:
        return {what: list(connection.execute(text(query)).all()) for what, query in _CATALOGUE.items()}


def groups_of(managed: ManagedPostgres, login: str) -> set[str]:
    with managed.engine("postgres", "postgres") as engine, engine.connect() as connection:
        groups = connection.execute(
            text("""
                select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid
                where m.member = (select oid from pg_roles where rolname = :login)
            """),
            {"login": login},
        )
        return set(groups.scalars())


def test_a_member_of_cloudsqlsuperuser_makes_a_schema_that_an_owner_without_login_has(
    managed: ManagedPostgres, name: str
) -> None:
    with managed.engine(name) as engine:
        done = migrate(engine, LOGINS)
        assert done.before is None
        assert done.after == NEWEST
        with engine.connect() as connection:
            owners = connection.execute(text("select distinct tableowner from pg_tables where schemaname = 'public'"))
            assert list(owners.scalars()) == [OWNER]
            assert connection.execute(text("select current_user")).scalar_one() == MIGRATOR
            with pytest.raises(DBAPIError, match="permission denied"):
                connection.execute(text("select * from documents"))
    assert {login: groups_of(managed, login) for login in LOGINS} == {login: {LOGINS[login]} for login in LOGINS}


def test_each_login_of_a_managed_server_does_its_work_and_no_other(managed: ManagedPostgres, name: str) -> None:
    with managed.engine(name) as engine:
        migrate(engine, LOGINS)
    with (
        managed.engine(name, "postgres") as owner,
        managed.engine(name, API) as api,
        managed.engine(name, CHUNK) as pipeline,
        managed.engine(name, ADMIN) as operator,
    ):
        installation = Installation(owner, api, pipeline, operator)
        message = live(installation, new_place(installation))
        assert installation.document(message).active_job_id == message.job_id
        for team, seen in ((message.team_id, True), (uuid4(), False)):
            with installation.team_database.transaction(team) as transaction:
                assert (transaction.catalog.document(message.document_id) is not None) is seen
        with pytest.raises(DBAPIError, match="permission denied"), PostgresDatabase(api).transaction() as denied:
            denied.operations.routable(1)


def test_a_second_run_changes_nothing(managed: ManagedPostgres, name: str) -> None:
    with managed.engine(name) as engine:
        migrate(engine, LOGINS)
        before = catalogue(managed, name)
        again = migrate(engine, LOGINS)
    assert (again.before, again.after, again.assigned) == (NEWEST, NEWEST, [])
    assert catalogue(managed, name) == before


def test_two_runners_at_once_both_end_with_the_newest_schema(managed: ManagedPostgres, name: str) -> None:
    together = threading.Barrier(2, timeout=30)

    def run(engine: Engine) -> tuple[str | None, str | None]:
        together.wait()
        done = migrate(engine, LOGINS)
        return done.before, done.after

    with managed.engine(name) as one, managed.engine(name) as other, ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(run, (one, other)))
    assert sorted(ended, key=str) == [(NEWEST, NEWEST), (None, NEWEST)]


def test_a_runner_that_waits_too_long_for_another_says_so(managed: ManagedPostgres, name: str) -> None:
    with managed.engine(name) as one, managed.engine(name) as other:
        with locked(one, 0), pytest.raises(TimeoutError, match="Another migration has been running"):
            migrate(other, LOGINS, lock_seconds=0)
        assert migrate(other, LOGINS, lock_seconds=0).after == NEWEST


def test_a_login_moves_from_its_group_to_another(managed: ManagedPostgres, name: str) -> None:
    with managed.engine(name) as engine:
        migrate(engine, LOGINS)
        moved = migrate(engine, LOGINS | {CHUNK: "ai_infra_operator"})
        assert groups_of(managed, CHUNK) == {"ai_infra_operator"}
        assert moved.assigned == [
            f'revoke ai_infra_pipeline from "{CHUNK}" granted by "cloudsqlsuperuser"',
            f'grant ai_infra_operator to "{CHUNK}" with inherit true',
        ]
        migrate(engine, LOGINS)
    assert groups_of(managed, CHUNK) == {"ai_infra_pipeline"}


def test_a_login_without_a_user_is_named_and_no_login_is_changed(managed: ManagedPostgres, name: str) -> None:
    with managed.engine(name) as engine:
        migrate(engine, LOGINS)
        with pytest.raises(ConfigurationError, match=f"no user of the database server: nobody@{PROJECT}.iam"):
            migrate(engine, {API: "ai_infra_pipeline", f"nobody@{PROJECT}.iam": "ai_infra_api"})
    assert groups_of(managed, API) == {"ai_infra_api"}


def test_a_user_that_may_not_make_roles_is_told_what_it_needs(managed: ManagedPostgres, name: str) -> None:
    with managed.engine(name, API) as engine, pytest.raises(ConfigurationError, match="a member of cloudsqlsuperuser"):
        migrate(engine, LOGINS)


def test_what_fails_leaves_nothing_behind_and_the_next_run_goes_on(managed: ManagedPostgres, name: str) -> None:
    with managed.engine(name) as engine:

        def fails(_: Any, __: Any, statement: str, *___: Any) -> None:
            assert "create table query_logs" not in statement, "broken off"

        event.listen(engine, "before_cursor_execute", fails)
        with pytest.raises(AssertionError, match="broken off"):
            migrate(engine, LOGINS)
        event.remove(engine, "before_cursor_execute", fails)
        with engine.connect() as connection:
            tables = connection.execute(text("select count(*) from pg_tables where schemaname = 'public'"))
            assert tables.scalar_one() == 0
        assert migrate(engine, LOGINS).after == NEWEST


def test_a_change_does_not_queue_up_behind_a_long_transaction(managed: ManagedPostgres, name: str) -> None:
    with managed.engine(name, "postgres") as other, managed.engine(name) as engine:
        with other.connect() as long:
            long.execute(text("create type source_type as enum ('upload')"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                migrate(engine, LOGINS, table_seconds=0.05)
            long.rollback()
        assert migrate(engine, LOGINS).after == NEWEST


def test_a_schema_that_is_newer_than_the_program_is_left_alone(managed: ManagedPostgres, name: str) -> None:
    with managed.engine(name) as engine:
        migrate(engine, LOGINS)
        managed.execute(name, "update alembic_version set version_num = '9999'")
        before = catalogue(managed, name)
        with pytest.raises(ConfigurationError, match="The database is at 9999, which this version does not know"):
            migrate(engine, LOGINS)
    assert catalogue(managed, name) == before


def test_a_schema_that_another_account_made_keeps_its_owner(database: TestDatabase) -> None:
    name = f"{database.name}_before"
    database.server.create_database(name)
    earlier = TestDatabase(database.server, name)
    engine = earlier.engine()
    upgrade(engine)
    assert migrate(engine, {"api": "ai_infra_api"}).assigned == []
    with engine.connect() as connection:
        owners = connection.execute(text("select distinct tableowner from pg_tables where schemaname = 'public'"))
        assert list(owners.scalars()) == ["postgres"]
    engine.dispose()
    database.server.drop_database(name)
