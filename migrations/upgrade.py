"""Brings a database to the newest schema. Runners that meet take turns: the second finds nothing left to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from common.errors import ConfigurationError
from migrations.accounts import acting_as, assign, prepare
from migrations.lock import LOCK_SECONDS, locked

# A change that waits for a table makes all who use the table wait behind it: rather fail, and be run again.
TABLE_SECONDS = 20.0


@dataclass(frozen=True)
class Migrated:
    """What a run did: the schema's revisions before and after it, and the statements that put logins into groups."""

    before: str | None
    after: str | None
    assigned: list[str]


def upgrade(engine: Engine, *, lock_seconds: float = LOCK_SECONDS) -> None:
    """Apply what is missing, as the owner of the schema. `TimeoutError` if another runner does not finish in time."""
    with locked(engine, lock_seconds), engine.connect() as connection:
        _apply(connection, TABLE_SECONDS)


def migrate(
    engine: Engine,
    logins: Mapping[str, str],
    *,
    lock_seconds: float = LOCK_SECONDS,
    table_seconds: float = TABLE_SECONDS,
) -> Migrated:
    """Make the roles that are missing, apply what is missing of the schema as its owner, put logins into their groups.

    `TimeoutError` as in `upgrade`; `ConfigurationError` as in `migrations.accounts`. What went wrong leaves the schema
    and the groups as they were, and the next run goes on from there.
    """
    with locked(engine, lock_seconds), engine.connect() as connection:
        owner = prepare(connection)
        with acting_as(connection, owner):
            before, after = _apply(connection, table_seconds)
        return Migrated(before, after, assign(connection, logins))


def _apply(connection: Connection, table_seconds: float) -> tuple[str | None, str | None]:
    """Upgrade; the revisions before and after."""
    connection.detach()  # what is set for this session ends with it
    connection.exec_driver_sql(f"set lock_timeout = {round(table_seconds * 1000)}")
    connection.commit()
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    before = _revision(connection)
    if before not in {None, *(script.revision for script in ScriptDirectory.from_config(config).walk_revisions())}:
        raise ConfigurationError(
            f"The database is at {before}, which this version does not know: a newer one made it. Deploy that one, or"
            " one that came after it; the functions of an earlier version go on working."
        )
    command.upgrade(config, "head")
    return before, _revision(connection)


def _revision(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    return revision
