"""The stack's database: made, migrated, and with a login for each of the system's roles.

What the server's administrator does here is what Terraform does on Cloud SQL: a database, users, no rights. The rest is
the migrations' work, as it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pg8000.native import identifier
from sqlalchemy import Engine, text

from common.adapters.postgres.connection import connect
from local.cloud_sql.names import database_user, email
from local.postgres import PostgresServer
from migrations.accounts import assign
from migrations.upgrade import migrate

DATABASE = "ai_infra"
API, PIPELINE, OPERATOR = "api", "pipeline", "operator"
# The groups that the first migration makes and grants to.
GROUPS = {API: "ai_infra_api", PIPELINE: "ai_infra_pipeline", OPERATOR: "ai_infra_operator"}

_EXISTS = text("select 1 from pg_database where datname = :name")
_ROLES = text("select rolname from pg_roles")


def iam_logins(functions: Iterable[str], project: str) -> dict[str, str]:
    """The logins of profile `gcp` and their groups: the service accounts of the functions and of the operator."""
    groups = {name: GROUPS[API if name == API else PIPELINE] for name in functions} | {OPERATOR: GROUPS[OPERATOR]}
    return {database_user(email(name, project)): group for name, group in groups.items()}


def prepare_database(server: PostgresServer, logins: Mapping[str, str] = GROUPS) -> None:
    """Make the database if it is missing, bring it to the newest schema, add missing logins; what it holds stays."""
    maintenance = connect(server.url("postgres"), concurrency=1)
    with maintenance.connect() as connection:
        exists = connection.execute(_EXISTS, {"name": DATABASE}).first()
    maintenance.dispose()
    if exists is None:
        server.create_database(DATABASE)
    engine = connect(server.url(DATABASE), concurrency=2)
    _create_users(engine, logins)
    migrate(engine, logins)
    engine.dispose()


def add_logins(engine: Engine, logins: Mapping[str, str]) -> None:
    """Add the logins that the server does not have yet, and put each into its group."""
    _create_users(engine, logins)
    with engine.connect() as connection:
        assign(connection, logins)


def _create_users(engine: Engine, logins: Iterable[str]) -> None:
    with engine.begin() as connection:
        present = set(connection.execute(_ROLES).scalars())
        for login in sorted(set(logins) - present):
            connection.exec_driver_sql(f"create role {identifier(login)} login")
