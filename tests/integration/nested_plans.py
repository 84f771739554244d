"""Plans that a function makes within itself, under its own role."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import Connection

from common.adapters.postgres.connection import bind_team


def told_within(connection: Connection, table: str, index: str, team_id: UUID, search: Callable[[], object]) -> str:
    """What auto_explain, which alone tells it, says of the search; the connection is of no more use."""
    for statement in (
        f"select gin_clean_pending_list('{index}')",
        f"analyze {table}",
        "set enable_seqscan = off",
        "load 'auto_explain'",
        "set auto_explain.log_min_duration = 0",
        "set auto_explain.log_nested_statements = on",
        "set client_min_messages = log",
    ):
        connection.exec_driver_sql(statement)
    bind_team(connection, team_id)
    search()
    driver = connection.connection.driver_connection
    assert driver is not None
    return "\n".join(notice[b"M"].decode() for notice in driver.notices)
