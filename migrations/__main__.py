"""`python -m migrations`: migrates the Cloud SQL database that the settings of profile `gcp` name.

Run by a job before new functions are rolled out; safe to run again, and at the same time. Exits 0 once the database has
the newest schema and every login of AI_INFRA_DATABASE_LOGINS its group, else 1 with a sentence.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from common.adapters import cloud_sql
from common.config import load_cloud
from common.errors import AiInfraError
from migrations.settings import database_logins
from migrations.upgrade import Migrated, migrate

# An index takes longer to build than a function waits for an answer. The job itself ends after half an hour.
STATEMENT_SECONDS = 1500.0
# A role that was granted a moment ago, with the rest of a new installation, is not known everywhere at once.
CONNECT_ATTEMPTS, CONNECT_PAUSE_SECONDS = 13, 15.0


def main(environment: Mapping[str, str] = os.environ, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Migrate; the exit code."""
    try:
        logins = database_logins(environment)
        engine = cloud_sql.connect(replace(load_cloud(environment), remote_seconds=STATEMENT_SECONDS), concurrency=2)
        try:
            wait_until_let_in(engine, sleep)
            done = migrate(engine, logins)
        finally:
            engine.dispose()
    except AiInfraError as error:
        return _failed(error.message)
    except TimeoutError as error:
        return _failed(str(error))
    except DBAPIError as error:
        return _failed(f"The migration failed and was rolled back: {_said(error)}")
    print(_sentence(done))
    return 0


def wait_until_let_in(engine: Engine, sleep: Callable[[float], None]) -> None:
    """Return once a connection is made; after the last attempt, raise what stands against it."""
    for left in reversed(range(CONNECT_ATTEMPTS)):
        try:
            engine.connect().close()
        except AiInfraError as error:
            if left == 0:
                raise
            print(f"Not yet: {error.message}", file=sys.stderr, flush=True)
            sleep(CONNECT_PAUSE_SECONDS)
        else:
            return


def _failed(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def _said(error: DBAPIError) -> object:
    """The server's own words, without the statement."""
    details = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return details.get("M", error.orig) if isinstance(details, dict) else error.orig


def _sentence(done: Migrated) -> str:
    if done.before == done.after and not done.assigned:
        return f"The database is at {done.after} already, and every login has its group."
    return "\n".join([f"The database is at {done.after} (before: {done.before}).", *done.assigned])


if __name__ == "__main__":
    sys.exit(main())
