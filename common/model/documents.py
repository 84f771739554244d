"""Documents on their way in: objects, their documents, jobs and batches, and the settings that these go by."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

import msgspec

DOCUMENT_NAMESPACE = UUID("7a3fd6d3-7a55-4b8f-9d5d-0f0c8a2f7a11")


class SourceType(StrEnum):
    """How a document came in."""

    UPLOAD = "upload"
    URL = "url"
    MANUAL = "manual"


class DocumentStatus(StrEnum):
    """Where the newest generation of a document stands; what answers is decided by its active job alone."""

    UPLOADED = "uploaded"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class JobStatus(StrEnum):
    """Where an ingestion job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        """True once nothing more happens to the job."""
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED}


class Stage(StrEnum):
    """The step of the pipeline that a job has reached."""

    REGISTERED = "registered"
    CHUNK = "chunk"
    EMBED = "embed"
    RECORD = "record"
    LIVE = "live"


class DeletionCause(StrEnum):
    """What took a document out of the answers: a call of the API, its object's, its project's or its team's end."""

    API = "api"
    OBJECT = "object"
    PROJECT = "project"
    TEAM = "team"

    @property
    def takes_object(self) -> bool:
        """True if the object goes with the document: a deleted project's or team's objects are their owners'."""
        return self in {DeletionCause.API, DeletionCause.OBJECT}


class BatchState(StrEnum):
    """Where a batch of chunks stands. It only ever moves forward."""

    PENDING = "pending"
    EMBEDDED = "embedded"
    RECORDED = "recorded"


def document_id(project_id: UUID, bucket: str, object_name: str) -> UUID:
    """The id of the one document that this object is in this project, so that redelivery finds the same row."""
    return uuid5(DOCUMENT_NAMESPACE, f"{project_id}\n{bucket}\n{object_name}")


def job_id(document: UUID, generation: int, run: int) -> UUID:
    """The id of the `run`-th processing (from 1) of one generation of a document."""
    return uuid5(document, f"{generation}/{run}")


def deletion_id(document: UUID, generation: int) -> UUID:
    """The id of the receipt of a document's deletion up to this generation."""
    return uuid5(document, f"deletion/{generation}")


class ProjectSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a project may set for itself; None leaves the installation's default.

    Chunk size and overlap are counted in tokens of the embedder, title and heading path included.
    """

    chunk_size: int | None = None
    chunk_overlap: int | None = None
    top_k: int | None = None
    min_score: float | None = None
    system_prompt: str | None = None


class JobSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a job splits and embeds. Fixed when the job is opened; it travels with the job's messages."""

    chunk_size: int
    chunk_overlap: int
    embedding_model: str


@dataclass(frozen=True, slots=True)
class Route:
    """The living team and project that an object's name leads to."""

    team_id: UUID
    project_id: UUID
    settings: ProjectSettings = field(default_factory=ProjectSettings)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One generation of an object in a bucket; `created_at` where its store was asked for it."""

    bucket: str
    name: str
    generation: int
    size: int
    content_type: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    created_at: datetime | None = field(default=None, compare=False)

    @property
    def uri(self) -> str:
        """The object's `gs://` address."""
        return f"gs://{self.bucket}/{self.name}"

    @property
    def is_folder(self) -> bool:
        """True for the empty object that consoles make to show a folder: it is no document."""
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document's row, as the pipeline decides by it. `generation` 0 means that none was seen yet."""

    id: UUID
    team_id: UUID
    project_id: UUID
    bucket: str
    object_name: str
    title: str
    size: int | None
    generation: int
    deleted_generation: int | None
    wanted_job_id: UUID | None
    active_job_id: UUID | None
    source_type: SourceType
    project_living: bool

    def is_deleted(self, generation: int) -> bool:
        """True if this generation was deleted, or is older than one that was."""
        return self.deleted_generation is not None and generation <= self.deleted_generation

    @property
    def living(self) -> bool:
        """True if the newest generation may be processed and answered from."""
        return self.project_living and self.generation > 0 and not self.is_deleted(self.generation)

    def wants(self, job: UUID) -> bool:
        """True if this job alone may set the document's status or go live."""
        return self.living and self.wanted_job_id == job

    def keeps(self, job: UUID) -> bool:
        """True if what this job made answers, or may come to answer yet: a replay lets a failed job go on."""
        return job in {self.wanted_job_id, self.active_job_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An ingestion job's row, as the pipeline decides by it. Once its purge has started nothing may be added to it."""

    id: UUID
    document_id: UUID
    team_id: UUID
    generation: int
    run: int
    status: JobStatus
    settings: JobSettings
    total_chunks: int | None
    leased: bool
    purge_started: bool
    replays: int
    resumed_at: datetime | None
    pages_read: int

    @property
    def split(self) -> bool:
        """True once the job's chunks and batches are known."""
        return self.total_chunks is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A run of a job's chunks that is embedded, recorded and retried as one."""

    index: int
    state: BatchState
    chunk_start: int
    chunk_count: int
    leased: bool
