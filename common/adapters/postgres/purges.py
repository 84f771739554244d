"""Jobs whose chunks are to go."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from common.database import PurgeableJob
from common.model.chunks import ChunkOwner

# A failed job goes also while it is wanted: no question ever saw its chunks.
_IS_UNWANTED = """
    j.unwanted_since is not null and not j.purge_closed and j.id is distinct from d.active_job_id
      and (j.status = 'failed' or j.status = 'succeeded' and j.id is distinct from d.wanted_job_id)
"""

# A job that was never active has no question in flight that could cite it: no grace for it.
_IS_DUE = f"""
    {_IS_UNWANTED}
      and (j.next_purge_at <= now()
           or j.next_purge_at is null
              and (j.status = 'failed' or j.unwanted_since < now() - make_interval(secs => :grace)))
"""

_DUE = text(f"""
    select j.id as job_id, j.team_id, d.project_id, j.document_id, coalesce(j.total_chunks, 0) as total_chunks
    from ingestion_jobs j
    join documents d on d.id = j.document_id
    where j.document_id = :document_id and {_IS_DUE}
    order by j.created_at
""")  # noqa: S608

_DOCUMENTS_DUE = text(f"""
    select team_id, document_id
    from (
        select j.team_id, j.document_id, coalesce(j.next_purge_at, j.unwanted_since) as since
        from ingestion_jobs j
        join documents d on d.id = j.document_id
        where coalesce(j.next_purge_at, j.unwanted_since) <= now() and {_IS_DUE}
        order by coalesce(j.next_purge_at, j.unwanted_since)
        limit :limit
    ) oldest
    group by team_id, document_id
    order by min(since)
""")  # noqa: S608

_BEGIN = text(f"""
    update ingestion_jobs j set purge_started_at = coalesce(j.purge_started_at, now()), updated_at = now()
    from documents d
    where j.id = :job_id and d.id = j.document_id and {_IS_UNWANTED}
""")  # noqa: S608

_FORGET_CHUNKS = text("""
    delete from document_chunks c
    where c.job_id = :job_id and not exists (select from query_citations q where q.chunk_id = c.id)
""")

# What is a tombstone already is not written again.
_KEEP_TOMBSTONES = text("""
    update document_chunks
    set text_preview = null, tsv = null, heading_path = '{}', retired_at = coalesce(retired_at, now())
    where job_id = :job_id
      and (text_preview is not null or tsv is not null or heading_path <> '{}' or retired_at is null)
""")

# Each wait is as long as all before it together: a week takes nine repetitions where the first is after an hour.
_COMPLETE = text("""
    update ingestion_jobs j
    set purged_at = p.first, purge_closed = p.ends_at <= now(), updated_at = now(),
        next_purge_at = case when p.ends_at > now()
            then least(now() + greatest(make_interval(secs => :repeat), now() - p.first), p.ends_at) end
    from (
        select coalesce(purged_at, now()) as first,
            coalesce(purged_at, now()) + make_interval(secs => :retention) as ends_at
        from ingestion_jobs where id = :job_id
    ) p
    where j.id = :job_id
""")

# They are the removal's of the first deletion that has the job in it.
_COUNT_REMOVED = text("""
    update deletions set chunks = chunks + :removed
    where id = (
        select d.id
        from deletions d
        join ingestion_jobs j on j.document_id = d.document_id and j.generation <= d.generation
        where j.id = :job_id and d.completed_at is null
        order by d.generation
        limit 1)
""")

_AGAIN = text("""
    update ingestion_jobs set next_purge_at = now(), purge_closed = false, updated_at = now()
    where id = :job_id and purged_at is not null and unwanted_since is not null
""")


class PostgresPurgeRows:
    """See `common.database.PurgeRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def due(self, document_id: UUID, grace_seconds: float) -> Sequence[PurgeableJob]:
        rows = self._connection.execute(_DUE, {"document_id": document_id, "grace": grace_seconds})
        return [
            PurgeableJob(
                owner=ChunkOwner(
                    team_id=row.team_id, project_id=row.project_id, document_id=row.document_id, job_id=row.job_id
                ),
                total_chunks=row.total_chunks,
            )
            for row in rows
        ]

    def documents_due(self, grace_seconds: float, limit: int) -> Sequence[tuple[UUID, UUID]]:
        rows = self._connection.execute(_DOCUMENTS_DUE, {"grace": grace_seconds, "limit": limit})
        return [(row.team_id, row.document_id) for row in rows]

    def begin(self, job_id: UUID) -> bool:
        return self._connection.execute(_BEGIN, {"job_id": job_id}).rowcount == 1

    def complete(self, job_id: UUID, repeat_seconds: float, retention_seconds: float) -> None:
        removed = self._connection.execute(_FORGET_CHUNKS, {"job_id": job_id}).rowcount
        self._connection.execute(_KEEP_TOMBSTONES, {"job_id": job_id})
        parameters = {"job_id": job_id, "repeat": repeat_seconds, "retention": retention_seconds}
        self._connection.execute(_COMPLETE, parameters)
        if removed:
            self._connection.execute(_COUNT_REMOVED, {"job_id": job_id, "removed": removed})

    def again(self, job_id: UUID) -> None:
        self._connection.execute(_AGAIN, {"job_id": job_id})
