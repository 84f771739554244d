"""How many pages of a document are read: of a long one, while it is read."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table ingestion_jobs add column pages_read integer not null default 0")


def downgrade() -> None:
    raise NotImplementedError("What this schema remembers is not taken back: restore a backup instead.")
