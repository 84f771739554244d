"""Teams, their projects and their keys."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from common.adapters.postgres.tables.columns import (
    identity,
    integer,
    json_column,
    metadata,
    reference,
    text_column,
    time,
)

teams = Table(
    "teams",
    metadata,
    identity(),
    text_column("name"),
    time("created_at", nullable=False),
    time("deleted_at"),
    Index("teams_name_living", "name", unique=True, postgresql_where=text("deleted_at is null")),
)

projects = Table(
    "projects",
    metadata,
    identity(),
    reference("team_id", "teams.id"),
    text_column("name"),
    time("created_at", nullable=False),
    json_column("settings", "{}"),
    time("deleted_at"),
    Index("projects_name_living", "team_id", "name", unique=True, postgresql_where=text("deleted_at is null")),
    Index("projects_deleted", "id", postgresql_where=text("deleted_at is not null")),
)

api_keys = Table(
    "api_keys",
    metadata,
    identity(),
    reference("team_id", "teams.id"),
    text_column("key_hash"),
    Column("status", Text, nullable=False, server_default=text("'active'")),
    time("created_at", nullable=False),
    time("revoked_at"),
    Column("key_id", Text, nullable=False, unique=True),
    text_column("name"),
    Column("scopes", ARRAY(Text), nullable=False),
    reference("project_id", "projects.id", nullable=True),
    integer("pepper_version"),
    time("expires_at"),
    time("last_used_at"),
    CheckConstraint("status in ('active', 'revoked')", name="api_keys_status"),
    Index("api_keys_team", "team_id"),
)
