"""Jobs whose chunks are to go."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from common.database import PurgeableJob
from common.model.chunks import ChunkOwner

# A job that was never active has no question in flight that could cite it: no grace for it. What a deleted project's or
# team's documents want or answer with goes too.
_IS_DUE = """
    j.purged_at is null and (
        j.status = 'failed' and j.id is distinct from d.active_job_id
        or j.status = 'succeeded' and now() - make_interval(secs => :grace) > least(p.deleted_at, t.deleted_at,
            case when j.id is distinct from d.active_job_id and j.id is distinct from d.wanted_job_id
                then j.retired_at end))
"""

_JOBS = """
    ingestion_jobs j
    join documents d on d.id = j.document_id
    join projects p on p.id = d.project_id
    join teams t on t.id = d.team_id
"""

_DUE = text(f"""
    select j.id as job_id, j.team_id, d.project_id, j.document_id, coalesce(j.total_chunks, 0) as total_chunks
    from {_JOBS}
    where j.document_id = :document_id and {_IS_DUE}
    order by j.created_at
""")  # noqa: S608

_DOCUMENTS_DUE = text(f"""
    select distinct j.team_id, j.document_id
    from {_JOBS}
    where {_IS_DUE}
    limit :limit
""")  # noqa: S608

_FORGET_CHUNKS = text("""
    delete from document_chunks c
    where c.job_id = :job_id and not exists (select from query_citations q where q.chunk_id = c.id)
""")

_KEEP_TOMBSTONES = text("""
    update document_chunks
    set text_preview = null, tsv = null, heading_path = '{}', retired_at = coalesce(retired_at, now())
    where job_id = :job_id
""")

_COMPLETE = text("update ingestion_jobs set purged_at = now(), updated_at = now() where id = :job_id")


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

    def complete(self, job_id: UUID) -> None:
        for statement in (_FORGET_CHUNKS, _KEEP_TOMBSTONES, _COMPLETE):
            self._connection.execute(statement, {"job_id": job_id})
