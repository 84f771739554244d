"""What the functions tell each other over Pub/Sub. The body is JSON; the topic says which it is."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

import msgspec

from common.model.chunks import Chunk, ChunkOwner
from common.model.documents import JobSettings
from common.model.fetches import Fetch


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What every message carries: whose work it is."""

    topic: ClassVar[str]

    team_id: UUID
    document_id: UUID

    def attributes(self) -> dict[str, str]:
        """What filters, logs and dead letters read without decoding the body."""
        return {"team_id": str(self.team_id), "document_id": str(self.document_id)}


class JobMessage(Message, frozen=True, kw_only=True):
    """A message about one job's work."""

    project_id: UUID
    job_id: UUID
    settings: JobSettings

    def attributes(self) -> dict[str, str]:
        return {**super().attributes(), "job_id": str(self.job_id)}

    @property
    def owner(self) -> ChunkOwner:
        """Whose the vectors and texts made from this message are."""
        return ChunkOwner(
            team_id=self.team_id, project_id=self.project_id, document_id=self.document_id, job_id=self.job_id
        )


class DocumentRegistered(JobMessage, frozen=True, kw_only=True):
    """A generation of a document has its rows and waits to be split."""

    topic: ClassVar[str] = "document-registered"

    bucket: str
    object_name: str
    generation: int


class BatchMessage(JobMessage, frozen=True, kw_only=True):
    """A batch of chunks with their texts, so that nothing is written only to be read back."""

    batch_index: int
    title: str
    chunks: tuple[Chunk, ...]

    def attributes(self) -> dict[str, str]:
        return {**super().attributes(), "batch_index": str(self.batch_index)}


class ChunkBatch(BatchMessage, frozen=True, kw_only=True):
    """Chunks that wait to be embedded."""

    topic: ClassVar[str] = "chunk-batch"


class BatchEmbedded(BatchMessage, frozen=True, kw_only=True):
    """Chunks whose vectors are in the index and that wait to be recorded."""

    topic: ClassVar[str] = "batch-embedded"


class UrlRequested(Message, frozen=True, kw_only=True):
    """A web address waits to be fetched. No attribute names its document, which may not be there yet."""

    topic: ClassVar[str] = "url-requested"

    fetch_id: UUID

    def attributes(self) -> dict[str, str]:
        return {"team_id": str(self.team_id), "fetch_id": str(self.fetch_id)}


class DocumentRetired(Message, frozen=True, kw_only=True):
    """A document has jobs that are neither wanted nor active: their chunks are to be purged."""

    topic: ClassVar[str] = "document-retired"


def url_requested(fetch: Fetch) -> UrlRequested:
    """What sends a fetch on its way."""
    return UrlRequested(team_id=fetch.team_id, document_id=fetch.document_id, fetch_id=fetch.id)
