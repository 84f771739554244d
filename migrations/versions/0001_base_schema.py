"""The base schema: teams, documents, jobs, chunks, questions; row level security; database roles.

Roles are groups without login: `ai_infra_api` sees one team at a time (`app.team_id`), `ai_infra_pipeline` works for
every team, `ai_infra_operator` administers. Deployments grant them to the accounts that log in. `ai_infra_search` is
nobody's: a function runs as it. Where another account made the roles, it has to grant that one to the migrating account
(`with inherit false, set true`).
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = ("ai_infra_api", "ai_infra_pipeline", "ai_infra_operator", "ai_infra_search")

EXTENSIONS = """
create extension if not exists vector;
create extension if not exists btree_gin;
"""

ENUMS = """
create type source_type as enum ('upload', 'url', 'manual');
create type document_status as enum ('uploaded', 'processing', 'ready', 'failed');
create type ingestion_status as enum ('queued', 'running', 'succeeded', 'failed');
create type ingestion_stage as enum ('registered', 'chunk', 'embed', 'record', 'live');
create type batch_state as enum ('pending', 'embedded', 'recorded');
"""

TENANTS = """
create table teams (
    id uuid primary key,
    name text not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);
create unique index teams_name_living on teams (name) where deleted_at is null;

create table projects (
    id uuid primary key,
    team_id uuid not null references teams (id),
    name text not null,
    created_at timestamptz not null default now(),
    settings jsonb not null default '{}',
    deleted_at timestamptz
);
create unique index projects_name_living on projects (team_id, name) where deleted_at is null;

create table api_keys (
    id uuid primary key,
    team_id uuid not null references teams (id),
    key_hash text not null,
    status text not null default 'active' constraint api_keys_status check (status in ('active', 'revoked')),
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    key_id text not null unique,
    name text not null,
    scopes text[] not null,
    project_id uuid references projects (id),
    pepper_version integer not null,
    expires_at timestamptz,
    last_used_at timestamptz
);
create index api_keys_team on api_keys (team_id);
"""

DOCUMENTS = """
create table documents (
    id uuid primary key,
    team_id uuid not null references teams (id),
    project_id uuid not null references projects (id),
    title text not null,
    source_type source_type not null,
    gcs_uri text not null,
    mime_type text,
    status document_status not null default 'uploaded',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    bucket text not null,
    object_name text not null,
    generation bigint not null default 0,
    deleted_generation bigint,
    size bigint,
    sha256 text,
    wanted_job_id uuid,
    active_job_id uuid,
    source_url text,
    constraint documents_object unique (project_id, bucket, object_name)
);
create index documents_bucket_object on documents (bucket, object_name);
create index documents_listing on documents (project_id, created_at desc, id desc);
create index documents_team on documents (team_id);

create table ingestion_jobs (
    id uuid primary key,
    document_id uuid not null references documents (id),
    status ingestion_status not null default 'queued',
    error_message text,
    started_at timestamptz,
    finished_at timestamptz,
    chunks_created integer not null default 0,
    embedding_model text not null,
    created_at timestamptz not null default now(),
    team_id uuid not null references teams (id),
    generation bigint not null,
    run integer not null,
    stage ingestion_stage not null default 'registered',
    attempts integer not null default 0,
    reason text,
    retryable boolean,
    warnings jsonb not null default '[]',
    total_chunks integer,
    pages integer,
    settings jsonb not null,
    updated_at timestamptz not null default now(),
    retired_at timestamptz,
    purged_at timestamptz,
    lease_token uuid,
    lease_expires_at timestamptz,
    constraint ingestion_jobs_run unique (document_id, generation, run)
);
create index ingestion_jobs_unfinished on ingestion_jobs (updated_at) where status in ('queued', 'running');
create index ingestion_jobs_unpurged on ingestion_jobs (document_id) where purged_at is null;
create index ingestion_jobs_team on ingestion_jobs (team_id);

alter table documents
    add constraint documents_wanted_job_id_fkey foreign key (wanted_job_id) references ingestion_jobs (id)
        deferrable initially deferred,
    add constraint documents_active_job_id_fkey foreign key (active_job_id) references ingestion_jobs (id)
        deferrable initially deferred;
create index documents_active_job on documents (active_job_id);

create table ingestion_batches (
    job_id uuid not null references ingestion_jobs (id),
    batch_index integer not null,
    team_id uuid not null references teams (id),
    state batch_state not null default 'pending',
    chunk_start integer not null,
    chunk_count integer not null,
    lease_token uuid,
    lease_expires_at timestamptz,
    primary key (job_id, batch_index)
);

create table document_chunks (
    id uuid primary key,
    document_id uuid not null references documents (id),
    chunk_index integer not null,
    vector_id text not null,
    page_start integer,
    page_end integer,
    char_start integer,
    char_end integer,
    text_preview text,
    token_count integer,
    created_at timestamptz not null default now(),
    team_id uuid not null references teams (id),
    project_id uuid not null references projects (id),
    job_id uuid not null references ingestion_jobs (id),
    heading_path text[] not null default '{}',
    page_breaks integer[] not null default '{}',
    tsv tsvector,
    retired_at timestamptz,
    constraint document_chunks_index unique (job_id, chunk_index)
);
create index document_chunks_document on document_chunks (document_id);
create index document_chunks_words on document_chunks using gin (team_id, project_id, tsv);

create table chunk_texts (
    chunk_id uuid primary key,
    team_id uuid not null references teams (id),
    project_id uuid not null references projects (id),
    document_id uuid not null references documents (id),
    job_id uuid not null references ingestion_jobs (id),
    text text not null
);
create index chunk_texts_job on chunk_texts (job_id);

create table chunk_vectors (
    chunk_id uuid not null,
    team_id uuid not null references teams (id),
    project_id uuid not null references projects (id),
    document_id uuid not null references documents (id),
    job_id uuid not null references ingestion_jobs (id),
    embedding halfvec not null,
    primary key (team_id, chunk_id)
) partition by hash (team_id);
create index chunk_vectors_project on chunk_vectors (project_id, job_id);
"""

VECTOR_PARTITIONS = 16
# One partial index a length: a table may hold vectors of two models while documents move from one to the other.
VECTOR_DIMENSIONS = (384, 768)

QUESTIONS = """
create table query_logs (
    id uuid primary key,
    team_id uuid not null references teams (id),
    project_id uuid not null references projects (id),
    api_key_id uuid references api_keys (id),
    question_hash text not null,
    used_rag boolean not null,
    top_k integer not null,
    model text not null,
    latency_ms integer not null,
    prompt_tokens integer,
    completion_tokens integer,
    created_at timestamptz not null default now(),
    request_id text not null,
    refusal_reason text,
    retrieved integer not null default 0,
    used integer not null default 0,
    error text
);
create index query_logs_project on query_logs (project_id, created_at);
create index query_logs_team on query_logs (team_id, created_at);

create table query_citations (
    query_id uuid not null references query_logs (id),
    chunk_id uuid not null references document_chunks (id),
    rank integer not null,
    score double precision,
    team_id uuid not null references teams (id),
    primary key (query_id, chunk_id)
);
create index query_citations_chunk on query_citations (chunk_id);

create table idempotency_keys (
    team_id uuid not null references teams (id),
    key text not null,
    request_hash text not null,
    status_code integer,
    response jsonb,
    created_at timestamptz not null default now(),
    primary key (team_id, key)
);
"""

OPERATIONS = """
create table failed_messages (
    id uuid primary key,
    subscription text not null,
    topic text,
    message_id text not null,
    data bytea not null,
    attributes jsonb not null default '{}',
    delivery_attempts integer,
    published_at timestamptz,
    received_at timestamptz not null default now(),
    reason text not null,
    error text not null,
    team_id uuid,
    document_id uuid,
    job_id uuid,
    resolved_at timestamptz,
    resolution text,
    constraint failed_messages_message unique (subscription, message_id)
);
create index failed_messages_document on failed_messages (document_id);

create table unrouted_objects (
    bucket text not null,
    object_name text not null,
    generation bigint not null,
    size bigint not null,
    content_type text,
    metadata jsonb not null default '{}',
    reason text not null,
    message text not null,
    first_seen_at timestamptz not null default now(),
    primary key (bucket, object_name)
);
"""

# What each role may do. Operators also read what they administer; nobody but the pipeline writes chunks.
GRANTS = """
grant select on teams, projects, api_keys, documents, ingestion_jobs, ingestion_batches, document_chunks, chunk_texts,
    chunk_vectors, query_logs, query_citations, idempotency_keys to ai_infra_api;
grant insert, update on documents, ingestion_jobs to ai_infra_api;
grant update (retired_at) on document_chunks to ai_infra_api;
grant update (last_used_at) on api_keys to ai_infra_api;
grant insert on query_logs, query_citations to ai_infra_api;
grant insert, update, delete on idempotency_keys to ai_infra_api;

grant select on teams, projects, query_citations to ai_infra_pipeline;
grant select, insert, update, delete on documents, ingestion_jobs, ingestion_batches, document_chunks, chunk_texts,
    chunk_vectors, failed_messages, unrouted_objects to ai_infra_pipeline;

grant select on all tables in schema public to ai_infra_operator;
grant insert, update on teams, projects, api_keys, failed_messages to ai_infra_operator;
"""

TENANT_TABLES = {
    "teams": "id",
    "projects": "team_id",
    "api_keys": "team_id",
    "documents": "team_id",
    "ingestion_jobs": "team_id",
    "ingestion_batches": "team_id",
    "document_chunks": "team_id",
    "chunk_texts": "team_id",
    "chunk_vectors": "team_id",
    "query_logs": "team_id",
    "query_citations": "team_id",
    "idempotency_keys": "team_id",
}
OPERATION_TABLES = ("failed_messages", "unrouted_objects")

# The one look-up that comes before a team is known. It runs as the owner, whose own policies let it read just this.
KEY_LOOKUP = """
create policy key_lookup on api_keys for select to current_user using (true);
create policy key_lookup on teams for select to current_user using (true);
create function find_api_key(wanted_key_id text)
returns table (
    id uuid, team_id uuid, project_id uuid, key_hash text, pepper_version integer, status text, scopes text[],
    expires_at timestamptz, last_used_at timestamptz
)
language sql stable security definer set search_path = public, pg_temp
as $$
    select k.id, k.team_id, k.project_id, k.key_hash, k.pepper_version, k.status, k.scopes, k.expires_at, k.last_used_at
    from api_keys k
    join teams t on t.id = k.team_id and t.deleted_at is null
    where k.key_id = wanted_key_id
$$;
revoke all on function find_api_key(text) from public;
grant execute on function find_api_key(text) to ai_infra_api;
"""

# Behind a policy's condition Postgres does not look words up in an index, since `@@` is not leakproof. This function's
# role has a policy without a condition; the function itself keeps to the team that the transaction is bound to, and
# tells no text. The migrating account may give it to the role, but inherits no sight of the rows.
WORD_SEARCH = """
create policy search on document_chunks for select to ai_infra_search using (true);
grant select (id, team_id, project_id, document_id, job_id, tsv) on document_chunks to ai_infra_search;
create function search_chunk_words(wanted_project_id uuid, queries tsquery[])
returns table (
    id uuid, team_id uuid, project_id uuid, document_id uuid, job_id uuid, query tsquery, weight real
)
language sql stable security definer set search_path = public, pg_temp
as $$
    select c.id, c.team_id, c.project_id, c.document_id, c.job_id, q.query,
        ts_rank('{0.1, 0.2, 0.4, 1.0}', c.tsv, q.query)
    from unnest(queries) as q (query)
    join document_chunks c on c.tsv @@ q.query
    where c.team_id = (select nullif(current_setting('app.team_id', true), '')::uuid)
      and c.project_id = wanted_project_id
$$;
revoke all on function search_chunk_words(uuid, tsquery[]) from public;
grant execute on function search_chunk_words(uuid, tsquery[]) to ai_infra_api;
do $$ begin
    if not pg_has_role('ai_infra_search', 'set') then
        grant ai_infra_search to current_user with inherit false, set true;
    end if;
end $$;
grant create on schema public to ai_infra_search;
alter function search_chunk_words(uuid, tsquery[]) owner to ai_infra_search;
revoke create on schema public from ai_infra_search;
"""


def create_roles() -> str:
    """Roles belong to the whole server: another database of it, or `migrations.accounts`, may have made them already.

    They are looked for first, since the right to make one would be asked for before it is seen that it is there.
    """
    return "\n".join(
        f"do $$ begin if not exists (select from pg_roles where rolname = '{role}') then create role {role} nologin;"
        " end if; exception when duplicate_object or unique_violation then null; end $$;"
        for role in ROLES
    )


def create_vector_partitions() -> str:
    """Hash partitions, so that a small team's search never walks a large team's graph."""
    partitions = [
        f"create table chunk_vectors_{n} partition of chunk_vectors"
        f" for values with (modulus {VECTOR_PARTITIONS}, remainder {n});"
        for n in range(VECTOR_PARTITIONS)
    ]
    indexes = [
        f"create index chunk_vectors_hnsw_{length} on chunk_vectors"
        f" using hnsw ((embedding::halfvec({length})) halfvec_cosine_ops) where vector_dims(embedding) = {length};"
        for length in VECTOR_DIMENSIONS
    ]
    return "\n".join(partitions + indexes)


def secure_rows() -> str:
    """Forced row level security: a team's rows for the API bound to it, all rows for pipeline and operators."""
    statements = []
    for table in (*TENANT_TABLES, *OPERATION_TABLES):
        statements += [
            f"alter table {table} enable row level security;",
            f"alter table {table} force row level security;",
            f"create policy pipeline on {table} to ai_infra_pipeline using (true) with check (true);",
            f"create policy operator on {table} to ai_infra_operator using (true) with check (true);",
        ]
    for table, column in TENANT_TABLES.items():
        bound = f"{column} = (select nullif(current_setting('app.team_id', true), '')::uuid)"
        statements.append(f"create policy team on {table} to ai_infra_api using ({bound}) with check ({bound});")
    return "\n".join(statements)


def upgrade() -> None:
    for script in (
        EXTENSIONS,
        create_roles(),
        ENUMS,
        TENANTS,
        DOCUMENTS,
        create_vector_partitions(),
        QUESTIONS,
        OPERATIONS,
        GRANTS,
        secure_rows(),
        KEY_LOOKUP,
        WORD_SEARCH,
    ):
        op.execute(script)


def downgrade() -> None:
    raise NotImplementedError("The base schema is not taken back: restore a backup instead.")
