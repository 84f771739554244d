"""Brings a database to the newest schema. Runners that meet take turns: the second finds nothing left to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

# Any number that no other program takes in the same database.
_LOCK = 7_203_416_001

_TRY_LOCK = text("select pg_try_advisory_lock(:lock)")
_UNLOCK = text("select pg_advisory_unlock(:lock)")

LOCK_SECONDS = 300.0
_POLL_SECONDS = 0.2


def upgrade(engine: Engine, *, lock_seconds: float = LOCK_SECONDS) -> None:
    """Apply what is missing, as the owner of the schema. `TimeoutError` if another runner does not finish in time."""
    with engine.connect() as guard, _locked(guard, lock_seconds), engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _locked(connection: Connection, lock_seconds: float) -> Iterator[None]:
    """A blocking lock would hold a snapshot that concurrent index builds wait for: it is polled instead."""
    deadline = time.monotonic() + lock_seconds
    while not connection.execute(_TRY_LOCK, {"lock": _LOCK}).scalar_one():
        connection.rollback()
        if time.monotonic() > deadline:
            raise TimeoutError(f"Another migration has been running for {lock_seconds:.0f} s: look at it first.")
        time.sleep(_POLL_SECONDS)
    connection.rollback()
    try:
        yield
    finally:
        connection.execute(_UNLOCK, {"lock": _LOCK})
        connection.rollback()
