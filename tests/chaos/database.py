"""Steps in the database: the begin of each transaction, each statement, before and behind each commit."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from pg8000.exceptions import DatabaseError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from tests.chaos.clock import BEGIN, VirtualClock
from tests.chaos.tasks import Crash, Kind, Task, current

PART = "database"


def _lost() -> DatabaseError:
    """What pg8000 says of a connection that the server ended."""
    return DatabaseError({"S": "FATAL", "C": "08006", "M": "the connection was lost (a fault of the plan)"})


class Gate:
    """Where the tasks' transactions give control back."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def put_on(self, engine: Engine) -> None:
        """Let each transaction of the engine that a task is in go by the steps."""
        event.listen(engine, "connect", self._connected)
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._before_commit)
        commit, rollback = engine.dialect.do_commit, engine.dialect.do_rollback
        engine.dialect.do_commit = self._committing(commit)  # type: ignore[method-assign, assignment]
        engine.dialect.do_rollback = self._rolling_back(rollback)  # type: ignore[method-assign, assignment]

    @staticmethod
    def _connected(connection: Any, record: Any) -> None:
        (record.info["pid"],) = struct.unpack(">i", connection._backend_key_data[:4])

    def _begin(self, connection: Connection) -> None:
        task = current()
        if task is not None:
            _meet(connection, task, "begin", Kind.BEGIN)
            task.pid = connection.connection.info["pid"]
            driver: Any = connection.connection.driver_connection
            driver.execute_simple(BEGIN.format(self._clock.microseconds))

    @staticmethod
    def _statement(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        task = current()
        if task is not None:
            task.wrote |= not statement.lstrip().startswith("select")
            _meet(connection, task, task.method or " ".join(statement.split()[:3]), Kind.STATEMENT)

    @staticmethod
    def _before_commit(connection: Connection) -> None:
        task = current()
        if task is not None:
            _meet(connection, task, "commit", Kind.COMMIT)

    @staticmethod
    def _committing(commit: Callable[[Any], None]) -> Callable[[Any], None]:
        def do_commit(connection: Any) -> None:
            commit(connection)
            task = current()
            if task is not None:
                task.pid, task.ended_transaction, task.committed = None, True, task.wrote
                task.wrote = False
                if task.step("committed", Kind.COMMITTED, PART) is not None:
                    raise _lost()

        return do_commit

    @staticmethod
    def _rolling_back(rollback: Callable[[Any], None]) -> Callable[[Any], None]:
        def do_rollback(connection: Any) -> None:
            rollback(connection)
            task = current()
            if task is not None and task.pid is not None:
                task.pid, task.ended_transaction, task.wrote = None, True, False

        return do_rollback


def _meet(connection: Connection, task: Task, label: str, kind: Kind) -> None:
    try:
        fault = task.step(label, kind, PART)
    except Crash:
        _roll_back(connection, task)
        raise
    if fault is not None:
        raise OperationalError(label, None, _lost())


def _roll_back(connection: Connection, task: Task) -> None:
    """What the server does when the connection of a process that died is closed; here it is seen to be done."""
    driver = connection.connection.driver_connection
    if task.pid is not None and driver is not None:
        driver.rollback()
        task.pid, task.ended_transaction, task.wrote = None, True, False


class Named:
    """An object whose methods name the steps in them."""

    def __init__(self, real: Any, name: str) -> None:
        self._real, self._name = real, name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found
        label = f"{self._name}.{name}"

        def call(*arguments: Any, **named: Any) -> Any:
            task = current()
            if task is None:
                return found(*arguments, **named)
            with task.within(label):
                return found(*arguments, **named)

        return call
