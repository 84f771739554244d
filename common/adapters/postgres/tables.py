"""The schema as SQLAlchemy knows it; a test proves that it and the migrations agree."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, ENUM, JSONB, TSVECTOR
from sqlalchemy.types import UserDefinedType

metadata = MetaData()


class HalfVector(UserDefinedType[Any]):
    """pgvector's `halfvec`, of whatever length the embedder has."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "halfvec"


def _enum(name: str, *values: str) -> ENUM:
    return ENUM(*values, name=name, metadata=metadata)


source_type = _enum("source_type", "upload", "url", "manual")
document_status = _enum("document_status", "uploaded", "processing", "ready", "failed")
ingestion_status = _enum("ingestion_status", "queued", "running", "succeeded", "failed")
ingestion_stage = _enum("ingestion_stage", "registered", "chunk", "embed", "record", "live")
batch_state = _enum("batch_state", "pending", "embedded", "recorded")


def _id() -> Column[Any]:
    return Column("id", Uuid, primary_key=True)


def _reference(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    return Column(name, Uuid, ForeignKey(target), nullable=nullable, primary_key=primary_key)


def _time(name: str, *, nullable: bool = True) -> Column[Any]:
    default = None if nullable else text("now()")
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


def _text(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=nullable)


def _integer(name: str, *, nullable: bool = False, default: str | None = None) -> Column[Any]:
    return Column(name, Integer, nullable=nullable, server_default=text(default) if default else None)


def _json(name: str, default: str | None, *, nullable: bool = False) -> Column[Any]:
    return Column(name, JSONB, nullable=nullable, server_default=text(f"'{default}'") if default else None)


def _state(name: str, kind: ENUM, default: str | None = None) -> Column[Any]:
    return Column(name, kind, nullable=False, server_default=text(f"'{default}'") if default else None)


teams = Table(
    "teams",
    metadata,
    _id(),
    _text("name"),
    _time("created_at", nullable=False),
    _time("deleted_at"),
    Index("teams_name_living", "name", unique=True, postgresql_where=text("deleted_at is null")),
)

projects = Table(
    "projects",
    metadata,
    _id(),
    _reference("team_id", "teams.id"),
    _text("name"),
    _time("created_at", nullable=False),
    _json("settings", "{}"),
    _time("deleted_at"),
    Index("projects_name_living", "team_id", "name", unique=True, postgresql_where=text("deleted_at is null")),
    Index("projects_deleted", "id", postgresql_where=text("deleted_at is not null")),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _reference("team_id", "teams.id"),
    _text("key_hash"),
    Column("status", Text, nullable=False, server_default=text("'active'")),
    _time("created_at", nullable=False),
    _time("revoked_at"),
    Column("key_id", Text, nullable=False, unique=True),
    _text("name"),
    Column("scopes", ARRAY(Text), nullable=False),
    _reference("project_id", "projects.id", nullable=True),
    _integer("pepper_version"),
    _time("expires_at"),
    _time("last_used_at"),
    CheckConstraint("status in ('active', 'revoked')", name="api_keys_status"),
    Index("api_keys_team", "team_id"),
)

documents = Table(
    "documents",
    metadata,
    _id(),
    _reference("team_id", "teams.id"),
    _reference("project_id", "projects.id"),
    _text("title"),
    _state("source_type", source_type),
    _text("gcs_uri"),
    _text("mime_type", nullable=True),
    _state("status", document_status, "uploaded"),
    _time("created_at", nullable=False),
    _time("updated_at", nullable=False),
    _text("bucket"),
    _text("object_name"),
    Column("generation", BigInteger, nullable=False, server_default=text("0")),
    Column("deleted_generation", BigInteger),
    Column("size", BigInteger),
    _text("sha256", nullable=True),
    Column(
        "wanted_job_id",
        Uuid,
        ForeignKey("ingestion_jobs.id", deferrable=True, initially="DEFERRED", use_alter=True),
    ),
    Column(
        "active_job_id",
        Uuid,
        ForeignKey("ingestion_jobs.id", deferrable=True, initially="DEFERRED", use_alter=True),
    ),
    _text("source_url", nullable=True),
    _json("metadata", "{}"),
    UniqueConstraint("project_id", "bucket", "object_name", name="documents_object"),
    Index("documents_bucket_object", "bucket", "object_name"),
    Index("documents_listing", "project_id", text("created_at desc"), text("id desc")),
    Index("documents_team", "team_id"),
    Index(
        "documents_metadata",
        "team_id",
        "project_id",
        "metadata",
        postgresql_using="gin",
        postgresql_ops={"metadata": "jsonb_path_ops"},
    ),
    Index("documents_active_job", "active_job_id"),
    Index(
        "documents_kept",
        "project_id",
        postgresql_where=text("wanted_job_id is not null or active_job_id is not null"),
    ),
    Index(  # the name in collation "C", which SQLAlchemy does not see
        "documents_listing_order",
        "bucket",
        "object_name",
        postgresql_where=text("wanted_job_id is not null or active_job_id is not null"),
    ),
)

ingestion_jobs = Table(
    "ingestion_jobs",
    metadata,
    _id(),
    _reference("document_id", "documents.id"),
    _state("status", ingestion_status, "queued"),
    _text("error_message", nullable=True),
    _time("started_at"),
    _time("finished_at"),
    _integer("chunks_created", default="0"),
    _text("embedding_model"),
    _time("created_at", nullable=False),
    _reference("team_id", "teams.id"),
    Column("generation", BigInteger, nullable=False),
    _integer("run"),
    _state("stage", ingestion_stage, "registered"),
    _integer("attempts", default="0"),
    _text("reason", nullable=True),
    Column("retryable", Boolean),
    _json("warnings", "[]"),
    _integer("total_chunks", nullable=True),
    _integer("pages", nullable=True),
    _json("settings", None),
    _time("updated_at", nullable=False),
    _time("retired_at"),
    _time("purged_at"),
    Column("lease_token", Uuid),
    _time("lease_expires_at"),
    _text("sha256", nullable=True),
    _integer("replays", default="0"),
    _time("resumed_at"),
    _time("purge_started_at"),
    _time("next_purge_at"),
    Column("purge_closed", Boolean, nullable=False, server_default=text("false")),
    _integer("purge_checked", nullable=True),
    _integer("pages_read", default="0"),
    Column(
        "unwanted_since",
        DateTime(timezone=True),
        Computed("case when status = 'failed' then coalesce(retired_at, finished_at) else retired_at end"),
    ),
    UniqueConstraint("document_id", "generation", "run", name="ingestion_jobs_run"),
    Index("ingestion_jobs_unfinished", "updated_at", postgresql_where=text("status in ('queued', 'running')")),
    Index("ingestion_jobs_unpurged", "document_id", postgresql_where=text("purged_at is null")),
    Index("ingestion_jobs_team", "team_id"),
    Index(
        "ingestion_jobs_purges",
        text("coalesce(next_purge_at, unwanted_since)"),
        postgresql_where=text("unwanted_since is not null and not purge_closed"),
    ),
)

fetches = Table(
    "fetches",
    metadata,
    _id(),
    _reference("team_id", "teams.id"),
    _reference("project_id", "projects.id"),
    Column("document_id", Uuid, nullable=False),
    _text("url"),
    _text("bucket"),
    _text("object_name"),
    _json("metadata", "{}"),
    Column("status", Text, nullable=False, server_default=text("'queued'")),
    _text("reason", nullable=True),
    _text("message", nullable=True),
    Column("retryable", Boolean),
    _integer("attempts", default="0"),
    Column("generation", BigInteger),
    _time("created_at", nullable=False),
    _time("updated_at", nullable=False),
    _time("finished_at"),
    CheckConstraint("status in ('queued', 'fetched', 'unchanged', 'failed')", name="fetches_status"),
    Index("fetches_listing", "project_id", text("created_at desc"), text("id desc")),
    Index("fetches_queued", "updated_at", postgresql_where=text("status = 'queued'")),
    Index("fetches_finished", "finished_at", postgresql_where=text("finished_at is not null")),
    Index("fetches_of_document", "document_id", text("created_at desc"), text("id desc")),
)

deletions = Table(
    "deletions",
    metadata,
    _id(),
    _reference("team_id", "teams.id"),
    _reference("project_id", "projects.id"),
    _reference("document_id", "documents.id"),
    Column("generation", BigInteger, nullable=False),
    _text("cause"),
    _time("requested_at", nullable=False),
    _time("completed_at"),
    _integer("jobs", default="0"),
    _integer("chunks", default="0"),
    _integer("vectors", default="0"),
    _integer("chunk_texts", default="0"),
    _integer("extractions", default="0"),
    _integer("failed_messages", default="0"),
    _integer("tombstones", default="0"),
    Index("deletions_pending", "requested_at", postgresql_where=text("completed_at is null")),
    Index("deletions_document", "document_id"),
    Index("deletions_listing", "project_id", text("requested_at desc"), text("id desc")),
)

ingestion_batches = Table(
    "ingestion_batches",
    metadata,
    _reference("job_id", "ingestion_jobs.id", primary_key=True),
    Column("batch_index", Integer, primary_key=True, autoincrement=False),
    _reference("team_id", "teams.id"),
    _state("state", batch_state, "pending"),
    _integer("chunk_start"),
    _integer("chunk_count"),
    Column("lease_token", Uuid),
    _time("lease_expires_at"),
    _text("reason", nullable=True),
    _text("error_message", nullable=True),
)

document_chunks = Table(
    "document_chunks",
    metadata,
    _id(),
    _reference("document_id", "documents.id"),
    _integer("chunk_index"),
    _text("vector_id"),
    _integer("page_start", nullable=True),
    _integer("page_end", nullable=True),
    _integer("char_start", nullable=True),
    _integer("char_end", nullable=True),
    _text("text_preview", nullable=True),
    _integer("token_count", nullable=True),
    _time("created_at", nullable=False),
    _reference("team_id", "teams.id"),
    _reference("project_id", "projects.id"),
    _reference("job_id", "ingestion_jobs.id"),
    Column("heading_path", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("page_breaks", ARRAY(Integer), nullable=False, server_default=text("'{}'")),
    Column("tsv", TSVECTOR),
    _time("retired_at"),
    UniqueConstraint("job_id", "chunk_index", name="document_chunks_index"),
    Index("document_chunks_document", "document_id"),
    Index("document_chunks_words", "team_id", "project_id", "tsv", postgresql_using="gin"),
)

chunk_texts = Table(
    "chunk_texts",
    metadata,
    Column("chunk_id", Uuid, primary_key=True),
    _reference("team_id", "teams.id"),
    _reference("project_id", "projects.id"),
    _reference("document_id", "documents.id"),
    _reference("job_id", "ingestion_jobs.id"),
    _text("text"),
    Index("chunk_texts_job", "job_id"),
)

chunk_vectors = Table(
    "chunk_vectors",
    metadata,
    Column("chunk_id", Uuid, primary_key=True),
    _reference("team_id", "teams.id", primary_key=True),
    _reference("project_id", "projects.id"),
    _reference("document_id", "documents.id"),
    _reference("job_id", "ingestion_jobs.id"),
    Column("embedding", HalfVector, nullable=False),
    Index("chunk_vectors_project", "project_id", "job_id"),
    postgresql_partition_by="hash (team_id)",
)

query_logs = Table(
    "query_logs",
    metadata,
    _id(),
    _reference("team_id", "teams.id"),
    _reference("project_id", "projects.id"),
    _reference("api_key_id", "api_keys.id", nullable=True),
    _text("question_hash"),
    Column("used_rag", Boolean, nullable=False),
    _integer("top_k"),
    _text("model"),
    _integer("latency_ms"),
    _integer("prompt_tokens", nullable=True),
    _integer("completion_tokens", nullable=True),
    _time("created_at", nullable=False),
    _text("request_id"),
    _text("refusal_reason", nullable=True),
    _integer("retrieved", default="0"),
    _integer("used", default="0"),
    _text("error", nullable=True),
    Index("query_logs_project", "project_id", "created_at"),
    Index("query_logs_team", "team_id", "created_at"),
    Index("query_logs_created", "created_at"),
)

query_citations = Table(
    "query_citations",
    metadata,
    _reference("query_id", "query_logs.id", primary_key=True),
    _reference("chunk_id", "document_chunks.id", primary_key=True),
    _integer("rank"),
    Column("score", Double),
    _reference("team_id", "teams.id"),
    Index("query_citations_chunk", "chunk_id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _reference("team_id", "teams.id", primary_key=True),
    Column("key", Text, primary_key=True),
    _text("request_hash"),
    _integer("status_code", nullable=True),
    _json("response", None, nullable=True),
    _time("created_at", nullable=False),
    Index("idempotency_keys_created", "created_at"),
)

failed_messages = Table(
    "failed_messages",
    metadata,
    _id(),
    _text("subscription"),
    _text("topic", nullable=True),
    _text("message_id"),
    Column("data", LargeBinary, nullable=False),
    _json("attributes", "{}"),
    _integer("delivery_attempts", nullable=True),
    _time("published_at"),
    _time("received_at", nullable=False),
    _text("reason"),
    _text("error"),
    Column("team_id", Uuid),
    Column("document_id", Uuid),
    Column("job_id", Uuid),
    _time("resolved_at"),
    _text("resolution", nullable=True),
    _integer("replays", default="0"),
    _time("replayed_at"),
    UniqueConstraint("subscription", "message_id", name="failed_messages_message"),
    Index("failed_messages_document", "document_id"),
    Index("failed_messages_received", "received_at"),
    Index("failed_messages_job", "job_id"),
    Index("failed_messages_resolved", "resolved_at", postgresql_where=text("resolved_at is not null")),
)

unrouted_objects = Table(
    "unrouted_objects",
    metadata,
    Column("bucket", Text, primary_key=True),
    Column("object_name", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    _text("content_type", nullable=True),
    _json("metadata", "{}"),
    _text("reason"),
    _text("message"),
    _time("first_seen_at", nullable=False),
)

reconcile_progress = Table(
    "reconcile_progress",
    metadata,
    Column("task", Text, primary_key=True),
    Column("cursor", Text, nullable=False, server_default=text("''")),
    Column("examined", BigInteger, nullable=False, server_default=text("0")),
    _time("pass_started_at", nullable=False),
    _time("pass_finished_at"),
    _time("updated_at", nullable=False),
)
