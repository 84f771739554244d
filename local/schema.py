"""The stack's database: made, migrated, and with a login for each of the system's roles."""

from __future__ import annotations

from sqlalchemy import text

from common.adapters.postgres.connection import connect
from local.postgres import PostgresServer
from migrations.upgrade import upgrade

DATABASE = "ai_infra"
API, PIPELINE, OPERATOR = "api", "pipeline", "operator"
# The groups that the first migration makes and grants to.
GROUPS = {API: "ai_infra_api", PIPELINE: "ai_infra_pipeline", OPERATOR: "ai_infra_operator"}

_EXISTS = text("select 1 from pg_database where datname = :name")
_ROLES = text("select rolname from pg_roles")


def prepare_database(server: PostgresServer) -> None:
    """Make the database if it is missing and bring it to the newest schema; what it holds stays."""
    maintenance = connect(server.url("postgres"), concurrency=1)
    with maintenance.connect() as connection:
        exists = connection.execute(_EXISTS, {"name": DATABASE}).first()
    maintenance.dispose()
    if exists is None:
        server.create_database(DATABASE)
    engine = connect(server.url(DATABASE), concurrency=1)
    upgrade(engine)
    with engine.begin() as connection:
        present = set(connection.execute(_ROLES).scalars())
        for login in sorted(GROUPS.keys() - present):
            connection.execute(text(f'create role "{login}" login in role {GROUPS[login]}'))
    engine.dispose()
