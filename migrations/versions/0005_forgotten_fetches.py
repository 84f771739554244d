"""Fetches of web addresses are forgotten after a while, but for each document's newest."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FORGOTTEN = """
create index fetches_finished on fetches (finished_at) where finished_at is not null;
create index fetches_of_document on fetches (document_id, created_at desc, id desc);
grant delete on fetches to ai_infra_pipeline;
"""


def upgrade() -> None:
    op.execute(FORGOTTEN)


def downgrade() -> None:
    raise NotImplementedError("What this schema remembers is not taken back: restore a backup instead.")
