"""One migration at a time on a database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

# Any number that no other program takes in the same database.
_LOCK = 7_203_416_001

_TRY_LOCK = text("select pg_try_advisory_lock(:lock)")
_UNLOCK = text("select pg_advisory_unlock(:lock)")

LOCK_SECONDS = 300.0
_POLL_SECONDS = 0.2


@contextmanager
def locked(engine: Engine, seconds: float) -> Iterator[None]:
    """Runners that meet take turns. `TimeoutError` if another one does not finish in time.

    The lock is held by a connection of its own, whose end releases it. A blocking lock would hold a snapshot that
    concurrent index builds wait for: it is polled instead.
    """
    with engine.connect() as connection:
        deadline = time.monotonic() + seconds
        while not connection.execute(_TRY_LOCK, {"lock": _LOCK}).scalar_one():
            connection.rollback()
            if time.monotonic() > deadline:
                raise TimeoutError(f"Another migration has been running for {seconds:.0f} s: look at it first.")
            time.sleep(_POLL_SECONDS)
        connection.rollback()
        try:
            yield
        finally:
            connection.execute(_UNLOCK, {"lock": _LOCK})
            connection.rollback()
