"""What a purge, a replay, a deletion's receipt and a reconciliation have to remember.

`ingestion_jobs.unwanted_since` is derived from the row itself, so that no statement, of this version or the one before,
can end a job and forget that what it made has to go. The pipeline forgets old questions; it still reads none.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JOBS = """
alter table ingestion_jobs
    add column sha256 text,
    add column replays integer not null default 0,
    add column resumed_at timestamptz,
    add column purge_started_at timestamptz,
    add column next_purge_at timestamptz,
    add column purge_closed boolean not null default false,
    add column purge_checked integer,
    add column unwanted_since timestamptz generated always as (
        case when status = 'failed' then coalesce(retired_at, finished_at) else retired_at end) stored;
alter table ingestion_batches
    add column reason text,
    add column error_message text;
create index ingestion_jobs_purges on ingestion_jobs (coalesce(next_purge_at, unwanted_since))
    where unwanted_since is not null and not purge_closed;
create index documents_kept on documents (project_id)
    where wanted_job_id is not null or active_job_id is not null;
create index projects_deleted on projects (id) where deleted_at is not null;
create index documents_listing_order on documents (bucket, object_name collate "C")
    where wanted_job_id is not null or active_job_id is not null;
"""

DELETIONS = """
create table deletions (
    id uuid primary key,
    team_id uuid not null references teams (id),
    project_id uuid not null references projects (id),
    document_id uuid not null references documents (id),
    generation bigint not null,
    cause text not null,
    requested_at timestamptz not null default now(),
    completed_at timestamptz,
    jobs integer not null default 0,
    chunks integer not null default 0,
    vectors integer not null default 0,
    chunk_texts integer not null default 0,
    extractions integer not null default 0,
    failed_messages integer not null default 0,
    tombstones integer not null default 0
);
create index deletions_pending on deletions (requested_at) where completed_at is null;
create index deletions_document on deletions (document_id);
create index deletions_listing on deletions (project_id, requested_at desc, id desc);
"""

OPERATIONS = """
alter table failed_messages
    add column replays integer not null default 0,
    add column replayed_at timestamptz;
create index failed_messages_received on failed_messages (received_at);
create index failed_messages_job on failed_messages (job_id);
create index failed_messages_resolved on failed_messages (resolved_at) where resolved_at is not null;

create table reconcile_progress (
    task text primary key,
    cursor text not null default '',
    examined bigint not null default 0,
    pass_started_at timestamptz not null default now(),
    pass_finished_at timestamptz,
    updated_at timestamptz not null default now()
);
create index query_logs_created on query_logs (created_at);
create index idempotency_keys_created on idempotency_keys (created_at);
"""

GRANTS = """
grant select, insert on deletions to ai_infra_api;
grant select, insert, update on deletions to ai_infra_pipeline;
grant select, insert, update on reconcile_progress to ai_infra_pipeline;
grant delete on query_logs, query_citations, idempotency_keys to ai_infra_pipeline;
grant select (id, team_id, created_at) on query_logs to ai_infra_pipeline;
grant select (team_id, key, created_at) on idempotency_keys to ai_infra_pipeline;
grant select on deletions, reconcile_progress to ai_infra_operator;
grant insert, update on documents, ingestion_jobs to ai_infra_operator;
grant insert on deletions to ai_infra_operator;
grant update (retired_at) on document_chunks to ai_infra_operator;
"""


def secure_rows() -> str:
    """As in the base schema: a team's rows for the API bound to it, all rows for pipeline and operators."""
    bound = "team_id = (select nullif(current_setting('app.team_id', true), '')::uuid)"
    statements = [f"create policy team on deletions to ai_infra_api using ({bound}) with check ({bound});"]
    for table in ("deletions", "reconcile_progress"):
        statements += [
            f"alter table {table} enable row level security;",
            f"alter table {table} force row level security;",
            f"create policy pipeline on {table} to ai_infra_pipeline using (true) with check (true);",
            f"create policy operator on {table} to ai_infra_operator using (true) with check (true);",
        ]
    return "\n".join(statements)


def upgrade() -> None:
    for script in (JOBS, DELETIONS, OPERATIONS, GRANTS, secure_rows()):
        op.execute(script)


def downgrade() -> None:
    raise NotImplementedError("What this schema remembers is not taken back: restore a backup instead.")
