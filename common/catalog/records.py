"""What a team has, as a caller sees it, and what the API keeps of its requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from common.model.documents import DeletionCause, DocumentStatus, JobStatus, ProjectSettings, SourceType, Stage
from common.model.fetches import FetchStatus
from common.model.questions import Scope


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
