"""What the stack's rows say of the documents that are on their way, read as an operator."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import text

from common.adapters.postgres.connection import begin, connect
from local.settings import UPLOAD_BUCKET

_DOCUMENTS = text("""
    select documents.object_name, documents.status::text, documents.mime_type, job.stage::text,
           coalesce(job.reason, batch.reason), coalesce(job.error_message, batch.error_message),
           job.pages, job.total_chunks, job.warnings, job.attempts, job.pages_read, job.chunks_created,
           job.lease_expires_at::text
    from documents
    cross join lateral (
        select * from ingestion_jobs where document_id = documents.id order by generation desc, run desc limit 1
    ) as job
    left join lateral (
        select reason, error_message from ingestion_batches
        where job_id = job.id and job.finished_at is null and ingestion_batches.reason is not null limit 1
    ) as batch on true
    where documents.bucket = :bucket and documents.object_name = any(:names)
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
    pages_read: int | None
    recorded: int
    """How many of its chunks."""
    lease: str | None
    """Another text whenever somebody works on it."""

    @property
    def finished(self) -> bool:
        return self.status in ("ready", "failed")

    def standing(self, seconds: float) -> str:
        """Where an unfinished one stands, for so long."""
        pages = f", {self.pages_read} of {self.pages} pages read" if self.pages_read is not None and self.pages else ""
        chunks = f", {self.recorded} of {self.chunks} chunks recorded" if self.chunks else ""
        error = f"; last error: {self.message}" if self.message else ""
        return f"at {self.stage} for {seconds:.0f} s, {self.attempts} failed attempts{pages}{chunks}{error}"


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
            rows = connection.execute(_DOCUMENTS, {"bucket": UPLOAD_BUCKET, "names": list(names)})
            return {row.object_name: Seen(*row) for row in rows}
