"""Web addresses that are fetched as documents, and objects' own metadata, by which documents are found.

`fetches` is a row for each request, so that one that failed is seen although it left no object, hence no document.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DOCUMENTS = """
alter table documents add column metadata jsonb not null default '{}';
create index documents_metadata on documents using gin (team_id, project_id, metadata jsonb_path_ops);
"""

FETCHES = """
create table fetches (
    id uuid primary key,
    team_id uuid not null references teams (id),
    project_id uuid not null references projects (id),
    document_id uuid not null,
    url text not null,
    bucket text not null,
    object_name text not null,
    metadata jsonb not null default '{}',
    status text not null default 'queued',
    reason text,
    message text,
    retryable boolean,
    attempts integer not null default 0,
    generation bigint,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint fetches_status check (status in ('queued', 'fetched', 'unchanged', 'failed'))
);
create index fetches_listing on fetches (project_id, created_at desc, id desc);
create index fetches_queued on fetches (updated_at) where status = 'queued';
alter table fetches enable row level security;
alter table fetches force row level security;
create policy team on fetches to ai_infra_api
    using (team_id = (select nullif(current_setting('app.team_id', true), '')::uuid))
    with check (team_id = (select nullif(current_setting('app.team_id', true), '')::uuid));
create policy pipeline on fetches to ai_infra_pipeline using (true) with check (true);
create policy operator on fetches to ai_infra_operator using (true) with check (true);
grant select, insert on fetches to ai_infra_api;
grant select, insert, update on fetches to ai_infra_pipeline;
grant select on fetches to ai_infra_operator;
"""

# As `search_chunk_words` of the base schema, and for its reason: `@>` is not leakproof, so that behind a policy's
# condition no index serves it. The right to create is the role's for the moment in which the function becomes its own.
METADATA_SEARCH = """
create policy search on documents for select to ai_infra_search using (true);
grant select (id, team_id, project_id, metadata) on documents to ai_infra_search;
create function find_documents(wanted_project_id uuid, wanted jsonb) returns setof uuid
language sql stable security definer set search_path = public, pg_temp
as $$
    select d.id from documents d
    where d.team_id = (select nullif(current_setting('app.team_id', true), '')::uuid)
      and d.project_id = wanted_project_id and d.metadata @> wanted
$$;
revoke all on function find_documents(uuid, jsonb) from public;
grant execute on function find_documents(uuid, jsonb) to ai_infra_api;
grant create on schema public to ai_infra_search;
alter function find_documents(uuid, jsonb) owner to ai_infra_search;
revoke create on schema public from ai_infra_search;
"""


def upgrade() -> None:
    for script in (DOCUMENTS, FETCHES, METADATA_SEARCH):
        op.execute(script)


def downgrade() -> None:
    raise NotImplementedError("What this schema remembers is not taken back: restore a backup instead.")
