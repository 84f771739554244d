"""Requests to fetch web addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, text

from common.errors import AiInfraError
from common.model.fetches import Fetch, FetchStatus

_COLUMNS = """
    f.id, f.team_id, f.project_id, f.document_id, f.url, f.bucket, f.object_name, f.metadata, f.status, f.retryable,
    (select t.deleted_at is null and p.deleted_at is null
     from projects p join teams t on t.id = p.team_id where p.id = f.project_id) as project_living
"""

_OPEN = text("""
    insert into fetches (id, team_id, project_id, document_id, url, bucket, object_name, metadata)
    values (:id, :team_id, :project_id, :document_id, :url, :bucket, :object_name, cast(:metadata as jsonb))
""")

_FIND = text(f"select {_COLUMNS} from fetches f where f.id = :id")  # noqa: S608

# What failed for now is open still: its message may be replayed.
_IS_OPEN = "id = :id and (status = 'queued' or status = 'failed' and retryable)"

_END = text(f"""
    update fetches
    set status = :status, generation = :generation, reason = null, message = null, retryable = null,
        finished_at = now(), updated_at = now()
    where {_IS_OPEN}
""")  # noqa: S608

_FAIL = text(f"""
    update fetches
    set status = 'failed', reason = :reason, message = :message, retryable = :retryable, finished_at = now(),
        updated_at = now()
    where {_IS_OPEN}
""")  # noqa: S608

_NOTE = text(f"""
    update fetches set attempts = attempts + 1, reason = :reason, message = :message, updated_at = now()
    where {_IS_OPEN}
    returning attempts
""")  # noqa: S608

_NOTED = text("select reason, message from fetches where id = :id and reason is not null")

_CLAIM_STALLED = text(f"""
    update fetches f set updated_at = now()
    where f.id in (
        select id from fetches
        where status = 'queued' and updated_at < now() - make_interval(secs => :seconds)
        order by updated_at
        limit :limit
        for update skip locked)
    returning {_COLUMNS}
""")  # noqa: S608


def _fetch(row: Row[Any]) -> Fetch:
    return Fetch(**{**row._asdict(), "status": FetchStatus(row.status)})


class PostgresFetchRows:
    """See `common.database.FetchRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, fetch: Fetch) -> None:
        parameters = {
            "id": fetch.id,
            "team_id": fetch.team_id,
            "project_id": fetch.project_id,
            "document_id": fetch.document_id,
            "url": fetch.url,
            "bucket": fetch.bucket,
            "object_name": fetch.object_name,
            "metadata": msgspec.json.encode(fetch.metadata).decode(),
        }
        self._connection.execute(_OPEN, parameters)

    def find(self, fetch_id: UUID) -> Fetch | None:
        row = self._connection.execute(_FIND, {"id": fetch_id}).one_or_none()
        return None if row is None else _fetch(row)

    def end(self, fetch_id: UUID, status: FetchStatus, generation: int) -> bool:
        parameters = {"id": fetch_id, "status": status.value, "generation": generation}
        return bool(self._connection.execute(_END, parameters).rowcount)

    def fail(self, fetch_id: UUID, error: AiInfraError, *, retryable: bool) -> bool:
        parameters = {"id": fetch_id, "reason": error.reason, "message": error.message, "retryable": retryable}
        return bool(self._connection.execute(_FAIL, parameters).rowcount)

    def note(self, fetch_id: UUID, error: AiInfraError) -> int:
        parameters = {"id": fetch_id, "reason": error.reason, "message": error.message}
        return self._connection.execute(_NOTE, parameters).scalar_one_or_none() or 0

    def last_error(self, fetch_id: UUID) -> AiInfraError | None:
        row = self._connection.execute(_NOTED, {"id": fetch_id}).one_or_none()
        return None if row is None else AiInfraError(row.reason, row.message)

    def claim_stalled(self, older_than_seconds: float, limit: int) -> Sequence[Fetch]:
        parameters = {"seconds": older_than_seconds, "limit": limit}
        return [_fetch(row) for row in self._connection.execute(_CLAIM_STALLED, parameters)]
