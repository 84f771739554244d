"""A Postgres with the roles of Cloud SQL: whoever logs in is at most a member of one that may make roles.

What differs: there, `cloudsqlsuperuser` may make the extension `vector`, which only a superuser may here. So each
database comes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pg8000.native import identifier
from sqlalchemy import Engine

from common.adapters.postgres.connection import connect
from local.ports import free_ports
from local.postgres import PostgresServer, start_postgres


@dataclass(frozen=True)
class ManagedPostgres:
    """A server with `cloudsqlsuperuser` and, as a member of it, the login `migrator`."""

    server: PostgresServer
    migrator: str

    def create_database(self, name: str) -> None:
        """A database as the Admin API makes one."""
        self.execute("postgres", f"create database {name} owner cloudsqlsuperuser")
        self.execute(name, "create extension vector", "create extension btree_gin")

    def create_users(self, logins: Iterable[str]) -> None:
        """IAM users without any right."""
        self.execute("postgres", *(f"create role {identifier(login)} login" for login in logins))

    def execute(self, database: str, *statements: str) -> None:
        """As the server's superuser, who is Google."""
        with self.engine(database, "postgres") as engine, engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            for statement in statements:
                connection.exec_driver_sql(statement)

    @contextmanager
    def engine(self, database: str, user: str | None = None) -> Iterator[Engine]:
        """Connections of the migrator, or of another user."""
        engine = connect(self.server.url(database, user or self.migrator), concurrency=2)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def managed_postgres(folder: Path, migrator: str) -> Iterator[ManagedPostgres]:
    (port,) = free_ports(1)
    with start_postgres(folder, port=port, log=lambda _: None, durable=False) as server:
        managed = ManagedPostgres(server, migrator)
        managed.execute(
            "postgres",
            "create role cloudsqlsuperuser createrole createdb nologin",
            f"create role {identifier(migrator)} login in role cloudsqlsuperuser",
        )
        yield managed
