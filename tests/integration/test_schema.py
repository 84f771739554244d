"""The migrated database against the base schema's own description, and against the models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names

from common.adapters.postgres.tables import HalfVector, metadata
from tests.conftest import TestDatabase

TYPES = {
    "uuid": "uuid",
    "text": "text",
    "timestamp": "timestamp with time zone",
    "int": "integer",
    "bool": "boolean",
    "float": "double precision",
    "enum": "USER-DEFINED",
}
# The type of a document is not known before it is read.
NULLABLE_UNTIL_KNOWN = {("documents", "mime_type")}

COLUMNS = text("""
    select table_name, column_name, data_type, udt_name, is_nullable = 'YES' as nullable
    from information_schema.columns where table_schema = 'public'
""")
PRIMARY_KEYS = text("""
    select k.table_name, array_agg(k.column_name::text order by k.ordinal_position) as columns
    from information_schema.table_constraints c
    join information_schema.key_column_usage k using (constraint_schema, constraint_name)
    where c.constraint_type = 'PRIMARY KEY' and c.table_schema = 'public'
    group by k.table_name
""")
FOREIGN_KEYS = text("""
    select k.table_name, k.column_name, u.table_name as target_table, u.column_name as target_column
    from information_schema.referential_constraints r
    join information_schema.key_column_usage k using (constraint_schema, constraint_name)
    join information_schema.constraint_column_usage u using (constraint_schema, constraint_name)
    where k.table_schema = 'public'
""")
ENUM_VALUES = text("""
    select array_agg(e.enumlabel::text order by e.enumsortorder)
    from pg_enum e join pg_type t on t.oid = e.enumtypid where t.typname = :name
""")


@dataclass(frozen=True)
class SeedColumn:
    table: str
    name: str
    type: str
    notes: str

    @property
    def nullable(self) -> bool:
        return "Nullable" in self.notes or (self.table, self.name) in NULLABLE_UNTIL_KNOWN

    @property
    def enum_values(self) -> list[str]:
        return re.findall(r"`(\w+)`", self.notes)

    @property
    def reference(self) -> tuple[str, str] | None:
        found = re.search(r"FK → `(\w+)\.(\w+)`", self.notes)
        return (found[1], found[2]) if found else None


def seed_columns() -> list[SeedColumn]:
    table, columns = "", []
    for line in (Path(__file__).parent / "base-schema.md").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"### `(\w+)`", line):
            table = heading[1]
        elif row := re.fullmatch(r"\|\s*`(\w+)`\s*\|\s*(\w+)\s*\|(.*)\|", line):
            columns.append(SeedColumn(table, row[1], row[2], row[3].strip().replace(r"\|", "|")))
    return columns


SEED = seed_columns()


@pytest.fixture(scope="module")
def connection(database: TestDatabase) -> Iterator[Connection]:
    engine = database.engine()
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.fixture(scope="module")
def columns(connection: Connection) -> dict[tuple[str, str], Any]:
    return {(row.table_name, row.column_name): row for row in connection.execute(COLUMNS)}


def test_the_description_is_whole() -> None:
    assert len({column.table for column in SEED}) == 8
    assert len(SEED) == 59


@pytest.mark.parametrize("column", SEED, ids=lambda column: f"{column.table}.{column.name}")
def test_each_column_of_the_base_schema(
    column: SeedColumn, columns: dict[tuple[str, str], Any], connection: Connection
) -> None:
    found = columns[column.table, column.name]
    assert found.data_type == TYPES[column.type]
    assert found.nullable == column.nullable
    if column.type == "enum":
        values = connection.execute(ENUM_VALUES, {"name": found.udt_name}).scalar_one()
        assert values == column.enum_values


def test_primary_keys(connection: Connection) -> None:
    keys = {row.table_name: row.columns for row in connection.execute(PRIMARY_KEYS)}
    assert keys["query_citations"] == ["query_id", "chunk_id"]
    for column in SEED:
        if "PK" in column.notes:
            assert keys[column.table] == [column.name]


def test_foreign_keys(connection: Connection) -> None:
    found = {(r.table_name, r.column_name): (r.target_table, r.target_column) for r in connection.execute(FOREIGN_KEYS)}
    wanted = {(column.table, column.name): column.reference for column in SEED if column.reference}
    assert len(wanted) == 11
    assert {place: found.get(place) for place in wanted} == wanted


def test_key_status_is_checked(connection: Connection) -> None:
    definition = connection.execute(
        text("select pg_get_constraintdef(oid) from pg_constraint where conname = 'api_keys_status'")
    ).scalar_one()
    assert "'active'" in definition
    assert "'revoked'" in definition


def test_models_and_migrations_agree(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ischema_names, "halfvec", HalfVector)

    def compared(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
        """Partitions and the graphs on them are Postgres' own matter; SQLAlchemy has no words for them."""
        partition = kind == "table" and re.fullmatch(r"chunk_vectors_\d+", name or "")
        graph = kind == "index" and (name or "").startswith("chunk_vectors_hnsw")
        return not (partition or graph or name == "alembic_version")

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True, "include_object": compared}
    )
    assert compare_metadata(context, metadata) == []


def test_every_table_forces_row_level_security(connection: Connection) -> None:
    unprotected = connection.execute(
        text("""
            select relname from pg_class
            where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
              and not (relrowsecurity and relforcerowsecurity) and relname <> 'alembic_version'
        """)
    ).scalars()
    assert list(unprotected) == []


def test_no_application_role_may_pass_row_level_security(connection: Connection) -> None:
    mighty = connection.execute(
        text("""
            select rolname from pg_roles
            where (rolname like 'ai_infra_%' or rolname in ('api', 'pipeline', 'operator'))
              and (rolsuper or rolbypassrls)
        """)
    ).scalars()
    assert list(mighty) == []
