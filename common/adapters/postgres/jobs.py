"""Ingestion jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, text

from common.database import LiveJob
from common.model.documents import Document, Job, JobSettings, JobStatus, Stage, StoredObject, job_id

_JOB_COLUMNS = """
    j.id, j.document_id, j.team_id, j.generation, j.run, j.status::text as status, j.settings, j.total_chunks,
    coalesce(j.lease_expires_at > clock_timestamp(), false) as leased,
    coalesce(j.purge_started_at, j.purged_at) is not null as purge_started, j.replays, j.resumed_at, j.pages_read
"""

_SUPERSEDE = text("""
    update ingestion_jobs
    set status = 'failed', reason = 'SUPERSEDED', error_message = 'A newer version or run took its place.',
        retryable = false, finished_at = now(), lease_token = null, lease_expires_at = null, updated_at = now()
    where document_id = :document_id and id <> :job_id and status in ('queued', 'running')
""")

_OPEN = text("""
    insert into ingestion_jobs (id, document_id, team_id, generation, run, embedding_model, settings, replays)
    values (:job_id, :document_id, :team_id, :generation, :run, :embedding_model, cast(:settings as jsonb), :replays)
    on conflict do nothing
""")

_WANT = text("""
    update documents
    set generation = :generation, size = :size, wanted_job_id = :job_id, status = 'uploaded', updated_at = now()
    where id = :document_id
""")

# The stage is kept: it says where the job goes on from.
_RESUME = text("""
    update ingestion_jobs
    set status = (case when total_chunks is null then 'queued' else 'running' end)::ingestion_status, reason = null,
        error_message = null, retryable = null, finished_at = null, lease_token = null, lease_expires_at = null,
        replays = replays + 1, resumed_at = clock_timestamp(), updated_at = now()
    where id = :job_id and status = 'failed' and purge_started_at is null and purged_at is null
    returning id
""")

_NEXT_RUN = text("""
    select coalesce(max(run), 0) + 1 from ingestion_jobs where document_id = :document_id and generation = :generation
""")

_LOCK = text(f"select {_JOB_COLUMNS} from ingestion_jobs j where j.id = :job_id for no key update")  # noqa: S608

_LEASE = text("""
    update ingestion_jobs
    set status = 'running', stage = 'chunk', started_at = coalesce(started_at, now()), lease_token = :token,
        lease_expires_at = clock_timestamp() + make_interval(secs => :seconds), updated_at = now()
    where id = :job_id
""")

_PROCESSING = text("""
    update documents d set status = 'processing', updated_at = now()
    from ingestion_jobs j
    where j.id = :job_id and d.id = j.document_id and d.wanted_job_id = j.id
""")

_RENEW = text("""
    update ingestion_jobs
    set lease_expires_at = clock_timestamp() + make_interval(secs => :seconds), updated_at = now()
    where id = :job_id and lease_token = :token and status = 'running'
""")

_RELEASE = text("""
    update ingestion_jobs
    set lease_token = null, lease_expires_at = null, attempts = attempts + cast(:failed as integer), updated_at = now()
    where id = :job_id and lease_token = :token
""")

_NOTE_PAGES = text("""
    update ingestion_jobs set pages_read = :read, pages = :total, updated_at = now()
    where id = :job_id and lease_token = :token and status = 'running'
""")

_STORE_SPLIT = text("""
    update ingestion_jobs
    set total_chunks = :total_chunks, pages = :pages, pages_read = :pages, warnings = cast(:warnings as jsonb),
        sha256 = :sha256, stage = 'embed', reason = null, error_message = null, lease_token = null,
        lease_expires_at = null, updated_at = now()
    where id = :job_id and lease_token = :token and status = 'running'
""")

# It never answers: retired at once, so that what a late run of it may have stored is purged as any other's.
_END_UNCHANGED = text("""
    update ingestion_jobs j
    set status = 'succeeded', stage = 'live', reason = 'UNCHANGED', error_message = null, retryable = null,
        total_chunks = 0, pages = active.pages, sha256 = :sha256, finished_at = now(), retired_at = now(),
        lease_token = null, lease_expires_at = null, updated_at = now()
    from ingestion_jobs active
    where j.id = :job_id and j.lease_token = :token and j.status = 'running' and j.run = 1
      and active.id = :active and active.status = 'succeeded' and active.retired_at is null
      and active.sha256 = :sha256 and active.settings = j.settings
""")

_WANT_ACTIVE = text("""
    update documents set wanted_job_id = active_job_id, status = 'ready', updated_at = now() where id = :document_id
""")

_PROGRESS = text("""
    update ingestion_jobs j
    set chunks_created = b.recorded, stage = 'record', updated_at = now()
    from (
        select coalesce(sum(chunk_count) filter (where state = 'recorded'), 0) as recorded,
            count(*) filter (where state <> 'recorded') as left_over
        from ingestion_batches where job_id = :job_id
    ) b
    where j.id = :job_id
    returning j.total_chunks is not null and b.left_over = 0 and b.recorded = j.total_chunks as complete
""")

_RETIRE_FORMER = text("""
    update ingestion_jobs set retired_at = now(), updated_at = now()
    where id = :former and retired_at is null
""")

_RETIRE_FORMER_CHUNKS = text("""
    update document_chunks set retired_at = now() where job_id = :former and retired_at is null
""")

_ACTIVATE = text("""
    update documents set active_job_id = :job_id, status = 'ready', updated_at = now() where id = :document_id
""")

_SUCCEED = text("""
    update ingestion_jobs
    set status = 'succeeded', stage = 'live', finished_at = now(), reason = null, error_message = null,
        updated_at = now()
    where id = :job_id
    returning chunks_created as chunks, coalesce(pages, 0) as pages,
        extract(epoch from clock_timestamp() - created_at)::float8 as seconds
""")

_FAIL = text("""
    update ingestion_jobs
    set status = 'failed', stage = cast(:stage as ingestion_stage), reason = :reason, error_message = :message,
        retryable = :retryable, attempts = greatest(attempts, :attempts), finished_at = now(), lease_token = null,
        lease_expires_at = null, updated_at = now()
    where id = :job_id and status in ('queued', 'running')
    returning id
""")

_FAIL_DOCUMENT = text("""
    update documents d set status = 'failed', updated_at = now()
    from ingestion_jobs j
    where j.id = :job_id and d.id = j.document_id and d.wanted_job_id = j.id
""")

# Claiming them is noted as movement: a job that waits in a long queue is sent again once in a while, not at every run.
_CLAIM_STALLED = text(f"""
    update ingestion_jobs j set updated_at = now()
    where j.id in (
        select s.id
        from ingestion_jobs s
        join documents d on d.id = s.document_id and d.wanted_job_id = s.id
        where s.status in ('queued', 'running') and s.updated_at < now() - make_interval(secs => :seconds)
          and coalesce(s.lease_expires_at < clock_timestamp(), true)
          and not exists (
                select from ingestion_batches b where b.job_id = s.id and b.lease_expires_at > clock_timestamp())
        order by s.updated_at
        limit :limit
        for no key update of s skip locked)
    returning {_JOB_COLUMNS}
""")  # noqa: S608


def _job(row: Row[Any]) -> Job:
    settings = msgspec.convert(row.settings, JobSettings)
    return Job(**{**row._asdict(), "status": JobStatus(row.status), "settings": settings})


class PostgresJobRows:
    """See `common.database.JobRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(
        self, document: Document, stored: StoredObject, run: int, settings: JobSettings, *, replays: int = 0
    ) -> UUID:
        identity = job_id(document.id, stored.generation, run)
        parameters = {
            "job_id": identity,
            "document_id": document.id,
            "team_id": document.team_id,
            "generation": stored.generation,
            "size": stored.size,
            "run": run,
            "embedding_model": settings.embedding_model,
            "settings": msgspec.json.encode(settings).decode(),
            "replays": replays,
        }
        for statement in (_SUPERSEDE, _OPEN, _WANT):
            self._connection.execute(statement, parameters)
        return identity

    def resume(self, job_id: UUID) -> bool:
        if self._connection.execute(_RESUME, {"job_id": job_id}).one_or_none() is None:
            return False
        self._connection.execute(_PROCESSING, {"job_id": job_id})
        return True

    def next_run(self, document_id: UUID, generation: int) -> int:
        parameters = {"document_id": document_id, "generation": generation}
        return int(self._connection.execute(_NEXT_RUN, parameters).scalar_one())

    def lock(self, job_id: UUID) -> Job | None:
        row = self._connection.execute(_LOCK, {"job_id": job_id}).one_or_none()
        return None if row is None else _job(row)

    def lease(self, job_id: UUID, token: UUID, seconds: float) -> None:
        parameters = {"job_id": job_id, "token": token, "seconds": seconds}
        self._connection.execute(_LEASE, parameters)
        self._connection.execute(_PROCESSING, parameters)

    def renew(self, job_id: UUID, token: UUID, seconds: float) -> bool:
        parameters = {"job_id": job_id, "token": token, "seconds": seconds}
        return self._connection.execute(_RENEW, parameters).rowcount == 1

    def release(self, job_id: UUID, token: UUID, *, failed: bool) -> None:
        self._connection.execute(_RELEASE, {"job_id": job_id, "token": token, "failed": int(failed)})

    def note_pages(self, job_id: UUID, token: UUID, *, read: int, total: int) -> None:
        self._connection.execute(_NOTE_PAGES, {"job_id": job_id, "token": token, "read": read, "total": total})

    def store_split(
        self, job_id: UUID, token: UUID, *, total_chunks: int, pages: int, warnings: Sequence[str], sha256: str
    ) -> bool:
        parameters = {
            "job_id": job_id,
            "token": token,
            "sha256": sha256,
            "total_chunks": total_chunks,
            "pages": pages,
            "warnings": msgspec.json.encode(warnings).decode(),
        }
        return self._connection.execute(_STORE_SPLIT, parameters).rowcount == 1

    def end_unchanged(self, document: Document, job_id: UUID, token: UUID, sha256: str) -> bool:
        parameters = {
            "document_id": document.id,
            "active": document.active_job_id,
            "job_id": job_id,
            "token": token,
            "sha256": sha256,
        }
        if document.active_job_id is None or not self._connection.execute(_END_UNCHANGED, parameters).rowcount:
            return False
        self._connection.execute(_WANT_ACTIVE, parameters)
        return True

    def progress(self, job_id: UUID) -> bool:
        return bool(self._connection.execute(_PROGRESS, {"job_id": job_id}).scalar_one())

    def go_live(self, document: Document, job_id: UUID) -> LiveJob:
        parameters = {"document_id": document.id, "job_id": job_id, "former": document.active_job_id}
        if document.active_job_id not in {None, job_id}:
            self._connection.execute(_RETIRE_FORMER, parameters)
            self._connection.execute(_RETIRE_FORMER_CHUNKS, parameters)
        self._connection.execute(_ACTIVATE, parameters)
        return LiveJob(**self._connection.execute(_SUCCEED, parameters).one()._asdict())

    def fail(
        self, job_id: UUID, *, stage: Stage, reason: str, message: str, retryable: bool, attempts: int = 0
    ) -> bool:
        parameters = {
            "job_id": job_id,
            "stage": stage.value,
            "reason": reason,
            "message": message,
            "retryable": retryable,
            "attempts": attempts,
        }
        if self._connection.execute(_FAIL, parameters).one_or_none() is None:
            return False
        self._connection.execute(_FAIL_DOCUMENT, parameters)
        return True

    def claim_stalled(self, older_than_seconds: float, limit: int) -> Sequence[Job]:
        rows = self._connection.execute(_CLAIM_STALLED, {"seconds": older_than_seconds, "limit": limit})
        return [_job(row) for row in rows]
