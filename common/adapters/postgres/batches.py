"""Batches of a job's chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from common.model.documents import Batch, BatchState, Job

_BATCH_COLUMNS = """
    batch_index, state::text as state, chunk_start, chunk_count,
    coalesce(lease_expires_at > clock_timestamp(), false) as leased
"""

_CREATE = text("""
    insert into ingestion_batches (job_id, batch_index, team_id, chunk_start, chunk_count)
    select :job_id, n, :team_id, n * :size, least(:size, :total - n * :size)
    from generate_series(0, (:total - 1) / :size) as n
    on conflict do nothing
""")

_OF_JOB = text(f"select {_BATCH_COLUMNS} from ingestion_batches where job_id = :job_id order by batch_index")  # noqa: S608

_LOCK = text(f"""
    select {_BATCH_COLUMNS} from ingestion_batches where job_id = :job_id and batch_index = :index for no key update
""")  # noqa: S608

_LEASE = text("""
    update ingestion_batches
    set lease_token = :token, lease_expires_at = clock_timestamp() + make_interval(secs => :seconds)
    where job_id = :job_id and batch_index = :index
""")

_RENEW = text("""
    update ingestion_batches set lease_expires_at = clock_timestamp() + make_interval(secs => :seconds)
    where job_id = :job_id and batch_index = :index and lease_token = :token
""")

_RELEASE = text("""
    update ingestion_batches set lease_token = null, lease_expires_at = null
    where job_id = :job_id and batch_index = :index and lease_token = :token
""")

_COUNT_ATTEMPT = text("""
    update ingestion_jobs set attempts = attempts + :attempts, updated_at = now()
    where id = :job_id and exists (
        select from ingestion_batches
        where job_id = :job_id and batch_index = :index and lease_token = :token)
""")

_MARK_EMBEDDED = text("""
    update ingestion_batches
    set state = 'embedded', reason = null, error_message = null, lease_token = null, lease_expires_at = null
    where job_id = :job_id and batch_index = :index and lease_token = :token and state = 'pending'
""")

_MARK_RECORDED = text("""
    update ingestion_batches
    set state = 'recorded', reason = null, error_message = null, lease_token = null, lease_expires_at = null
    where job_id = :job_id and batch_index = :index
""")


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        index=row.batch_index,
        state=BatchState(row.state),
        chunk_start=row.chunk_start,
        chunk_count=row.chunk_count,
        leased=row.leased,
    )


class PostgresBatchRows:
    """See `common.database.BatchRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, job: Job, total_chunks: int, batch_size: int) -> None:
        parameters = {"job_id": job.id, "team_id": job.team_id, "size": batch_size, "total": total_chunks}
        self._connection.execute(_CREATE, parameters)

    def of_job(self, job_id: UUID) -> Sequence[Batch]:
        return [_batch(row) for row in self._connection.execute(_OF_JOB, {"job_id": job_id})]

    def lock(self, job_id: UUID, index: int) -> Batch | None:
        row = self._connection.execute(_LOCK, {"job_id": job_id, "index": index}).one_or_none()
        return None if row is None else _batch(row)

    def lease(self, job_id: UUID, index: int, token: UUID, seconds: float) -> None:
        self._connection.execute(_LEASE, {"job_id": job_id, "index": index, "token": token, "seconds": seconds})

    def renew(self, job_id: UUID, index: int, token: UUID, seconds: float) -> bool:
        parameters = {"job_id": job_id, "index": index, "token": token, "seconds": seconds}
        return self._connection.execute(_RENEW, parameters).rowcount == 1

    def release(self, job_id: UUID, index: int, token: UUID, *, failed: bool) -> None:
        parameters = {"job_id": job_id, "index": index, "token": token}
        self._connection.execute(_COUNT_ATTEMPT, parameters | {"attempts": int(failed)})
        self._connection.execute(_RELEASE, parameters)

    def mark_embedded(self, job_id: UUID, index: int, token: UUID) -> bool:
        parameters = {"job_id": job_id, "index": index, "token": token}
        return self._connection.execute(_MARK_EMBEDDED, parameters).rowcount == 1

    def mark_recorded(self, job_id: UUID, index: int) -> None:
        self._connection.execute(_MARK_RECORDED, {"job_id": job_id, "index": index})
