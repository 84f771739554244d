"""Documents, and where objects belong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, TextClause, text

from common.adapters.postgres.deletions import PostgresDeletionRows
from common.database import Unrouted
from common.model.documents import (
    DeletionCause,
    Document,
    ProjectSettings,
    Route,
    SourceType,
    StoredObject,
    document_id,
)

_ROUTE = text("""
    select t.id as team_id, p.id as project_id, p.settings
    from teams t
    left join projects p on p.team_id = t.id and p.deleted_at is null and (p.name = :project or p.id = :project_id)
    where t.deleted_at is null and (t.name = :team or t.id = :team_id)
    order by t.id = :team_id desc nulls last, p.id = :project_id desc nulls last
    limit 1
""")

_KNOWN_ELSEWHERE = text("""
    select exists (
        select from documents
        where bucket = :bucket and object_name = :object_name
          and project_id is distinct from cast(:project_id as uuid)
          and greatest(generation, deleted_generation) >= :generation
    )
""")

_CREATE = text("""
    insert into documents (id, team_id, project_id, title, source_type, gcs_uri, bucket, object_name)
    values (:id, :team_id, :project_id, :title, cast(:source_type as source_type), :gcs_uri, :bucket, :object_name)
    on conflict do nothing
""")

# No lock on the key: rows that only refer to a document or job are written beside its lock, not behind it.
_LOCK = text("""
    select d.id, d.team_id, d.project_id, d.bucket, d.object_name, d.title, d.size, d.generation, d.deleted_generation,
        d.wanted_job_id, d.active_job_id, d.source_type::text as source_type,
        t.deleted_at is null and p.deleted_at is null as project_living
    from documents d
    join projects p on p.id = d.project_id
    join teams t on t.id = d.team_id
    where d.id = :id
    for no key update of d
""")

_OF_OBJECT = text("select id from documents where bucket = :bucket and object_name = :object_name order by id")

_DESCRIBE = text("""
    update documents set mime_type = :mime_type, sha256 = :sha256, updated_at = now() where id = :id
""")

_NOTE_ORIGIN = text("""
    update documents
    set title = :title, source_url = :source_url, metadata = cast(:metadata as jsonb), updated_at = now()
    where id = :id
""")

_DELETE = text("""
    update documents
    set deleted_generation = greatest(deleted_generation, :generation), wanted_job_id = null, active_job_id = null,
        updated_at = now()
    where id = :id and generation <= :generation
""")

_DELETE_JOBS = text("""
    update ingestion_jobs j
    set status = case when status in ('queued', 'running') then 'failed' else status end,
        reason = case when status in ('queued', 'running') then 'SUPERSEDED' else reason end,
        error_message = case when status in ('queued', 'running') then 'The object was deleted.' else error_message end,
        finished_at = coalesce(finished_at, now()), retired_at = coalesce(retired_at, now()),
        lease_token = null, lease_expires_at = null, updated_at = now()
    where document_id = :id and generation <= :generation
""")

_RETIRE_CHUNKS = text("""
    update document_chunks c set retired_at = now()
    from ingestion_jobs j
    where j.id = c.job_id and j.document_id = :id and c.document_id = :id and j.generation <= :generation
      and c.retired_at is null
""")

_UNREGISTERED = text("""
    select o.bucket, o.name, o.generation
    from jsonb_to_recordset(cast(:objects as jsonb)) as o (bucket text, name text, generation bigint)
    where not exists (
            select from documents d
            where d.bucket = o.bucket and d.object_name = o.name
              and greatest(d.generation, d.deleted_generation) >= o.generation)
      and not exists (
            select from unrouted_objects u
            where u.bucket = o.bucket and u.object_name = o.name and u.generation >= o.generation)
""")

_DELETED = text("""
    select o.bucket, o.name, o.generation
    from jsonb_to_recordset(cast(:objects as jsonb)) as o (bucket text, name text, generation bigint)
    where exists (
        select from documents d
        where d.bucket = o.bucket and d.object_name = o.name and d.deleted_generation >= o.generation)
""")


def uuid_or_none(value: str) -> UUID | None:
    """The id that a name in an object's path or an address spells, if it spells one."""
    try:
        return UUID(value)
    except ValueError:
        return None


def _document(row: Row[Any]) -> Document:
    return Document(**{**row._asdict(), "source_type": SourceType(row.source_type)})


class PostgresDocumentRows:
    """See `common.database.DocumentRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def route(self, team: str, project: str) -> Route | Unrouted:
        parameters = {
            "team": team,
            "project": project,
            "team_id": uuid_or_none(team),
            "project_id": uuid_or_none(project),
        }
        row = self._connection.execute(_ROUTE, parameters).one_or_none()
        if row is None:
            return Unrouted("UNKNOWN_TEAM", f"There is no team {team!r}: create it, or move the object.")
        if row.project_id is None:
            return Unrouted(
                "UNKNOWN_PROJECT", f"Team {team!r} has no project {project!r}: create it, or move the object."
            )
        return Route(row.team_id, row.project_id, msgspec.convert(row.settings, ProjectSettings))

    def known_elsewhere(self, stored: StoredObject, project_id: UUID | None) -> bool:
        parameters = {
            "bucket": stored.bucket,
            "object_name": stored.name,
            "generation": stored.generation,
            "project_id": project_id,
        }
        return bool(self._connection.execute(_KNOWN_ELSEWHERE, parameters).scalar_one())

    def lock(self, document_id: UUID) -> Document | None:
        row = self._connection.execute(_LOCK, {"id": document_id}).one_or_none()
        return None if row is None else _document(row)

    def lock_or_create(self, route: Route, stored: StoredObject, source_type: SourceType, title: str) -> Document:
        identity = document_id(route.project_id, stored.bucket, stored.name)
        self._connection.execute(
            _CREATE,
            {
                "id": identity,
                "team_id": route.team_id,
                "project_id": route.project_id,
                "title": title,
                "source_type": source_type.value,
                "gcs_uri": stored.uri,
                "bucket": stored.bucket,
                "object_name": stored.name,
            },
        )
        return _document(self._connection.execute(_LOCK, {"id": identity}).one())

    def of_object(self, bucket: str, object_name: str) -> Sequence[UUID]:
        return self._connection.execute(_OF_OBJECT, {"bucket": bucket, "object_name": object_name}).scalars().all()

    def describe(self, document_id: UUID, *, mime_type: str, sha256: str) -> None:
        self._connection.execute(_DESCRIBE, {"id": document_id, "mime_type": mime_type, "sha256": sha256})

    def note_origin(
        self, document_id: UUID, *, title: str, source_url: str | None, metadata: Mapping[str, str]
    ) -> None:
        parameters = {
            "id": document_id,
            "title": title,
            "source_url": source_url,
            "metadata": msgspec.json.encode(metadata).decode(),
        }
        self._connection.execute(_NOTE_ORIGIN, parameters)

    def delete(self, document_id: UUID, generation: int, cause: DeletionCause) -> None:
        parameters = {"id": document_id, "generation": generation}
        if self._connection.execute(_DELETE, parameters).rowcount:
            self._connection.execute(_DELETE_JOBS, parameters)
            self._connection.execute(_RETIRE_CHUNKS, parameters)
            PostgresDeletionRows(self._connection).open(document_id, generation, cause)

    def unregistered(self, objects: Sequence[StoredObject]) -> Sequence[StoredObject]:
        return self._those(_UNREGISTERED, objects)

    def deleted(self, objects: Sequence[StoredObject]) -> Sequence[StoredObject]:
        return self._those(_DELETED, objects)

    def _those(self, statement: TextClause, objects: Sequence[StoredObject]) -> Sequence[StoredObject]:
        rows = [{"bucket": stored.bucket, "name": stored.name, "generation": stored.generation} for stored in objects]
        found = self._connection.execute(statement, {"objects": msgspec.json.encode(rows).decode()})
        chosen = {(row.bucket, row.name, row.generation) for row in found}
        return [stored for stored in objects if (stored.bucket, stored.name, stored.generation) in chosen]
