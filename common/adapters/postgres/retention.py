"""What is kept for a while only."""

from __future__ import annotations

from sqlalchemy import Connection, text

_OLD_QUESTIONS = text("""
    select id from query_logs
    where created_at < now() - make_interval(secs => :seconds)
    order by created_at
    limit :limit
""")

_FORGET_CITATIONS = text("""
    with gone as (delete from query_citations where query_id = any(cast(:ids as uuid[])) returning chunk_id)
    select distinct chunk_id from gone
""")

_FORGET_QUESTIONS = text("delete from query_logs where id = any(cast(:ids as uuid[]))")

# What a purge left for the sake of its citations.
_FORGET_TOMBSTONES = text("""
    delete from document_chunks c
    using ingestion_jobs j
    where c.id = any(cast(:ids as uuid[])) and j.id = c.job_id and j.purged_at is not null
      and not exists (select from query_citations q where q.chunk_id = c.id)
""")

_FORGET_KEYS = text("""
    delete from idempotency_keys k
    using (
        select team_id, key from idempotency_keys
        where created_at < now() - make_interval(secs => :seconds)
        order by created_at
        limit :limit) old
    where k.team_id = old.team_id and k.key = old.key
""")

_FORGET_FAILED = text("""
    delete from failed_messages
    where id = any(array(
        select id from failed_messages
        where resolved_at < now() - make_interval(secs => :seconds)
        order by resolved_at
        limit :limit))
""")

_FORGET_FETCHES = text("""
    delete from fetches
    where id = any(array(
        select f.id from fetches f
        where f.finished_at < now() - make_interval(secs => :seconds)
          and f.id is distinct from (
              select newest.id from fetches newest
              join documents d on d.id = newest.document_id and d.generation > coalesce(d.deleted_generation, 0)
              where newest.document_id = f.document_id
              order by newest.created_at desc, newest.id desc
              limit 1)
        order by f.finished_at
        limit :limit))
""")


class PostgresRetentionRows:
    """See `common.database.RetentionRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def forget_questions(self, older_than_seconds: float, limit: int) -> int:
        old = {"seconds": older_than_seconds, "limit": limit}
        ids = list(self._connection.execute(_OLD_QUESTIONS, old).scalars())
        cited = list(self._connection.execute(_FORGET_CITATIONS, {"ids": ids}).scalars())
        self._connection.execute(_FORGET_QUESTIONS, {"ids": ids})
        self._connection.execute(_FORGET_TOMBSTONES, {"ids": cited})
        return len(ids)

    def forget_idempotency_keys(self, older_than_seconds: float, limit: int) -> int:
        old = {"seconds": older_than_seconds, "limit": limit}
        return self._connection.execute(_FORGET_KEYS, old).rowcount

    def forget_failed(self, older_than_seconds: float, limit: int) -> int:
        old = {"seconds": older_than_seconds, "limit": limit}
        return self._connection.execute(_FORGET_FAILED, old).rowcount

    def forget_fetches(self, older_than_seconds: float, limit: int) -> int:
        old = {"seconds": older_than_seconds, "limit": limit}
        return self._connection.execute(_FORGET_FETCHES, old).rowcount
