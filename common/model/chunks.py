"""What documents are made into: extracted text, its chunks, their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

import msgspec

type Vector = Sequence[float]
"""An embedding: L2-normalised, as long as its embedder's `dimensions`."""


def chunk_id(job: UUID, index: int) -> UUID:
    """The id of a job's chunk; its string is the chunk's id in the vector index."""
    return uuid5(job, str(index))


class Heading(msgspec.Struct, frozen=True):
    """A heading found in an extracted text: `text[char_start:]` begins with it. `level` counts from 1, outermost.

    It is in force up to the next heading of its level or of one further out, and no further than `char_end` where that
    is given: so a table's header row is a heading for the table's rows, and parts nothing.
    """

    level: int
    title: str
    char_start: int
    char_end: int | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkOwner:
    """Whose a job's vectors and texts are: what an index filters and purges by."""

    team_id: UUID
    project_id: UUID
    document_id: UUID
    job_id: UUID
