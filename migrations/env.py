"""Alembic's entry: runs the migrations on the connection it is handed, or on the database that `-x url=` names."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from common.adapters.postgres.tables import metadata


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    engine = create_engine(context.get_x_argument(as_dictionary=True)["url"])
    with engine.connect() as opened:
        run(opened)
