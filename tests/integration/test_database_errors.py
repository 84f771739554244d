"""Database errors told as the pipeline's outcomes: what passes is `Retryable`, what does not stays as it is."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from common.adapters.postgres.connection import PostgresDatabase, begin, connect
from common.errors import ConfigurationError, Retryable
from common.messages import DocumentRegistered
from common.model.documents import Route
from local.ports import free_ports
from local.postgres import url_on
from tests.rows import Installation, registered

WAIT_SECONDS = 20.0
"""How long a test waits for what must happen; only a failing test waits that long."""


# pg8000 leaves a broken connection's socket to the garbage collector.
leaving_a_socket = pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def collected() -> Iterator[None]:
    """What the test left behind is taken away before the next one begins."""
    yield
    gc.collect()


def backend(connection: Connection) -> int:
    return int(connection.execute(text("select pg_backend_pid()")).scalar_one())


@leaving_a_socket
@pytest.mark.usefixtures("collected")
def test_a_lost_connection_may_be_tried_again_and_the_next_one_works(installation: Installation) -> None:
    def lose() -> None:
        with begin(installation.pipeline) as connection:
            installation.execute("select pg_terminate_backend(:pid)", pid=backend(connection))
            connection.execute(text("select 1"))

    with pytest.raises(Retryable) as caught:
        lose()
    assert caught.value.reason == "DATABASE_UNAVAILABLE"
    with begin(installation.pipeline) as connection:
        assert connection.execute(text("select 1")).scalar_one() == 1


@leaving_a_socket
@pytest.mark.usefixtures("collected")
def test_a_server_that_is_not_there_may_be_tried_again() -> None:
    (port,) = free_ports(1)
    database = PostgresDatabase(connect(url_on(port, "nothing", "pipeline"), concurrency=1))
    with pytest.raises(Retryable), database.transaction():
        pass


def test_of_two_that_deadlock_one_may_try_again_and_the_other_ends(installation: Installation, place: Route) -> None:
    one, two = registered(installation, place), registered(installation, place)
    together = threading.Barrier(2, timeout=WAIT_SECONDS)

    def lock(first: DocumentRegistered, second: DocumentRegistered) -> str:
        try:
            with installation.database.transaction() as transaction:
                transaction.documents.lock(first.document_id)
                together.wait()
                transaction.documents.lock(second.document_id)
        except Retryable as error:
            return error.reason
        return "ended"

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(lock, (one, two), (two, one)))
    assert sorted(outcomes) == ["DATABASE_UNAVAILABLE", "ended"]


def test_a_mistake_in_the_work_is_not_tried_again(installation: Installation, place: Route) -> None:
    def insert() -> None:
        with begin(installation.operator) as connection:
            connection.execute(text("insert into teams (id, name) values (:id, 'again')"), {"id": place.team_id})

    with pytest.raises(DBAPIError, match="duplicate key"):
        insert()


def test_what_raised_is_rolled_back(installation: Installation, place: Route) -> None:
    message = registered(installation, place)

    def crash() -> None:
        with installation.database.transaction() as transaction:
            transaction.documents.describe(message.document_id, mime_type="text/plain", sha256="00")
            raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        crash()
    assert installation.row("select sha256 from documents where id = :id", id=message.document_id).sha256 is None


def test_errors_show_nobody_s_text(installation: Installation) -> None:
    with pytest.raises(DBAPIError) as caught, begin(installation.pipeline) as connection:
        connection.execute(text("select cast(:text as text), 1 / 0"), {"text": "a person's question"})
    assert "a person's question" not in str(caught.value)


def test_what_is_no_url_is_a_setting_to_mend() -> None:
    with pytest.raises(ConfigurationError, match="AI_INFRA_DATABASE_URL"):
        connect("no url", concurrency=1)
