"""The connection to Postgres: a pool, transactions, and database errors told as the pipeline's outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pg8000.exceptions import InterfaceError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from common.adapters.postgres.batches import PostgresBatchRows
from common.adapters.postgres.chunks import PostgresChunkRows
from common.adapters.postgres.deletions import PostgresDeletionRows
from common.adapters.postgres.documents import PostgresDocumentRows
from common.adapters.postgres.failed_messages import PostgresFailedRows
from common.adapters.postgres.fetches import PostgresFetchRows
from common.adapters.postgres.jobs import PostgresJobRows
from common.adapters.postgres.listing import PostgresListingRows
from common.adapters.postgres.operations import PostgresOperationRows
from common.adapters.postgres.progress import PostgresProgressRows
from common.adapters.postgres.purges import PostgresPurgeRows
from common.adapters.postgres.retention import PostgresRetentionRows
from common.errors import ConfigurationError, Retryable

if TYPE_CHECKING:
    from common.adapters.postgres.inspection import PostgresInspectionRows

# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, resources, intervention, conflicts.
_PASSING_CLASSES = ("08", "53", "57")
_PASSING_CODES = ("40001", "40P01", "55P03")


def connect(url: str, *, concurrency: int) -> Engine:
    """Connections to the server that the URL names, without TLS, which loopback has no use for.

    Raises `ConfigurationError` where this is no URL of a database.
    """
    try:
        return pooled(url, concurrency=concurrency, connect_args={"ssl_context": False, "timeout": 30})
    except ArgumentError as error:
        raise ConfigurationError(f"AI_INFRA_DATABASE_URL cannot be used: {error}") from None


def pooled(url: str, *, concurrency: int, **how_to_connect: Any) -> Engine:
    """A pool of as many connections as the instance serves requests, each asked whether it lives before it is used."""
    engine = create_engine(
        url,
        pool_size=concurrency,
        max_overflow=2,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,  # they hold people's questions and texts, which no log is to have
        **how_to_connect,
    )
    event.listen(engine, "connect", _send_at_once)
    event.listen(engine, "connect", _tell_network_errors)
    return engine


def _send_at_once(connection: Any, _: object) -> None:
    """Without waiting for an answer to what was sent before: the end of a COPY came 40 ms after its rows."""
    connection._usock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # noqa: SLF001


def _tell_network_errors(connection: Any, _: object) -> None:
    connection._sock = _Wire(connection._sock)  # noqa: SLF001


class _Wire:
    """What pg8000 reads from and writes to.

    Where an answer begins, pg8000 lets the socket's own errors through: a connection that was reset, or whose server
    does not answer in time, would not count as broken, neither when the pool tries it nor in a transaction.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.write = file.write
        self.flush = file.flush

    def read(self, size: int) -> bytes:
        try:
            read: bytes = self._file.read(size)
        except OSError as error:
            raise InterfaceError("network error") from error
        return read


def _passing(error: DBAPIError) -> bool:
    details = error.orig.args[0] if error.orig is not None and error.orig.args else None
    code = details.get("C", "") if isinstance(details, dict) else ""
    return error.connection_invalidated or not code or code.startswith(_PASSING_CLASSES) or code in _PASSING_CODES


class PostgresTransaction:
    """The rows of one transaction; see `common.database.Transaction`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def documents(self) -> PostgresDocumentRows:
        return PostgresDocumentRows(self._connection)

    @cached_property
    def jobs(self) -> PostgresJobRows:
        return PostgresJobRows(self._connection)

    @cached_property
    def batches(self) -> PostgresBatchRows:
        return PostgresBatchRows(self._connection)

    @cached_property
    def chunks(self) -> PostgresChunkRows:
        return PostgresChunkRows(self._connection)

    @cached_property
    def fetches(self) -> PostgresFetchRows:
        return PostgresFetchRows(self._connection)

    @cached_property
    def purges(self) -> PostgresPurgeRows:
        return PostgresPurgeRows(self._connection)

    @cached_property
    def deletions(self) -> PostgresDeletionRows:
        return PostgresDeletionRows(self._connection)

    @cached_property
    def operations(self) -> PostgresOperationRows:
        return PostgresOperationRows(self._connection)

    @cached_property
    def failed_messages(self) -> PostgresFailedRows:
        return PostgresFailedRows(self._connection)

    @cached_property
    def listing(self) -> PostgresListingRows:
        return PostgresListingRows(self._connection)

    @cached_property
    def progress(self) -> PostgresProgressRows:
        return PostgresProgressRows(self._connection)

    @cached_property
    def inspection(self) -> PostgresInspectionRows:
        from common.adapters.postgres.inspection import PostgresInspectionRows  # noqa: PLC0415 - for operators alone

        return PostgresInspectionRows(self._connection)

    @cached_property
    def retention(self) -> PostgresRetentionRows:
        return PostgresRetentionRows(self._connection)


@contextmanager
def begin(engine: Engine) -> Iterator[Connection]:
    """A transaction on a pooled connection. A fault that passes is `Retryable`; any other error stays as it is."""
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        if not _passing(error):
            raise
        raise Retryable("DATABASE_UNAVAILABLE", f"The database did not carry out the work: {error.orig}") from error


_BIND_TEAM = text("select set_config('app.team_id', :team_id, true)")


def bind_team(connection: Connection, team_id: UUID) -> None:
    """Row level security shows the API's role this team's rows, until the transaction ends."""
    connection.execute(_BIND_TEAM, {"team_id": str(team_id)})


class PostgresDatabase:
    """The database of the pipeline's functions, which work for every team."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        """See `common.database.Database`."""
        with begin(self._engine) as connection:
            yield PostgresTransaction(connection)
