"""What the stack's rows say of the documents that are on their way, read as an operator."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import text

from common.adapters.postgres.connection import begin, connect

_DOCUMENTS = text("""
    select documents.object_name, documents.status::text, documents.mime_type, job.stage::text, job.reason,
           job.error_message, job.pages, job.total_chunks, job.warnings, job.attempts,
           documents.updated_at::text || job.updated_at::text as changed
    from documents
    cross join lateral (
        select * from ingestion_jobs where document_id = documents.id order by generation desc, run desc limit 1
    ) as job
    where documents.object_name = any(:names)
""")


class Seen(NamedTuple):
    """A document with its newest job."""

    object_name: str
    status: str
    mime_type: str | None
    stage: str
    reason: str | None
    message: str | None
    pages: int | None
    chunks: int | None
    warnings: list[str]
    attempts: int
    changed: str
    """Another text whenever anything of the two has changed."""

    @property
    def finished(self) -> bool:
        return self.status in ("ready", "failed")


class Rows:
    """A connection to the database of a running stack. Raises `Retryable` where that does not answer."""

    def __init__(self, database_url: str) -> None:
        self._engine = connect(database_url, concurrency=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()

    def documents(self, names: Collection[str]) -> dict[str, Seen]:
        """Those of the objects that are registered, by their names."""
        with begin(self._engine) as connection:
            rows = connection.execute(_DOCUMENTS, {"names": list(names)})
            return {row.object_name: Seen(*row) for row in rows}
