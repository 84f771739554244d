"""What was asked of Google Cloud's stand-ins."""

from __future__ import annotations

import msgspec


class CloudCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of the stand-ins since they were started."""

    vertex: dict[str, int]
    firestore_writes: int
    firestore_reads: int
    cloud_sql_logins: int
