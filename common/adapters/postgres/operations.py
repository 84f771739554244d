"""Objects without a place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, text

from common.database import Unrouted
from common.model.documents import StoredObject

_KEEP_UNROUTED = text("""
    insert into unrouted_objects (bucket, object_name, generation, size, content_type, metadata, reason, message)
    values (:bucket, :object_name, :generation, :size, :content_type, cast(:metadata as jsonb), :reason, :message)
    on conflict (bucket, object_name) do update
    set generation = excluded.generation, size = excluded.size, content_type = excluded.content_type,
        metadata = excluded.metadata, reason = excluded.reason, message = excluded.message
    where unrouted_objects.generation <= excluded.generation
""")

_FORGET_UNROUTED = text("""
    delete from unrouted_objects
    where bucket = :bucket and object_name = :object_name and generation <= :generation
""")

_UNROUTED = text("select * from unrouted_objects order by first_seen_at, object_name limit :limit")

# An object's name is TEAM/PROJECT/…; each part is a name or an id.
_ROUTABLE = text("""
    select u.* from unrouted_objects u
    where exists (
        select from teams t
        join projects p on p.team_id = t.id and p.deleted_at is null
        where t.deleted_at is null
          and split_part(u.object_name, '/', 1) in (t.name, t.id::text)
          and split_part(u.object_name, '/', 2) in (p.name, p.id::text)
          and split_part(u.object_name, '/', 3) <> '')
    order by u.first_seen_at, u.object_name
    limit :limit
""")


def _stored(row: Row[Any]) -> StoredObject:
    return StoredObject(row.bucket, row.object_name, row.generation, row.size, row.content_type, row.metadata)


class PostgresOperationRows:
    """See `common.database.OperationRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep_unrouted(self, stored: StoredObject, unrouted: Unrouted) -> None:
        self._connection.execute(
            _KEEP_UNROUTED,
            {
                "bucket": stored.bucket,
                "object_name": stored.name,
                "generation": stored.generation,
                "size": stored.size,
                "content_type": stored.content_type,
                "metadata": msgspec.json.encode(stored.metadata).decode(),
                "reason": unrouted.reason,
                "message": unrouted.message,
            },
        )

    def forget_unrouted(self, bucket: str, object_name: str, generation: int) -> None:
        self._connection.execute(
            _FORGET_UNROUTED, {"bucket": bucket, "object_name": object_name, "generation": generation}
        )

    def unrouted(self, limit: int) -> Sequence[StoredObject]:
        return [_stored(row) for row in self._connection.execute(_UNROUTED, {"limit": limit})]

    def routable(self, limit: int) -> Sequence[StoredObject]:
        return [_stored(row) for row in self._connection.execute(_ROUTABLE, {"limit": limit})]
