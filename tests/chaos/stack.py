"""What all runs of a process share: Postgres with a template, the storage and the Pub/Sub emulator, and their patches.

The patches make a run a function of its seed: the threads that keep leases are tasks, and what is random in a task is
the seed's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from google.cloud.storage import Client
from pg8000.native import Connection
from sqlalchemy import create_engine

from common import lease
from local.ports import LOOPBACK, free_ports
from local.postgres import PostgresServer, start_postgres
from local.postgres_cluster import SUPERUSER
from local.pubsub.emulator import PubSubEmulator
from local.storage import Notifications, start_storage, storage_client
from local.subscriptions import apply_topology
from local.topology import Topology, read_topology
from migrations.upgrade import migrate
from tests.chaos import clock
from tests.chaos.tasks import Happening, LeaseThread, current
from tests.conftest import LOGINS, TEMPLATE
from tests.functions.topics import PROJECT

ROOT = Path(__file__).resolve().parents[2]
CHAOS_TEMPLATE = "template_chaos"
_CONTROL = "postgres"
_PACKAGES = ("common", "functions")


@dataclass
class Stack:
    """The servers. `control` is a connection that no run is on."""

    server: PostgresServer
    emulator: PubSubEmulator
    topology: Topology
    storage: Client
    control: Connection
    cloud: Any = None
    """In profile `gcp`, a `tests.chaos.cloud.Cloud`."""

    def __post_init__(self) -> None:
        self.numbers = count(1)

    def connect(self, database: str) -> Connection:
        """A connection as the owner of everything."""
        return connect(self.server, database)


def connect(server: PostgresServer, database: str) -> Connection:
    return Connection(SUPERUSER, host=LOOPBACK, port=server.port, database=database, ssl_context=False)


class _Ear(logging.Handler):
    """Keeps what a task's own errors were."""

    def emit(self, record: logging.LogRecord) -> None:
        task = current()
        if task is not None and record.exc_info and record.exc_info[1] is not None:
            task.group.errors.append(repr(record.exc_info[1]))


def listen() -> None:
    """Let nothing be logged but what tells why a delivery failed."""
    root = logging.getLogger()
    root.handlers = [_Ear()]
    root.setLevel(logging.ERROR)
    for package in _PACKAGES:
        logging.getLogger(package).setLevel(logging.ERROR)


@contextmanager
def _logging_kept() -> Iterator[None]:
    """What is set for logging is as it was behind the block: the functions of a run set it, as does `listen`."""
    loggers = [logging.getLogger(name) for name in ("", *_PACKAGES)]
    kept = [(logger, list(logger.handlers), logger.level) for logger in loggers]
    try:
        yield
    finally:
        for logger, handlers, level in kept:
            logger.handlers = handlers
            logger.setLevel(level)


def _quiet(_line: str) -> None:
    """The servers' lines are no news here."""


def _urandom(size: int) -> bytes:
    task = current()
    return _really_random(size) if task is None else task.random.randbytes(size)


_really_random = os.urandom


@contextmanager
def migrated(directory: Path) -> Iterator[PostgresServer]:
    """A server of its own, with the template that the tests have."""
    (port,) = free_ports(1)
    with start_postgres(directory, port=port, log=_quiet, durable=False) as server:
        server.create_database(TEMPLATE)
        control = connect(server, _CONTROL)
        for login in LOGINS:
            control.run(f"create role {login} login")
        control.close()
        engine = create_engine(server.url(TEMPLATE), connect_args={"ssl_context": False})
        migrate(engine, LOGINS)
        engine.dispose()
        yield server


@contextmanager
def running(server: PostgresServer, directory: Path, *, profile: str = "local") -> Iterator[Stack]:
    """Everything that runs of this profile need, on this server; its data is in the directory."""
    server.create_database(CHAOS_TEMPLATE, template=TEMPLATE)
    template = connect(server, CHAOS_TEMPLATE)
    clock.install(template)
    template.close()
    topology = read_topology(ROOT / "infra" / "topology.yaml")
    with ExitStack() as parts:
        parts.enter_context(_logging_kept())
        parts.callback(server.drop_database, CHAOS_TEMPLATE)
        emulator = parts.enter_context(PubSubEmulator(held=True))
        nowhere = dict.fromkeys(topology.functions, "http://127.0.0.1:1/")
        apply_topology(topology, emulator=emulator.host, project=PROJECT, endpoints=nowhere, log=_quiet)
        port = int(emulator.host.rpartition(":")[2])
        nobody = Notifications(pubsub_port=port, project=PROJECT, topic="object-events", bucket="no-such-bucket")
        storage = parts.enter_context(start_storage(directory, port=free_ports(1)[0], notifications=nobody, log=_quiet))
        client = storage_client(storage.endpoint, PROJECT)
        parts.callback(client.close)
        control = connect(server, _CONTROL)
        parts.callback(control.close)
        patch = parts.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("STORAGE_EMULATOR_HOST", storage.endpoint)
        patch.setenv("PUBSUB_EMULATOR_HOST", emulator.host)
        patch.setattr(lease, "Thread", LeaseThread)
        patch.setattr(lease, "Event", Happening)
        patch.setattr(os, "urandom", _urandom)
        cloud = None
        if profile == "gcp":
            from tests.chaos.cloud import clouded  # noqa: PLC0415 - seconds of import, for this profile alone

            cloud = parts.enter_context(clouded(directory))
        yield Stack(server, emulator, topology, client, control, cloud)
