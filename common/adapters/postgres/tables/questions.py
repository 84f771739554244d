"""Questions with their citations, and what writes were answered."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Table, Text

from common.adapters.postgres.tables.columns import (
    identity,
    integer,
    json_column,
    metadata,
    reference,
    text_column,
    time,
)

query_logs = Table(
    "query_logs",
    metadata,
    identity(),
    reference("team_id", "teams.id"),
    reference("project_id", "projects.id"),
    reference("api_key_id", "api_keys.id", nullable=True),
    text_column("question_hash"),
    Column("used_rag", Boolean, nullable=False),
    integer("top_k"),
    text_column("model"),
    integer("latency_ms"),
    integer("prompt_tokens", nullable=True),
    integer("completion_tokens", nullable=True),
    time("created_at", nullable=False),
    text_column("request_id"),
    text_column("refusal_reason", nullable=True),
    integer("retrieved", default="0"),
    integer("used", default="0"),
    text_column("error", nullable=True),
    Index("query_logs_project", "project_id", "created_at"),
    Index("query_logs_team", "team_id", "created_at"),
    Index("query_logs_created", "created_at"),
)

query_citations = Table(
    "query_citations",
    metadata,
    reference("query_id", "query_logs.id", primary_key=True),
    reference("chunk_id", "document_chunks.id", primary_key=True),
    integer("rank"),
    Column("score", Double),
    reference("team_id", "teams.id"),
    Index("query_citations_chunk", "chunk_id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    reference("team_id", "teams.id", primary_key=True),
    Column("key", Text, primary_key=True),
    text_column("request_hash"),
    integer("status_code", nullable=True),
    json_column("response", None, nullable=True),
    time("created_at", nullable=False),
    Index("idempotency_keys_created", "created_at"),
)
