"""What row level security keeps apart, for every table that the database's own catalog names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from common.adapters.postgres.connection import bind_team, connect
from common.database import FailedMessage, Unrouted
from common.messages import DocumentRegistered
from common.model.documents import DeletionCause
from tests.conftest import TestDatabase
from tests.rows import Installation, answered, chunk_ids, live, new_fetch, new_object, new_place

NOT_ALLOWED = "42501"
"""Postgres' code for a missing privilege and for a row that a policy does not let in."""

TABLES = """
    select c.relname as name, c.relispartition as partition,
        case when c.relname = 'teams' then 'id' else (
            select attname from pg_attribute where attrelid = c.oid and attname = 'team_id') end as team_column
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and c.relname <> 'alembic_version'
    order by c.relname
"""
OPERATORS_ONLY = {"failed_messages", "unrouted_objects", "reconcile_progress"}


@dataclass(frozen=True)
class Table:
    name: str
    team_column: str


@dataclass(frozen=True)
class Teams:
    """Two teams that have rows in every table, and the tables: of teams, of operators, and partitions."""

    installation: Installation
    ours: DocumentRegistered
    theirs: DocumentRegistered
    of_teams: list[Table]
    others: list[str]

    @property
    def every_name(self) -> list[str]:
        return [*(table.name for table in self.of_teams), *self.others]


def settled(installation: Installation) -> DocumentRegistered:
    """A team with a row in every table that teams have rows in."""
    message = live(installation, new_place(installation))
    answered(installation, message, *chunk_ids(message))
    with installation.team_database.transaction(message.team_id) as transaction:
        transaction.idempotency.begin("key", "hash")
        transaction.fetches.open(new_fetch(message))
    with installation.database.transaction() as transaction:
        transaction.failed_messages.keep(
            FailedMessage(
                subscription="embed",
                topic=None,
                message_id=str(message.team_id),
                data=b"text",
                attributes={},
                delivery_attempts=1,
                published_at=None,
                reason="UNDELIVERABLE",
                error="Given up.",
                document_id=message.document_id,
            )
        )
        place = new_place(installation)
        transaction.operations.keep_unrouted(new_object(place), Unrouted("UNKNOWN_TEAM", "There is no such team."))
    installation.execute(
        "insert into deletions (id, team_id, project_id, document_id, generation, cause)"
        " values (gen_random_uuid(), :team, :project, :document, 1, 'api')",
        team=message.team_id,
        project=message.project_id,
        document=message.document_id,
    )
    installation.execute("insert into reconcile_progress (task) values (:task)", task=str(message.team_id))
    return message


@pytest.fixture(scope="module")
def teams(installation: Installation) -> Teams:
    ours, theirs = settled(installation), settled(installation)
    rows = installation.rows(TABLES)
    of_teams = [
        Table(row.name, row.team_column) for row in rows if not row.partition and row.name not in OPERATORS_ONLY
    ]
    others = [row.name for row in rows if row.partition or row.name in OPERATORS_ONLY]
    return Teams(installation, ours, theirs, of_teams, others)


@contextmanager
def attempt(engine: Engine, team: UUID | None) -> Iterator[Connection]:
    """A transaction of the login, bound to the team, that is not committed."""
    with engine.connect() as connection, connection.begin() as transaction:
        if team is not None:
            bind_team(connection, team)
        yield connection
        transaction.rollback()


def refused(work: Callable[[], object]) -> bool:
    """True if the database does not allow the work."""
    try:
        work()
    except DBAPIError as error:
        if error.orig is None or error.orig.args[0]["C"] != NOT_ALLOWED:
            raise
        return True
    return False


def visible(engine: Engine, table: str, team: UUID | None) -> int:
    """The rows that the login sees; none if it may not look."""
    with attempt(engine, team) as connection:
        statement = text(f"select count(*) from {table}")
        return 0 if refused(lambda: connection.execute(statement)) else int(connection.execute(statement).scalar_one())


def owned(teams: Teams, table: Table, team: UUID) -> int:
    statement = f"select count(*) as n from {table.name} where {table.team_column} = :team"
    return int(teams.installation.row(statement, team=team).n)


def test_every_table_of_teams_names_the_team_and_has_rows_of_both(teams: Teams) -> None:
    """A table that is added has to be given rows in `settled`, or nothing below would say anything of it."""
    assert [table for table in teams.of_teams if table.team_column is None] == []
    empty = [
        (table.name, team)
        for table in teams.of_teams
        for team in (teams.ours.team_id, teams.theirs.team_id)
        if owned(teams, table, team) == 0
    ]
    assert empty == []
    assert len(teams.of_teams) >= 12


def test_without_a_team_the_api_sees_no_row_of_any_table(teams: Teams) -> None:
    seen = {name: visible(teams.installation.api, name, None) for name in teams.every_name}
    assert {name: rows for name, rows in seen.items() if rows} == {}


def test_the_api_sees_its_team_s_rows_and_no_other_s(teams: Teams) -> None:
    ours = teams.ours.team_id
    for table in teams.of_teams:
        with attempt(teams.installation.api, ours) as connection:
            found = connection.execute(text(f"select {table.team_column} from {table.name}")).scalars().all()
        assert set(found) == {ours}, table
        assert len(found) == owned(teams, table, ours), table


def test_the_api_sees_nothing_of_operators_tables_and_partitions(teams: Teams) -> None:
    for name in teams.others:
        assert visible(teams.installation.api, name, teams.ours.team_id) == 0, name
        assert visible(teams.installation.operator, name, None) > 0 or name not in OPERATORS_ONLY


def test_the_api_inserts_no_row_of_another_team(teams: Teams) -> None:
    for table in teams.of_teams:
        statement = text(f"insert into {table.name} ({table.team_column}) values (:team)")
        for bound in (teams.ours.team_id, None):
            with attempt(teams.installation.api, bound) as connection:
                work = lambda: connection.execute(statement, {"team": teams.theirs.team_id})  # noqa: B023, E731
                assert refused(work), table


def writable_columns(teams: Teams, table: Table) -> list[str]:
    return [
        row.name
        for row in teams.installation.rows(
            """
            select attname as name from pg_attribute
            where attrelid = cast(:table as regclass) and attnum > 0 and not attisdropped and attgenerated = ''
              and has_column_privilege('ai_infra_api', attrelid, attnum, 'update')
            """,
            table=table.name,
        )
    ]


def test_the_api_updates_no_row_of_another_team(teams: Teams) -> None:
    tried = 0
    for table in teams.of_teams:
        for column in writable_columns(teams, table):
            with attempt(teams.installation.api, teams.ours.team_id) as connection:
                changed = connection.execute(text(f"update {table.name} set {column} = {column}")).rowcount
            assert changed == owned(teams, table, teams.ours.team_id), (table, column)
            tried += 1
    assert tried > 20


def test_the_api_gives_no_row_to_another_team(teams: Teams) -> None:
    for table in teams.of_teams:
        statement = text(f"update {table.name} set {table.team_column} = :team")
        with attempt(teams.installation.api, teams.ours.team_id) as connection:
            work = lambda: connection.execute(statement, {"team": teams.theirs.team_id})  # noqa: B023, E731
            assert refused(work), table


def test_the_api_deletes_no_row_of_another_team(teams: Teams) -> None:
    for table in teams.of_teams:
        statement = text(f"delete from {table.name} where {table.team_column} = :team")
        with attempt(teams.installation.api, teams.ours.team_id) as connection:
            parameters = {"team": teams.theirs.team_id}
            allowed = not refused(lambda: connection.execute(statement, parameters))  # noqa: B023
            assert not allowed or connection.execute(statement, parameters).rowcount == 0, table


def test_a_team_bound_in_one_transaction_is_not_bound_in_the_next(teams: Teams, database: TestDatabase) -> None:
    engine = connect(database.url("api"), concurrency=1)
    count = text("select count(*) as rows, pg_backend_pid() as backend from documents")
    with engine.begin() as connection:
        bind_team(connection, teams.ours.team_id)
        bound = connection.execute(count).one()
    with engine.begin() as connection:
        unbound = connection.execute(count).one()
    engine.dispose()
    assert bound.backend == unbound.backend
    assert (bound.rows, unbound.rows) == (1, 0)


def test_the_ports_of_one_team_do_not_reach_another_s_rows(teams: Teams) -> None:
    theirs = teams.theirs
    with teams.installation.team_database.transaction(teams.ours.team_id) as transaction:
        assert transaction.documents.lock(theirs.document_id) is None
        assert transaction.jobs.lock(theirs.job_id) is None
        assert transaction.batches.of_job(theirs.job_id) == []
        assert transaction.documents.of_object(theirs.bucket, theirs.object_name) == []
        assert transaction.catalog.document(theirs.document_id) is None
        assert transaction.catalog.job(theirs.job_id) is None
        assert transaction.catalog.chunks(theirs.document_id, -1, 10) == []
        assert transaction.catalog.project(str(theirs.project_id)) is None
        assert not transaction.questions.has_live_documents(theirs.project_id)
        transaction.documents.delete(theirs.document_id, 99, DeletionCause.API)
    assert teams.installation.document(theirs).living


WORDS = text("select id from search_chunk_words(:project_id, array[to_tsquery('english', 'chunk')])")


def test_a_search_for_words_keeps_to_the_team_that_is_bound(teams: Teams) -> None:
    ours, theirs = teams.ours, teams.theirs
    found = {}
    for bound in (ours.team_id, theirs.team_id, None):
        with attempt(teams.installation.api, bound) as connection:
            hits = connection.execute(WORDS, {"project_id": ours.project_id}).scalars()
            found[bound] = set(hits)
    assert found == {ours.team_id: set(chunk_ids(ours)), theirs.team_id: set(), None: set()}


@pytest.mark.parametrize("login", ["pipeline", "operator"])
def test_only_the_api_may_search_for_words(teams: Teams, login: str) -> None:
    with attempt(getattr(teams.installation, login), teams.ours.team_id) as connection:
        assert refused(lambda: connection.execute(WORDS, {"project_id": teams.ours.project_id}))


def test_nobody_logs_in_or_inherits_what_the_search_for_words_may_see(teams: Teams) -> None:
    able = teams.installation.rows("""
        select rolname from pg_roles
        where not rolsuper and rolname !~ '^pg_' and rolname <> 'ai_infra_search'
          and pg_has_role(oid, 'ai_infra_search', 'usage')
    """)
    assert list(able) == []
    assert not teams.installation.row("select rolcanlogin from pg_roles where rolname = 'ai_infra_search'").rolcanlogin


def test_pipeline_and_operators_work_for_every_team(teams: Teams) -> None:
    for table in ("documents", "ingestion_jobs", "document_chunks", "chunk_vectors", "failed_messages"):
        for engine in (teams.installation.pipeline, teams.installation.operator):
            assert visible(engine, table, None) >= 2, table


def test_the_pipeline_reads_no_keys_and_no_questions(teams: Teams) -> None:
    for column, table in (("key_id", "api_keys"), ("question_hash", "query_logs"), ("response", "idempotency_keys")):
        with attempt(teams.installation.pipeline, None) as connection:
            assert refused(lambda: connection.execute(text(f"select {column} from {table}")))  # noqa: B023
