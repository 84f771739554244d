"""What the tests run on: a real Postgres, with a migrated database for each test module."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, text

from local.ports import free_ports
from local.postgres import PostgresServer, start_postgres
from migrations.upgrade import migrate
from tests.skips import OPTION, SkipGate

FULL = "--full"
TEMPLATE = "template_ai_infra"
LOGINS = {"api": "ai_infra_api", "pipeline": "ai_infra_pipeline", "operator": "ai_infra_operator"}

_numbers = itertools.count(1)

# Whether a test passes does not depend on how busy the machine is.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(FULL, action="store_true", help="run the tests that take long, too")
    parser.addoption(OPTION, type=Path, help="file of the tests that may be skipped; any other skip is a failure")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without --full, what is marked so is not part of the run."""
    if config.getoption(FULL):
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption(OPTION)
    if file is not None:
        config.pluginmanager.register(SkipGate(file))


def show(line: str) -> None:
    """A running part's line, where pytest shows it with a failed test.

    Past `sys.stderr`: parts speak when they like, and a test may have put its own in that place.
    """
    os.write(2, f"{line}\n".encode())


@dataclass(frozen=True)
class TestDatabase:
    """A migrated database of its own; `url` logs in as `api`, `pipeline`, `operator` or `postgres`."""

    __test__ = False

    server: PostgresServer
    name: str

    def url(self, user: str) -> str:
        return self.server.url(self.name, user)

    def engine(self, user: str = "postgres") -> Engine:
        return create_engine(self.url(user), connect_args={"ssl_context": False})


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The session's server, with the migrated template and the roles that log in."""
    directory = tmp_path_factory.mktemp("postgres")
    (port,) = free_ports(1)
    with start_postgres(directory, port=port, log=show, durable=False) as server:
        server.create_database(TEMPLATE)
        engine = create_engine(server.url(TEMPLATE), connect_args={"ssl_context": False})
        with engine.begin() as connection:
            for login in LOGINS:
                connection.execute(text(f"create role {login} login"))
        migrate(engine, LOGINS)
        engine.dispose()
        yield server


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[TestDatabase]:
    """A fresh copy of the migrated template for this module."""
    name = f"test_{next(_numbers)}"
    postgres.create_database(name, template=TEMPLATE)
    yield TestDatabase(postgres, name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent
