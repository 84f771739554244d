"""What an inspection reads: documents with their jobs, and what these have in other tables, in one statement.

One statement sees one moment: what is compared within it was true together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, text

from common.inspection.state import DocumentState, JobState, Moment, ObjectState, Within
from common.model.documents import DocumentStatus, JobStatus, Stage, StoredObject

_STATES = """
    select now() as now, d.id as document_id, d.team_id as document_team_id, d.project_id, p.team_id as project_team_id,
        d.bucket, d.object_name, d.generation as document_generation, d.deleted_generation,
        d.status::text as document_status, d.wanted_job_id, d.active_job_id, d.updated_at as document_updated_at,
        least(p.deleted_at, t.deleted_at) as closed_at,
        (select min(r.requested_at) from deletions r where r.document_id = d.id and r.completed_at is null)
            as pending_since,
        (select count(*) from failed_messages f where f.document_id = d.id and f.data <> '') as failed_bodies,
        j.id, j.team_id, j.generation, j.run, j.status::text as status, j.stage::text as stage, j.reason,
        j.error_message as message, j.retryable, j.total_chunks, j.updated_at,
        greatest(j.lease_expires_at, b.leased_until) as leased_until, j.retired_at, j.unwanted_since,
        j.purge_started_at, j.purged_at, j.next_purge_at, j.purge_closed, b.batches, b.recorded_batches,
        b.batched_chunks, c.chunks, c.live_chunks, c.first_chunk, c.last_chunk, c.chunks_with_text, v.vectors, x.texts,
        b.strangers + c.strangers + v.strangers + x.strangers
            + (j.team_id is distinct from d.team_id)::integer as strangers
    from {documents} d
    join projects p on p.id = d.project_id
    join teams t on t.id = d.team_id
    left join ingestion_jobs j on j.document_id = d.id
    left join lateral (
        select count(*) as batches, count(*) filter (where b.state = 'recorded') as recorded_batches,
            coalesce(sum(b.chunk_count), 0) as batched_chunks, max(b.lease_expires_at) as leased_until,
            count(*) filter (where b.team_id <> j.team_id) as strangers
        from ingestion_batches b where b.job_id = j.id) b on true
    left join lateral (
        select count(*) as chunks, count(*) filter (where c.retired_at is null) as live_chunks,
            min(c.chunk_index) as first_chunk, max(c.chunk_index) as last_chunk,
            count(*) filter (where c.text_preview is not null or c.tsv is not null or c.heading_path <> '{{}}')
                as chunks_with_text,
            count(*) filter (
                where (c.team_id, c.project_id, c.document_id) <> (d.team_id, d.project_id, d.id)
                    or c.vector_id <> c.id::text
                    or (v.project_id, v.document_id, v.job_id) <> (c.project_id, c.document_id, c.job_id)
                    or (x.team_id, x.project_id, x.document_id, x.job_id)
                        <> (c.team_id, c.project_id, c.document_id, c.job_id)) as strangers
        from document_chunks c
        left join chunk_vectors v on v.team_id = c.team_id and v.chunk_id = c.id
        left join chunk_texts x on x.chunk_id = c.id
        where c.job_id = j.id) c on true
    left join lateral (
        select count(*) as vectors,
            count(*) filter (where (v.team_id, v.document_id) <> (d.team_id, d.id)) as strangers
        from chunk_vectors v where v.project_id = d.project_id and v.job_id = j.id) v on true
    left join lateral (
        select count(*) as texts,
            count(*) filter (
                where (x.team_id, x.project_id, x.document_id) <> (d.team_id, d.project_id, d.id)) as strangers
        from chunk_texts x where x.job_id = j.id) x on true
    order by d.id, j.generation, j.run
"""

# However large the documents are, a page is read in a few seconds: it ends with the one that brings it over the bound.
_CHUNKS_A_PAGE = 20_000

_PAGE = """(
    select * from (
        select *, sum(w.weight) over (order by id) - w.weight as before
        from (
            select * from documents
            where id > :after and (cast(:team_id as uuid) is null or team_id = :team_id)
              and (cast(:project_id as uuid) is null or project_id = :project_id)
            order by id
            limit :limit) page
        cross join lateral (
            select coalesce(sum(total_chunks), 0) as weight from ingestion_jobs where document_id = page.id) w
    ) weighed
    where before < :chunks)
"""

_DOCUMENTS = text(_STATES.format(documents=_PAGE))

_DOCUMENT = text(_STATES.format(documents="(select * from documents where id = :id)"))

_UUID = "'^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'"

# An object's name is TEAM/PROJECT/…; each part is a name or an id. An id is told by its form before it is read as one.
_OBJECTS = text(f"""
    select now() as now, o.place, coalesce(k.known, false) as known, u.generation is not null as unrouted,
        r.routable_since, k.deleted_at, k.team_id, k.document_id
    from jsonb_to_recordset(cast(:objects as jsonb)) as o (place integer, bucket text, name text, generation bigint)
    left join lateral (
        select bool_or(greatest(d.generation, d.deleted_generation) >= o.generation) as known,
            case when not bool_or(d.generation >= o.generation and d.generation > coalesce(d.deleted_generation, 0))
                then max(d.updated_at) filter (where d.deleted_generation >= o.generation) end as deleted_at,
            (array_agg(d.team_id order by d.updated_at desc))[1] as team_id,
            (array_agg(d.id order by d.updated_at desc))[1] as document_id
        from documents d where d.bucket = o.bucket and d.object_name = o.name) k on true
    left join unrouted_objects u on u.bucket = o.bucket and u.object_name = o.name and u.generation >= o.generation
    left join lateral (
        select greatest(t.created_at, p.created_at, u.first_seen_at) as routable_since
        from teams t
        join projects p on p.team_id = t.id and p.deleted_at is null and (
            p.name = split_part(o.name, '/', 2)
            or p.id = case when split_part(o.name, '/', 2) ~ {_UUID} then split_part(o.name, '/', 2)::uuid end)
        where u.generation is not null and split_part(o.name, '/', 3) <> '' and t.deleted_at is null and (
            t.name = split_part(o.name, '/', 1)
            or t.id = case when split_part(o.name, '/', 1) ~ {_UUID} then split_part(o.name, '/', 1)::uuid end)
        limit 1) r on true
    order by o.place
""")  # noqa: S608

# What answers, or is still to, is left alone.
_ASK_PURGE = text("""
    update ingestion_jobs j
    set retired_at = coalesce(j.retired_at, now()), next_purge_at = now(), purge_closed = false, updated_at = now()
    from documents d
    where j.id = :job_id and d.id = j.document_id and j.status in ('succeeded', 'failed')
      and j.id is distinct from d.active_job_id
""")

_JOB_FIELDS = tuple(each.name for each in fields(JobState))


def _job(row: Row[Any]) -> JobState:
    values = {name: getattr(row, name) for name in _JOB_FIELDS}
    return JobState(**{**values, "status": JobStatus(row.status), "stage": Stage(row.stage)})


def _document(rows: Sequence[Row[Any]]) -> DocumentState:
    first = rows[0]
    return DocumentState(
        id=first.document_id,
        team_id=first.document_team_id,
        project_id=first.project_id,
        project_team_id=first.project_team_id,
        bucket=first.bucket,
        object_name=first.object_name,
        generation=first.document_generation,
        deleted_generation=first.deleted_generation,
        status=DocumentStatus(first.document_status),
        wanted_job_id=first.wanted_job_id,
        active_job_id=first.active_job_id,
        updated_at=first.document_updated_at,
        closed_at=first.closed_at,
        pending_since=first.pending_since,
        failed_bodies=first.failed_bodies,
        jobs=tuple(_job(row) for row in rows if row.id is not None),
    )


class PostgresInspectionRows:
    """See `common.inspection.state.InspectionRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def documents(self, within: Within, after: UUID, limit: int) -> Moment[DocumentState]:
        parameters = {
            "after": after,
            "limit": limit,
            "chunks": _CHUNKS_A_PAGE,
            "team_id": within.team_id,
            "project_id": within.project_id,
        }
        return self._moment(self._connection.execute(_DOCUMENTS, parameters).all())

    def document(self, document_id: UUID) -> Moment[DocumentState]:
        return self._moment(self._connection.execute(_DOCUMENT, {"id": document_id}).all())

    def objects(self, objects: Sequence[StoredObject]) -> Moment[ObjectState]:
        asked = [
            {"place": place, "bucket": stored.bucket, "name": stored.name, "generation": stored.generation}
            for place, stored in enumerate(objects)
        ]
        rows = self._connection.execute(_OBJECTS, {"objects": msgspec.json.encode(asked).decode()}).all()
        states = [
            ObjectState(
                stored=objects[row.place],
                known=row.known,
                unrouted=row.unrouted,
                routable_since=row.routable_since,
                deleted_at=row.deleted_at,
                team_id=row.team_id,
                document_id=row.document_id,
            )
            for row in rows
        ]
        return Moment(self._now(rows), states)

    def ask_purge(self, job_id: UUID) -> bool:
        return self._connection.execute(_ASK_PURGE, {"job_id": job_id}).rowcount == 1

    def _moment(self, rows: Sequence[Row[Any]]) -> Moment[DocumentState]:
        documents = [_document(list(of_one)) for _, of_one in groupby(rows, key=lambda row: row.document_id)]
        return Moment(self._now(rows), documents)

    def _now(self, rows: Sequence[Row[Any]]) -> datetime:
        now: datetime = rows[0].now if rows else self._connection.execute(text("select now()")).scalar_one()
        return now
