"""Receipts: what was deleted, and what of it is seen to be gone."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import Connection, text

from common.database import UncheckedJob
from common.model.chunks import ChunkOwner
from common.model.documents import DeletionCause, deletion_id

# No receipt for what nobody ever took in, none for what an earlier deletion has in it.
_OPEN = text("""
    insert into deletions (id, team_id, project_id, document_id, generation, cause)
    select :id, d.team_id, d.project_id, d.id, :generation, :cause
    from documents d
    where d.id = :document_id and d.generation > 0
      and not exists (select from deletions x where x.document_id = d.id and x.generation >= :generation)
    on conflict do nothing
""")

# Who deletes a team deletes its projects, too.
_KEPT = text("""
    select d.id, d.team_id, d.project_id, d.generation, t.deleted_at is not null as with_team
    from projects p
    join teams t on t.id = p.team_id
    join documents d on d.project_id = p.id and (d.wanted_job_id is not null or d.active_job_id is not null)
    where p.deleted_at is not null
    limit :limit
    for no key update of d skip locked
""")

_WITHDRAW = text("""
    update documents set wanted_job_id = null, active_job_id = null, updated_at = now() where id = any(:ids)
""")

_WITHDRAW_JOBS = text("""
    update ingestion_jobs
    set status = case when status in ('queued', 'running') then 'failed' else status end,
        reason = case when status in ('queued', 'running') then 'SUPERSEDED' else reason end,
        error_message =
            case when status in ('queued', 'running') then 'The project was deleted.' else error_message end,
        retryable = case when status in ('queued', 'running') then false else retryable end,
        finished_at = coalesce(finished_at, now()), retired_at = coalesce(retired_at, now()),
        lease_token = null, lease_expires_at = null, updated_at = now()
    where document_id = any(:ids)
""")

_WITHDRAW_CHUNKS = text("""
    update document_chunks set retired_at = now() where document_id = any(:ids) and retired_at is null
""")

_OPEN_ALL = text("""
    insert into deletions (id, team_id, project_id, document_id, generation, cause)
    select r.id, r.team_id, r.project_id, r.document_id, r.generation, r.cause
    from jsonb_to_recordset(cast(:receipts as jsonb)) as r (
        id uuid, team_id uuid, project_id uuid, document_id uuid, generation bigint, cause text)
    on conflict do nothing
""")

# A deletion has in it the jobs up to its generation but for those that were gone for good when it was asked for.
_IN_IT = """
    j.document_id = d.document_id and j.generation <= d.generation
      and (j.purged_at is null or j.purged_at >= d.requested_at or not j.purge_closed)
"""

# What waits for its purge is sent for by that.
_DOCUMENTS_PENDING = text("""
    select d.team_id, d.document_id
    from deletions d
    where d.completed_at is null and not exists (
        select from ingestion_jobs j
        where j.document_id = d.document_id and j.generation <= d.generation
          and (j.purged_at is null or j.next_purge_at <= now()))
    group by d.team_id, d.document_id
    order by min(d.requested_at)
    limit :limit
""")

_PENDING = text("select exists (select from deletions where document_id = :document_id and completed_at is null)")

_UNCHECKED = text(f"""
    select j.id as job_id, j.team_id, o.project_id, j.document_id, coalesce(j.total_chunks, 0) as total_chunks,
        coalesce(j.purge_checked, 0) as checked
    from ingestion_jobs j
    join documents o on o.id = j.document_id
    where j.document_id = :document_id and j.purged_at is not null
      and coalesce(j.purge_checked < j.total_chunks, j.purge_checked is null)
      and exists (select from deletions d where d.completed_at is null and {_IN_IT})
    order by j.created_at
""")  # noqa: S608

_CHECK = text("update ingestion_jobs set purge_checked = :chunks where id = :job_id")

_SCRUB = text("""
    update failed_messages f set data = ''
    from ingestion_jobs j
    where j.document_id = :document_id and f.job_id = j.id and f.data <> ''
      and exists (
        select from deletions d
        where d.document_id = j.document_id and d.completed_at is null and j.generation <= d.generation)
""")

_COMPLETE = text(f"""
    update deletions r
    set completed_at = now(), jobs = gone.jobs, vectors = gone.chunks, chunk_texts = gone.chunks,
        extractions = gone.extractions, tombstones = gone.tombstones, failed_messages = gone.failed_messages
    from (
        select d.id, count(j.id) as jobs, coalesce(sum(j.total_chunks), 0) as chunks,
            count(*) filter (where j.total_chunks > 0) as extractions,
            coalesce(sum((select count(*) from document_chunks c where c.job_id = j.id)), 0) as tombstones,
            coalesce(sum((select count(*) from failed_messages f where f.job_id = j.id)), 0) as failed_messages
        from deletions d
        left join ingestion_jobs j on {_IN_IT}
        where d.document_id = :document_id and d.completed_at is null
          and (cast(:standing as bigint) is null or d.generation < :standing or d.cause in ('project', 'team'))
        group by d.id
        having bool_and(j.id is null or (
            j.purged_at is not null and j.purge_checked is not null
            and j.purge_checked >= coalesce(j.total_chunks, 0)
            and (select count(*) from document_chunks c where c.job_id = j.id and c.retired_at is null) = 0))
    ) gone
    where r.id = gone.id
    returning r.id
""")  # noqa: S608


class PostgresDeletionRows:
    """See `common.database.DeletionRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, document_id: UUID, generation: int, cause: DeletionCause) -> None:
        self._connection.execute(
            _OPEN,
            {
                "id": deletion_id(document_id, generation),
                "document_id": document_id,
                "generation": generation,
                "cause": cause.value,
            },
        )

    def withdraw(self, limit: int) -> Sequence[tuple[UUID, UUID]]:
        kept = self._connection.execute(_KEPT, {"limit": limit}).all()
        ids = [row.id for row in kept]
        if not ids:
            return []
        for statement in (_WITHDRAW, _WITHDRAW_JOBS, _WITHDRAW_CHUNKS):
            self._connection.execute(statement, {"ids": ids})
        receipts = [
            {
                "id": deletion_id(row.id, row.generation),
                "team_id": row.team_id,
                "project_id": row.project_id,
                "document_id": row.id,
                "generation": row.generation,
                "cause": DeletionCause.TEAM if row.with_team else DeletionCause.PROJECT,
            }
            for row in kept
        ]
        self._connection.execute(_OPEN_ALL, {"receipts": msgspec.json.encode(receipts).decode()})
        return [(row.team_id, row.id) for row in kept]

    def documents_pending(self, limit: int) -> Sequence[tuple[UUID, UUID]]:
        rows = self._connection.execute(_DOCUMENTS_PENDING, {"limit": limit})
        return [(row.team_id, row.document_id) for row in rows]

    def pending(self, document_id: UUID) -> bool:
        return bool(self._connection.execute(_PENDING, {"document_id": document_id}).scalar_one())

    def unchecked(self, document_id: UUID) -> Sequence[UncheckedJob]:
        rows = self._connection.execute(_UNCHECKED, {"document_id": document_id})
        return [
            UncheckedJob(
                owner=ChunkOwner(
                    team_id=row.team_id, project_id=row.project_id, document_id=row.document_id, job_id=row.job_id
                ),
                total_chunks=row.total_chunks,
                checked=row.checked,
            )
            for row in rows
        ]

    def check(self, job_id: UUID, chunks: int) -> None:
        self._connection.execute(_CHECK, {"job_id": job_id, "chunks": chunks})

    def complete(self, document_id: UUID, standing: int | None) -> int:
        self._connection.execute(_SCRUB, {"document_id": document_id})
        parameters = {"document_id": document_id, "standing": standing}
        return len(self._connection.execute(_COMPLETE, parameters).all())
