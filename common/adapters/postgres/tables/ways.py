"""What comes in and goes out: fetches of web addresses, objects that belong nowhere, receipts of deletions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Table, Text, Uuid, text

from common.adapters.postgres.tables.columns import (
    identity,
    integer,
    json_column,
    metadata,
    reference,
    text_column,
    time,
)

fetches = Table(
    "fetches",
    metadata,
    identity(),
    reference("team_id", "teams.id"),
    reference("project_id", "projects.id"),
    Column("document_id", Uuid, nullable=False),
    text_column("url"),
    text_column("bucket"),
    text_column("object_name"),
    json_column("metadata", "{}"),
    Column("status", Text, nullable=False, server_default=text("'queued'")),
    text_column("reason", nullable=True),
    text_column("message", nullable=True),
    Column("retryable", Boolean),
    integer("attempts", default="0"),
    Column("generation", BigInteger),
    time("created_at", nullable=False),
    time("updated_at", nullable=False),
    time("finished_at"),
    CheckConstraint("status in ('queued', 'fetched', 'unchanged', 'failed')", name="fetches_status"),
    Index("fetches_listing", "project_id", text("created_at desc"), text("id desc")),
    Index("fetches_queued", "updated_at", postgresql_where=text("status = 'queued'")),
    Index("fetches_finished", "finished_at", postgresql_where=text("finished_at is not null")),
    Index("fetches_of_document", "document_id", text("created_at desc"), text("id desc")),
)

unrouted_objects = Table(
    "unrouted_objects",
    metadata,
    Column("bucket", Text, primary_key=True),
    Column("object_name", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    text_column("content_type", nullable=True),
    json_column("metadata", "{}"),
    text_column("reason"),
    text_column("message"),
    time("first_seen_at", nullable=False),
)

deletions = Table(
    "deletions",
    metadata,
    identity(),
    reference("team_id", "teams.id"),
    reference("project_id", "projects.id"),
    reference("document_id", "documents.id"),
    Column("generation", BigInteger, nullable=False),
    text_column("cause"),
    time("requested_at", nullable=False),
    time("completed_at"),
    integer("jobs", default="0"),
    integer("chunks", default="0"),
    integer("vectors", default="0"),
    integer("chunk_texts", default="0"),
    integer("extractions", default="0"),
    integer("failed_messages", default="0"),
    integer("tombstones", default="0"),
    Index("deletions_pending", "requested_at", postgresql_where=text("completed_at is null")),
    Index("deletions_document", "document_id"),
    Index("deletions_listing", "project_id", text("requested_at desc"), text("id desc")),
)
