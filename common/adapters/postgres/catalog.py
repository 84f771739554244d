"""What a team has, read for the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, text

from common.adapters.postgres.documents import uuid_or_none
from common.catalog import (
    ChunkRecord,
    DeletionRecord,
    DeletionStatus,
    DocumentRecord,
    Failure,
    FetchRecord,
    JobRecord,
    ObjectFate,
    Page,
    ProjectRecord,
)
from common.model.documents import DeletionCause, DocumentStatus, JobStatus, ProjectSettings, SourceType, Stage
from common.model.fetches import FetchStatus

_PROJECT_COLUMNS = "p.id, p.name, p.team_id, t.name as team, p.settings, p.created_at"
_LIVING_PROJECT = "t.id = p.team_id and t.deleted_at is null and p.deleted_at is null"
_AFTER = (
    "(cast(:after_time as timestamptz) is null or ({0}.created_at, {0}.id) < (:after_time, cast(:after_id as uuid)))"
)

_PROJECTS = text(f"""
    select {_PROJECT_COLUMNS} from projects p join teams t on {_LIVING_PROJECT}
    where (cast(:only as uuid) is null or p.id = :only) and {_AFTER.format("p")}
    order by p.created_at desc, p.id desc
    limit :limit
""")  # noqa: S608

_PROJECT = text(f"""
    select {_PROJECT_COLUMNS} from projects p join teams t on {_LIVING_PROJECT}
    where p.name = :name or p.id = :id
    order by p.id = :id desc nulls last
    limit 1
""")  # noqa: S608

_DOCUMENT_COLUMNS = """
    d.id, d.project_id, d.title, d.source_type::text as source_type, d.mime_type, d.status::text as status, d.gcs_uri,
    d.bucket, d.object_name, d.generation, d.size, d.sha256, d.source_url, d.metadata, d.wanted_job_id as job_id,
    d.active_job_id, active.pages, active.total_chunks as chunks, wanted.status::text as job_status,
    wanted.stage::text as job_stage, wanted.reason, wanted.error_message, wanted.retryable,
    coalesce(wanted.warnings, '[]') as warnings, d.created_at, d.updated_at
"""

_LIVING_DOCUMENTS = f"""
    documents d
    join projects p on p.id = d.project_id
    join teams t on {_LIVING_PROJECT}
    left join ingestion_jobs active on active.id = d.active_job_id
    left join ingestion_jobs wanted on wanted.id = d.wanted_job_id
    where d.generation > coalesce(d.deleted_generation, 0)
"""

_OF_PROJECT = f"""
    select {_DOCUMENT_COLUMNS} from {_LIVING_DOCUMENTS}
      and d.project_id = :project_id and (cast(:status as document_status) is null or d.status = :status)
      and {_AFTER.format("d")}
"""  # noqa: S608
_NEWEST_FIRST = "order by d.created_at desc, d.id desc limit :limit"

_DOCUMENTS = text(f"{_OF_PROJECT} {_NEWEST_FIRST}")

_DOCUMENTS_WITH = text(f"""
    {_OF_PROJECT}
      and d.id in (select find_documents(:project_id, cast(:metadata as jsonb)))
    {_NEWEST_FIRST}
""")

_DOCUMENT = text(f"select {_DOCUMENT_COLUMNS} from {_LIVING_DOCUMENTS} and d.id = :id")  # noqa: S608

_FETCH_COLUMNS = """
    f.id, f.project_id, f.document_id, f.url, f.status, f.reason, f.message, f.retryable, f.attempts, f.generation,
    f.created_at, f.finished_at
"""

_FETCH = text(f"""
    select {_FETCH_COLUMNS} from fetches f join projects p on p.id = f.project_id join teams t on {_LIVING_PROJECT}
    where f.id = :id
""")  # noqa: S608

_FETCHES = text(f"""
    select {_FETCH_COLUMNS} from fetches f
    where f.project_id = :project_id and {_AFTER.format("f")}
    order by f.created_at desc, f.id desc
    limit :limit
""")  # noqa: S608

_JOB_COLUMNS = """
    j.id, j.document_id, j.status::text as status, j.stage::text as stage, j.attempts, j.replays, j.reason,
    j.error_message, j.retryable, j.warnings, j.total_chunks, j.chunks_created, j.pages, j.pages_read,
    j.embedding_model,
    j.generation, j.run, j.created_at, j.started_at, j.finished_at
"""

_JOBS = text(f"""
    select {_JOB_COLUMNS} from ingestion_jobs j
    where j.document_id = :document_id and {_AFTER.format("j")}
    order by j.created_at desc, j.id desc
    limit :limit
""")  # noqa: S608

_JOB = text(f"""
    select {_JOB_COLUMNS}, d.project_id
    from ingestion_jobs j
    join documents d on d.id = j.document_id and d.generation > coalesce(d.deleted_generation, 0)
    join projects p on p.id = d.project_id
    join teams t on {_LIVING_PROJECT}
    where j.id = :id
""")  # noqa: S608

_CHUNKS = text("""
    select c.id, c.chunk_index as index, c.page_start, c.page_end, c.char_start, c.char_end, c.heading_path,
        c.token_count
    from document_chunks c
    join documents d on d.id = c.document_id and d.active_job_id = c.job_id
    where c.document_id = :document_id and c.chunk_index > :after_index
    order by c.chunk_index
    limit :limit
""")

_DELETION_COLUMNS = """
    x.id, x.project_id, x.document_id, d.title, d.gcs_uri, x.generation, x.cause, x.requested_at as created_at,
    x.completed_at, x.jobs, x.chunks, x.vectors, x.chunk_texts, x.extractions, x.failed_messages, x.tombstones
"""

_DELETION = text(f"""
    select {_DELETION_COLUMNS} from deletions x join documents d on d.id = x.document_id where x.id = :id
""")  # noqa: S608

_DELETIONS = text(f"""
    select {_DELETION_COLUMNS}
    from deletions x
    join documents d on d.id = x.document_id
    where x.project_id = :project_id
      and (cast(:after_time as timestamptz) is null or (x.requested_at, x.id) < (:after_time, cast(:after_id as uuid)))
    order by x.requested_at desc, x.id desc
    limit :limit
""")  # noqa: S608

_TOUCH_KEY = text("update api_keys set last_used_at = now() where id = :id")


def _page(page: Page) -> dict[str, Any]:
    time, identity = page.after or (None, None)
    return {"after_time": time, "after_id": identity, "limit": page.size}


def _project(row: Row[Any]) -> ProjectRecord:
    return ProjectRecord(**{**row._asdict(), "settings": msgspec.convert(row.settings, ProjectSettings)})


def _failure(row: Row[Any]) -> Failure | None:
    if row.job_status != JobStatus.FAILED:
        return None
    return Failure(
        stage=Stage(row.job_stage), reason=row.reason, message=row.error_message, retryable=bool(row.retryable)
    )


def _document(row: Row[Any]) -> DocumentRecord:
    names = DocumentRecord.__struct_fields__
    values = {name: value for name, value in row._asdict().items() if name in names}
    values |= {
        "source_type": SourceType(row.source_type),
        "status": DocumentStatus(row.status),
        "failure": _failure(row),
    }
    return DocumentRecord(**values)


def _fetch(row: Row[Any]) -> FetchRecord:
    return FetchRecord(**{**row._asdict(), "status": FetchStatus(row.status)})


def _deletion(row: Row[Any]) -> DeletionRecord:
    cause = DeletionCause(row.cause)
    values = row._asdict() | {
        "cause": cause,
        "status": DeletionStatus.PENDING if row.completed_at is None else DeletionStatus.COMPLETE,
        "object": ObjectFate.DELETED if cause.takes_object else ObjectFate.KEPT,
    }
    return DeletionRecord(**values)


def _progress(row: Row[Any]) -> float:
    if row.status == JobStatus.SUCCEEDED:
        return 1.0
    return round(row.chunks_created / row.total_chunks, 4) if row.total_chunks else 0.0


def _job(row: Row[Any]) -> JobRecord:
    values = row._asdict()
    values.pop("project_id", None)
    values |= {"status": JobStatus(row.status), "stage": Stage(row.stage), "progress": _progress(row)}
    return JobRecord(**values)


class PostgresCatalog:
    """See `common.catalog.Catalog`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def projects(self, page: Page, only: UUID | None) -> Sequence[ProjectRecord]:
        return [_project(row) for row in self._connection.execute(_PROJECTS, {**_page(page), "only": only})]

    def project(self, name_or_id: str) -> ProjectRecord | None:
        parameters = {"name": name_or_id, "id": uuid_or_none(name_or_id)}
        row = self._connection.execute(_PROJECT, parameters).one_or_none()
        return None if row is None else _project(row)

    def documents(
        self, project_id: UUID, status: DocumentStatus | None, metadata: Mapping[str, str], page: Page
    ) -> Sequence[DocumentRecord]:
        parameters = {**_page(page), "project_id": project_id, "status": status and status.value}
        if metadata:
            parameters["metadata"] = msgspec.json.encode(metadata).decode()
        found = self._connection.execute(_DOCUMENTS_WITH if metadata else _DOCUMENTS, parameters)
        return [_document(row) for row in found]

    def document(self, document_id: UUID) -> DocumentRecord | None:
        row = self._connection.execute(_DOCUMENT, {"id": document_id}).one_or_none()
        return None if row is None else _document(row)

    def fetch(self, fetch_id: UUID) -> FetchRecord | None:
        row = self._connection.execute(_FETCH, {"id": fetch_id}).one_or_none()
        return None if row is None else _fetch(row)

    def fetches(self, project_id: UUID, page: Page) -> Sequence[FetchRecord]:
        found = self._connection.execute(_FETCHES, {**_page(page), "project_id": project_id})
        return [_fetch(row) for row in found]

    def jobs(self, document_id: UUID, page: Page) -> Sequence[JobRecord]:
        parameters = {**_page(page), "document_id": document_id}
        return [_job(row) for row in self._connection.execute(_JOBS, parameters)]

    def job(self, job_id: UUID) -> tuple[JobRecord, UUID] | None:
        row = self._connection.execute(_JOB, {"id": job_id}).one_or_none()
        return None if row is None else (_job(row), row.project_id)

    def chunks(self, document_id: UUID, after_index: int, limit: int) -> Sequence[ChunkRecord]:
        parameters = {"document_id": document_id, "after_index": after_index, "limit": limit}
        return [ChunkRecord(**row._asdict()) for row in self._connection.execute(_CHUNKS, parameters)]

    def deletion(self, deletion: UUID) -> DeletionRecord | None:
        row = self._connection.execute(_DELETION, {"id": deletion}).one_or_none()
        return None if row is None else _deletion(row)

    def deletions(self, project_id: UUID, page: Page) -> Sequence[DeletionRecord]:
        rows = self._connection.execute(_DELETIONS, {**_page(page), "project_id": project_id})
        return [_deletion(row) for row in rows]

    def touch_key(self, key_id: UUID) -> None:
        self._connection.execute(_TOUCH_KEY, {"id": key_id})
