"""What could not be delivered, and how far reconciliation has come."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, UniqueConstraint, Uuid, text

from common.adapters.postgres.tables.columns import identity, integer, json_column, metadata, text_column, time

failed_messages = Table(
    "failed_messages",
    metadata,
    identity(),
    text_column("subscription"),
    text_column("topic", nullable=True),
    text_column("message_id"),
    Column("data", LargeBinary, nullable=False),
    json_column("attributes", "{}"),
    integer("delivery_attempts", nullable=True),
    time("published_at"),
    time("received_at", nullable=False),
    text_column("reason"),
    text_column("error"),
    Column("team_id", Uuid),
    Column("document_id", Uuid),
    Column("job_id", Uuid),
    time("resolved_at"),
    text_column("resolution", nullable=True),
    integer("replays", default="0"),
    time("replayed_at"),
    UniqueConstraint("subscription", "message_id", name="failed_messages_message"),
    Index("failed_messages_document", "document_id"),
    Index("failed_messages_received", "received_at"),
    Index("failed_messages_job", "job_id"),
    Index("failed_messages_resolved", "resolved_at", postgresql_where=text("resolved_at is not null")),
)

reconcile_progress = Table(
    "reconcile_progress",
    metadata,
    Column("task", Text, primary_key=True),
    Column("cursor", Text, nullable=False, server_default=text("''")),
    Column("examined", BigInteger, nullable=False, server_default=text("0")),
    time("pass_started_at", nullable=False),
    time("pass_finished_at"),
    time("updated_at", nullable=False),
)
