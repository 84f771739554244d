"""What the rows say of a stretch of a bucket's listing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from common.model.documents import StoredObject

# Listings are in order of the names' bytes, whatever the database's own collation.
_MISSING = text("""
    select d.bucket, d.object_name collate "C" as name, max(d.generation) as generation, 0 as size
    from documents d
    where d.bucket = :bucket and (d.wanted_job_id is not null or d.active_job_id is not null)
      and d.object_name collate "C" > :after
      and (cast(:last as text) is null or d.object_name collate "C" <= :last)
      and d.object_name <> all(cast(:listed as text[]))
    group by d.bucket, d.object_name collate "C"
    order by d.object_name collate "C"
    limit :limit
""")


class PostgresListingRows:
    """See `common.database.ListingRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def missing(
        self, bucket: str, after: str, last: str | None, listed: Sequence[StoredObject], limit: int
    ) -> Sequence[StoredObject]:
        parameters = {
            "bucket": bucket,
            "after": after,
            "last": last,
            "listed": [stored.name for stored in listed],
            "limit": limit,
        }
        return [StoredObject(**row._asdict()) for row in self._connection.execute(_MISSING, parameters)]
