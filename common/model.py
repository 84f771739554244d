"""The words of the system as types: documents, jobs, chunks, passages, answers. Pure data and pure decisions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

import msgspec

type Vector = Sequence[float]
"""An embedding: L2-normalised, as long as its embedder's `dimensions`."""

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


def chunk_id(job: UUID, index: int) -> UUID:
    """The id of a job's chunk; its string is the chunk's id in the vector index."""
    return uuid5(job, str(index))


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


class Heading(msgspec.Struct, frozen=True):
    """A heading found in an extracted text: `text[char_start:]` begins with it. `level` counts from 1, outermost."""

    level: int
    title: str
    char_start: int


class Extraction(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a document: what quotes are quoted from.

    `page_starts[i]` is the offset in `text` at which page i+1 begins; a document without pages is one page.
    Headings are in order of their place. `title` is the document's own title, where it states one.
    The text holds no NUL and no lone surrogate.
    """

    mime_type: str
    text: str
    page_starts: tuple[int, ...]
    headings: tuple[Heading, ...] = ()
    title: str | None = None
    warnings: tuple[str, ...] = ()


class ChunkBounds(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk's place in the extracted text: the chunk's text is `text[char_start:char_end]`, exactly.

    Pages count from 1, inclusive; `page_breaks` are the offsets in the extracted text at which those behind
    `page_start` begin. `heading_path` runs from the outermost heading in force at the chunk's start.
    `token_count` is what the embedder is given for it: title, heading path and text.
    """

    char_start: int
    char_end: int
    page_start: int
    page_end: int
    heading_path: tuple[str, ...]
    token_count: int
    page_breaks: tuple[int, ...] = ()


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """A job's extraction and its chunks' bounds, as stored once beside each other."""

    extraction: Extraction
    title: str
    sha256: str
    chunks: tuple[ChunkBounds, ...]


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk on its way through the pipeline: bounds, place in the document, and text."""

    index: int
    bounds: ChunkBounds
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """The living team and project that an object's name leads to."""

    team_id: UUID
    project_id: UUID
    settings: ProjectSettings = field(default_factory=ProjectSettings)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One generation of an object in a bucket."""

    bucket: str
    name: str
    generation: int
    size: int
    content_type: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An ingestion job's row, as the pipeline decides by it."""

    id: UUID
    document_id: UUID
    team_id: UUID
    generation: int
    run: int
    status: JobStatus
    settings: JobSettings
    total_chunks: int | None
    leased: bool
    purged: bool

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


@dataclass(frozen=True, slots=True)
class Scope:
    """The only place that a search may look in: a project, or only these documents of it."""

    team_id: UUID
    project_id: UUID
    document_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkOwner:
    """Whose a job's vectors and texts are: what an index filters and purges by."""

    team_id: UUID
    project_id: UUID
    document_id: UUID
    job_id: UUID


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search found. `score`: cosine similarity to the question, None where no vector was compared."""

    chunk_id: UUID
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk as it enters a prompt. `number` counts from 1 and is what an answer cites."""

    number: int
    chunk_id: UUID
    document_id: UUID
    title: str
    heading_path: tuple[str, ...]
    text: str
    char_start: int
    page_start: int
    page_breaks: tuple[int, ...]
    score: float | None
    document_url: str | None = None

    def page_of(self, char: int) -> int:
        """The page on which a character of the passage's text stands."""
        return self.page_start + bisect_right(self.page_breaks, self.char_start + char)


class RefusalReason(StrEnum):
    """Why a question was not answered."""

    NO_RELEVANT_CONTEXT = "NO_RELEVANT_CONTEXT"
    PROJECT_EMPTY = "PROJECT_EMPTY"
    UNSUPPORTED_ANSWER = "UNSUPPORTED_ANSWER"
    SAFETY_BLOCKED = "SAFETY_BLOCKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Words of a passage that support part of an answer.

    `passage.text[char_start:char_end]` is the quote; `answer[start_index:end_index]` is what it supports.
    """

    passage: int
    char_start: int
    char_end: int
    start_index: int
    end_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What a generator made of a question and its passages: an answer with quotes, or a refusal with neither."""

    answer: str
    quotes: tuple[Quote, ...]
    refusal_reason: RefusalReason | None
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """A question with the passages that may answer it. None leaves a parameter to the generator's default.

    `stream` says that the caller reads the answer in pieces: a generator may fetch it so, and returns the same.
    """

    question: str
    passages: tuple[Passage, ...]
    system_prompt: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    min_score: float | None = None
    stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An authenticated key: whose it is and what it may do. `project_id` None means every project of the team."""

    id: UUID
    team_id: UUID
    project_id: UUID | None
    scopes: frozenset[str]
    expires_at: datetime | None
