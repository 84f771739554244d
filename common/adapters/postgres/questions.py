"""What answering a question reads and writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, text

from common.catalog import LiveChunk, QueryLog, StoredResponse
from common.model.questions import Hit, Scope

_HAS_LIVE_DOCUMENTS = text("""
    select exists (select from documents where project_id = :project_id and active_job_id is not null)
""")

_DOCUMENTS_WITH = text("""
    select d.id from documents d
    where d.id in (select find_documents(:project_id, cast(:metadata as jsonb)))
      and d.active_job_id is not null
      and (cardinality(cast(:document_ids as uuid[])) = 0 or d.id = any(:document_ids))
""")

_IN_SCOPE = """
    c.team_id = :team_id and c.project_id = :project_id
      and (cardinality(cast(:document_ids as uuid[])) = 0 or c.document_id = any(:document_ids))
"""

# Each term weighs as much as it is rare (its inverse document frequency), and more in a heading than in the text.
_LEXICAL = text(f"""
    with terms as materialized (
        select distinct plainto_tsquery('english', term) as query from unnest(cast(:terms as text[])) as term
    ),
    found as materialized (
        select c.id, c.query, c.weight
        from search_chunk_words(:project_id, (select array_agg(query) from terms)) c
        join documents d on d.id = c.document_id and d.active_job_id = c.job_id
        where {_IN_SCOPE}
    ),
    rarity as materialized (
        select query, ln(1 + (select count(distinct id) from found)::float / count(*)) as idf
        from found group by query
    )
    select f.id
    from found f
    join rarity r on r.query = f.query
    group by f.id
    order by sum(r.idf * (0.5 + f.weight)) desc, f.id
    limit :limit
""")  # noqa: S608

_LIVE_CHUNKS = text(f"""
    select c.id as chunk_id, c.document_id, d.title, c.heading_path, c.char_start, c.page_start, c.page_breaks,
        c.token_count, coalesce(d.source_url, d.gcs_uri) as url
    from document_chunks c
    join documents d on d.id = c.document_id and d.active_job_id = c.job_id
    where c.id = any(:chunk_ids) and {_IN_SCOPE}
""")  # noqa: S608

_LOG = text("""
    insert into query_logs (
        id, team_id, project_id, api_key_id, question_hash, used_rag, top_k, model, latency_ms, prompt_tokens,
        completion_tokens, request_id, refusal_reason, retrieved, used, error)
    values (
        :id, :team_id, :project_id, :api_key_id, :question_hash, :used_rag, :top_k, :model, :latency_ms,
        :prompt_tokens, :completion_tokens, :request_id, :refusal_reason, :retrieved, :used, :error)
""")

_CITE = text("""
    insert into query_citations (query_id, chunk_id, rank, score, team_id)
    select :id, c.chunk_id, c.rank, c.score, :team_id
    from jsonb_to_recordset(cast(:citations as jsonb)) as c (chunk_id uuid, rank integer, score double precision)
    on conflict do nothing
""")

_BEGIN = text("""
    insert into idempotency_keys (team_id, key, request_hash)
    values (cast(current_setting('app.team_id') as uuid), :key, :request_hash)
    on conflict (team_id, key) do update set request_hash = excluded.request_hash, created_at = now()
        where idempotency_keys.status_code is null and idempotency_keys.created_at < now() - interval '10 minutes'
    returning key
""")

_STORED = text("select request_hash, status_code, response from idempotency_keys where key = :key")

_COMPLETE = text("""
    update idempotency_keys set status_code = :status_code, response = cast(:response as jsonb) where key = :key
""")

_ABANDON = text("delete from idempotency_keys where key = :key")


class PostgresQuestions:
    """See `common.catalog.Questions`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_live_documents(self, project_id: UUID) -> bool:
        return bool(self._connection.execute(_HAS_LIVE_DOCUMENTS, {"project_id": project_id}).scalar_one())

    def documents_with(self, scope: Scope, metadata: Mapping[str, str]) -> Sequence[UUID]:
        parameters = {
            "project_id": scope.project_id,
            "document_ids": list(scope.document_ids),
            "metadata": msgspec.json.encode(metadata).decode(),
        }
        return self._connection.execute(_DOCUMENTS_WITH, parameters).scalars().all()

    def lexical_hits(self, scope: Scope, terms: Sequence[str], limit: int) -> Sequence[Hit]:
        if not terms:
            return []
        parameters = {**_scope(scope), "terms": list(terms), "limit": limit}
        return [Hit(chunk_id, None) for chunk_id in self._connection.execute(_LEXICAL, parameters).scalars()]

    def live_chunks(self, scope: Scope, chunk_ids: Sequence[UUID]) -> Sequence[LiveChunk]:
        rows = self._connection.execute(_LIVE_CHUNKS, {**_scope(scope), "chunk_ids": list(chunk_ids)})
        return [_live_chunk(row) for row in rows]

    def log(self, entry: QueryLog) -> None:
        self._connection.execute(
            _LOG,
            {
                "id": entry.id,
                "team_id": entry.scope.team_id,
                "project_id": entry.scope.project_id,
                "api_key_id": entry.api_key_id,
                "question_hash": entry.question_hash,
                "used_rag": entry.used_rag,
                "top_k": entry.top_k,
                "model": entry.model,
                "latency_ms": entry.latency_ms,
                "prompt_tokens": entry.prompt_tokens,
                "completion_tokens": entry.completion_tokens,
                "request_id": entry.request_id,
                "refusal_reason": entry.refusal_reason,
                "retrieved": entry.retrieved,
                "used": entry.used,
                "error": entry.error,
            },
        )
        if entry.citations:
            rows = [{"chunk_id": chunk, "rank": rank, "score": score} for chunk, rank, score in entry.citations]
            self._connection.execute(
                _CITE,
                {"id": entry.id, "team_id": entry.scope.team_id, "citations": msgspec.json.encode(rows).decode()},
            )


class PostgresIdempotency:
    """See `common.catalog.Idempotency`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, key: str, request_hash: str) -> StoredResponse | None:
        parameters = {"key": key, "request_hash": request_hash}
        if self._connection.execute(_BEGIN, parameters).one_or_none() is not None:
            return None
        return StoredResponse(*self._connection.execute(_STORED, parameters).one())

    def complete(self, key: str, status_code: int, response: object) -> None:
        encoded = msgspec.json.encode(response).decode()
        self._connection.execute(_COMPLETE, {"key": key, "status_code": status_code, "response": encoded})

    def abandon(self, key: str) -> None:
        self._connection.execute(_ABANDON, {"key": key})


def _live_chunk(row: Row[Any]) -> LiveChunk:
    arrays = {"heading_path": tuple(row.heading_path), "page_breaks": tuple(row.page_breaks)}
    return LiveChunk(**{**row._asdict(), **arrays})


def _scope(scope: Scope) -> dict[str, object]:
    return {
        "team_id": scope.team_id,
        "project_id": scope.project_id,
        "document_ids": list(scope.document_ids),
    }
