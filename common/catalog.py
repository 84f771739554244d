"""The database port of the API: what a caller bound to one team may see, ask and change.

Everything here happens under the team that the transaction is bound to; another team's rows do not exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import msgspec

from common.database import Transaction
from common.model.documents import DeletionCause, DocumentStatus, JobStatus, ProjectSettings, SourceType, Stage
from common.model.fetches import FetchStatus
from common.model.questions import Hit, Scope


class DeletionStatus(StrEnum):
    """Whether all that a deletion is about is seen to be gone."""

    PENDING = "pending"
    COMPLETE = "complete"


class ObjectFate(StrEnum):
    """What a deletion does to the object in the bucket: those of a deleted project or team are their owners'."""

    DELETED = "deleted"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Page:
    """Which entries of a list, newest first: those behind `(created_at, id)`, at most `size`."""

    size: int
    after: tuple[datetime, UUID] | None = None


class ProjectRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A project as a caller sees it."""

    id: UUID
    name: str
    team_id: UUID
    team: str
    settings: ProjectSettings
    created_at: datetime


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a document's newest generation is not live."""

    stage: Stage
    reason: str
    message: str
    retryable: bool


class DocumentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A document as a caller sees it. `pages` and `chunks` are those that answer; `job_id` is the wanted job's."""

    id: UUID
    project_id: UUID
    title: str
    source_type: SourceType
    mime_type: str | None
    status: DocumentStatus
    gcs_uri: str
    bucket: str
    object_name: str
    generation: int
    size: int | None
    sha256: str | None
    source_url: str | None
    metadata: dict[str, str]
    job_id: UUID | None
    active_job_id: UUID | None
    pages: int | None
    chunks: int | None
    failure: Failure | None
    warnings: list[str]
    created_at: datetime
    updated_at: datetime


class FetchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A request to fetch a web address, as a caller sees it; `document_id` is what it becomes, or became before.

    `reason` and `message` say why it failed, or what the last attempt at one that is queued failed of; `retryable`
    whether the same may succeed later. `generation` is the object's that has what the address has.
    """

    id: UUID
    project_id: UUID
    document_id: UUID
    url: str
    status: FetchStatus
    reason: str | None
    message: str | None
    retryable: bool | None
    attempts: int
    generation: int | None
    created_at: datetime
    finished_at: datetime | None


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An ingestion job as a caller sees it. `progress` runs from 0 to 1: the share of its chunks that are recorded.

    Until the document is split, `pages_read` of its `pages` says how far reading it has come.
    `reason` and `error_message` say why it failed; before it is split, what the last attempt at that failed of.
    `replays` counts how often an operator sent its work on its way again after it had failed.
    """

    id: UUID
    document_id: UUID
    status: JobStatus
    stage: Stage
    attempts: int
    replays: int
    reason: str | None
    error_message: str | None
    retryable: bool | None
    warnings: list[str]
    total_chunks: int | None
    chunks_created: int
    pages: int | None
    pages_read: int
    progress: float
    embedding_model: str
    generation: int
    run: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class DeletionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A deletion's receipt: once it is complete, what was removed where and seen to be gone.

    `object` says what became of the object in the bucket. `vectors`, `chunk_texts` and `extractions` are what the jobs
    had, `chunks` the rows removed, `failed_messages` those emptied of their text, `tombstones` the rows without text
    that stay, since the record of an answer points to them.
    """

    id: UUID
    project_id: UUID
    document_id: UUID
    title: str
    gcs_uri: str
    generation: int
    cause: DeletionCause
    status: DeletionStatus
    object: ObjectFate
    created_at: datetime
    completed_at: datetime | None
    jobs: int
    chunks: int
    vectors: int
    chunk_texts: int
    extractions: int
    failed_messages: int
    tombstones: int


class ChunkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A live chunk's row."""

    id: UUID
    index: int
    page_start: int
    page_end: int
    char_start: int
    char_end: int
    heading_path: list[str]
    token_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChunk:
    """A live chunk with what a passage and a citation need of its document."""

    chunk_id: UUID
    document_id: UUID
    title: str
    heading_path: tuple[str, ...]
    char_start: int
    page_start: int
    page_breaks: tuple[int, ...]
    token_count: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLog:
    """A question's row in `query_logs`, with the chunks it cited: id, rank and score."""

    id: UUID
    scope: Scope
    api_key_id: UUID
    question_hash: str
    used_rag: bool
    top_k: int
    model: str
    latency_ms: int
    prompt_tokens: int | None
    completion_tokens: int | None
    request_id: str
    refusal_reason: str | None
    retrieved: int
    used: int
    error: str | None
    citations: Sequence[tuple[UUID, int, float | None]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """An API key's row, as the look-up by key id finds it."""

    id: UUID
    team_id: UUID
    project_id: UUID | None
    key_hash: str
    pepper_version: int
    status: str
    scopes: frozenset[str]
    expires_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """What a write answered under its idempotency key; no status code while it is still at work."""

    request_hash: str
    status_code: int | None
    response: Any


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
