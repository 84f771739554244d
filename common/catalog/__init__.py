"""The database port of the API: what a caller bound to one team may see, ask and change.

Everything here happens under the team that the transaction is bound to; another team's rows do not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from common.catalog.records import (
    ChunkRecord,
    DeletionRecord,
    DeletionStatus,
    DocumentRecord,
    Failure,
    FetchRecord,
    JobRecord,
    LiveChunk,
    ObjectFate,
    Page,
    ProjectRecord,
    QueryLog,
    StoredKey,
    StoredResponse,
)
from common.database import Transaction
from common.model.documents import DocumentStatus
from common.model.questions import Hit, Scope

__all__ = [
    "Catalog",
    "ChunkRecord",
    "DeletionRecord",
    "DeletionStatus",
    "DocumentRecord",
    "Failure",
    "FetchRecord",
    "Idempotency",
    "JobRecord",
    "LiveChunk",
    "ObjectFate",
    "Page",
    "ProjectRecord",
    "QueryLog",
    "Questions",
    "StoredKey",
    "StoredResponse",
    "TeamDatabase",
    "TeamTransaction",
]


class Catalog(Protocol):
    """What a team has."""

    def projects(self, page: Page, only: UUID | None) -> Sequence[ProjectRecord]:
        """The team's living projects, newest first; only one of them where a key is bound to it."""
        ...

    def project(self, name_or_id: str) -> ProjectRecord | None:
        """The living project of this name or id."""
        ...

    def documents(
        self, project_id: UUID, status: DocumentStatus | None, metadata: Mapping[str, str], page: Page
    ) -> Sequence[DocumentRecord]:
        """The project's living documents, newest first: those of this status, with all of this metadata."""
        ...

    def document(self, document_id: UUID) -> DocumentRecord | None:
        """The document, if it is living."""
        ...

    def fetch(self, fetch_id: UUID) -> FetchRecord | None:
        """The request of this id, if its project is living."""
        ...

    def fetches(self, project_id: UUID, page: Page) -> Sequence[FetchRecord]:
        """The project's requests to fetch web addresses, newest first."""
        ...

    def jobs(self, document_id: UUID, page: Page) -> Sequence[JobRecord]:
        """The document's jobs, newest first."""
        ...

    def job(self, job_id: UUID) -> tuple[JobRecord, UUID] | None:
        """The job and its project, if the document is living."""
        ...

    def chunks(self, document_id: UUID, after_index: int, limit: int) -> Sequence[ChunkRecord]:
        """The document's live chunks in order, behind an index."""
        ...

    def deletion(self, deletion: UUID) -> DeletionRecord | None:
        """The receipt of this id."""
        ...

    def deletions(self, project_id: UUID, page: Page) -> Sequence[DeletionRecord]:
        """The receipts of the project's documents, newest first."""
        ...

    def touch_key(self, key_id: UUID) -> None:
        """Note that the key was used now."""
        ...


class Questions(Protocol):
    """What answering reads and writes."""

    def has_live_documents(self, project_id: UUID) -> bool:
        """True if any document of the project can answer."""
        ...

    def documents_with(self, scope: Scope, metadata: Mapping[str, str]) -> Sequence[UUID]:
        """The documents of the scope that can answer and carry all of this metadata."""
        ...

    def lexical_hits(self, scope: Scope, terms: Sequence[str], limit: int) -> Sequence[Hit]:
        """Live chunks that hold any of the terms, those with rare terms and with terms in headings first."""
        ...

    def live_chunks(self, scope: Scope, chunk_ids: Sequence[UUID]) -> Sequence[LiveChunk]:
        """Those of the chunks that are live in the scope."""
        ...

    def log(self, entry: QueryLog) -> None:
        """Keep the question's row and its citations."""
        ...


class Idempotency(Protocol):
    """Writes that are carried out once for each key."""

    def begin(self, key: str, request_hash: str) -> StoredResponse | None:
        """None if this request is the key's first; else what the first one answered."""
        ...

    def complete(self, key: str, status_code: int, response: object) -> None:
        """Keep the answer."""
        ...

    def abandon(self, key: str) -> None:
        """The write failed: the key is free again."""
        ...


class TeamTransaction(Transaction, Protocol):
    """The rows of one team in one transaction."""

    @property
    def catalog(self) -> Catalog: ...
    @property
    def questions(self) -> Questions: ...
    @property
    def idempotency(self) -> Idempotency: ...


class TeamDatabase(Protocol):
    """The database as the API uses it."""

    def find_key(self, key_id: str) -> StoredKey | None:
        """The key of this public id, if its team is living. The one look-up that comes before a team is known."""
        ...

    def transaction(self, team_id: UUID) -> AbstractContextManager[TeamTransaction]:
        """A transaction bound to the team."""
        ...
