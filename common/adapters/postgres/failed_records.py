"""Failed messages, read for operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from common import tracing
from common.administration import FailedRecord, Replayable
from common.errors import UNDECODABLE, AiInfraError
from common.tracing import TRACEPARENT

_RECORDS = """
    select id, subscription, topic, message_id, attributes, length(data) as size, reason, error, delivery_attempts,
        team_id, document_id, job_id, published_at, received_at, replays, replayed_at, resolved_at, resolution
    from failed_messages
"""

_LIST = text(f"""
    {_RECORDS} where cast(:resolved as boolean) or resolved_at is null
    order by received_at desc, id
    limit :limit
""")

_ONE = text(f"{_RECORDS} where id = :id")

_BODY = text("select data from failed_messages where id = :id")

_WAITING = """
    resolved_at is null
    and (cast(:reason as text) is null or reason = :reason) and (cast(:job_id as uuid) is null or job_id = :job_id)
"""

_REPLAYABLE = text(f"""
    select id from failed_messages where {_WAITING} and reason <> :undecodable
    order by received_at, id
    limit :limit
""")  # noqa: S608

_LEFT_OUT = text(f"select count(*) from failed_messages where {_WAITING} and reason = :undecodable")  # noqa: S608


class PostgresFailedRecords:
    """The part of `common.administration.Administration` that is about failed messages."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, limit: int, *, resolved: bool) -> Sequence[FailedRecord]:
        return [_record(row) for row in self._connection.execute(_LIST, {"limit": limit, "resolved": resolved})]

    def one(self, message: UUID) -> FailedRecord:
        return _record(self._row(_ONE, message))

    def body(self, message: UUID) -> bytes:
        return bytes(self._row(_BODY, message).data)

    def replayable(self, limit: int, *, reason: str | None, job_id: UUID | None) -> Replayable:
        parameters = {"reason": reason, "job_id": job_id, "undecodable": UNDECODABLE}
        ids = self._connection.execute(_REPLAYABLE, {**parameters, "limit": limit}).scalars().all()
        left_out = self._connection.execute(_LEFT_OUT, parameters).scalar_one()
        return Replayable(ids=ids, undecodable=left_out)

    def _row(self, statement: Any, message: UUID) -> Row[Any]:
        row = self._connection.execute(statement, {"id": message}).one_or_none()
        if row is None:
            raise AiInfraError("NOT_FOUND", f"There is no failed message {message}.")
        found: Row[Any] = row
        return found


def _record(row: Row[Any]) -> FailedRecord:
    trace = tracing.parsed(row.attributes.get(TRACEPARENT, ""))
    return FailedRecord(**row._asdict(), trace=None if trace is None else trace.trace_id)
