"""What the use cases ask of the world. `common/adapters/` answers; `tests/contract/` holds every answer to its promise.

Each method may raise `Retryable` when the part behind it fails for now, and `Permanent` when it never will do it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from common.messages import Message
from common.model.chunks import ChunkOwner, Extraction, Vector
from common.model.documents import StoredObject
from common.model.fetches import Fetched, Validators
from common.model.questions import Generation, GenerationRequest, Hit, Scope

if TYPE_CHECKING:
    # Only `chunk` reads documents: no other function pays for its import.
    from common.extraction.limits import ExtractionLimits, Progress
    from common.extraction.pages import PageImage, PageRange


class ObjectStore(Protocol):
    """Buckets of objects. A generation is a number that grows with every write of a name."""

    def download(
        self, bucket: str, name: str, generation: int, destination: Path, max_bytes: int
    ) -> StoredObject | None:
        """Write this generation's bytes to `destination`; None if it is gone.

        `Permanent` with TOO_LARGE where they are more than `max_bytes`, of which no more than these are written.
        """
        ...

    def read(self, bucket: str, name: str) -> bytes | None:
        """The newest bytes under this name; None if there are none."""
        ...

    def create(self, bucket: str, name: str, content: bytes, content_type: str) -> bool:
        """Write the object unless the name is taken; False if it is, and nothing was changed."""
        ...

    def upload(
        self, bucket: str, name: str, content: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> StoredObject:
        """Write a new generation of the object."""
        ...

    def upload_file(
        self, bucket: str, name: str, source: Path, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> StoredObject:
        """Write a new generation of the object from a file, which is never held in memory as a whole.

        `Permanent` with UPLOAD_FORBIDDEN where the account may not write there, BUCKET_NOT_FOUND without the bucket.
        """
        ...

    def open_upload(self, bucket: str, name: str, size: int, content_type: str, metadata: Mapping[str, str]) -> str:
        """The address to which whoever has it may send so many bytes, no more and no fewer: they become the object.

        It is that of a resumable upload of Cloud Storage, good for a week and for one object.
        """
        ...

    def delete(self, bucket: str, name: str, generation: int | None = None) -> None:
        """Remove the object, or only if it still is this generation; already gone is done."""
        ...

    def find(self, bucket: str, name: str, generation: int | None = None) -> StoredObject | None:
        """This generation of the object, or the newest, as the store itself describes it; None if it is gone."""
        ...

    def list_page(self, bucket: str, prefix: str, start_after: str, limit: int) -> Sequence[StoredObject]:
        """At most `limit` living objects in order of name, behind `start_after`.

        Those whose name holds U+0000 are left out: no row could record them.
        """
        ...


class WebFetcher(Protocol):
    """The web, as far as it is public."""

    def fetch(self, url: str, destination: Path, known: Validators | None = None) -> Fetched | None:
        """Write what is at the address to `destination`; None if the site says that it is as it was when `known`.

        `Permanent` where it will not be had: URL_REFUSED (no public http(s) address, or one that leads elsewhere),
        URL_NOT_FOUND, URL_FORBIDDEN, URL_STATUS, URL_REDIRECTS, URL_CERTIFICATE, URL_ROBOTS, URL_TYPE, URL_TOO_LARGE.
        `Retryable` with URL_UNREACHABLE.
        """
        ...


class Publisher(Protocol):
    """Topics to publish to."""

    def publish(self, messages: Iterable[Message]) -> None:
        """Publish all and return when each is accepted; on an error some may have been, which a repetition mends."""
        ...

    def check(self, topics: Sequence[str]) -> None:
        """Return if this account may publish to each of the topics; else `ConfigurationError`. Publishes nothing."""
        ...

    def publish_raw(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """Publish bytes as they are and return when they are accepted."""
        ...


class TextExtractor(Protocol):
    """Reads documents, of which any may be made to harm its reader."""

    def read(
        self,
        path: Path,
        limits: ExtractionLimits,
        *,
        start: int = 0,
        seconds: float = math.inf,
        progress: Progress | None = None,
    ) -> Extraction | PageRange:
        """The file's text, see `common.extraction.extract`; or, of a document of many pages, some of them.

        A type that is read by pages is read from page `start` (from 0) on, for about so many seconds; other types as a
        whole. Pages that are not the whole document are for `assemble`.

        `Permanent` as `extract` says, and for what the document does to its parser: EXTRACTION_CRASHED,
        EXTRACTION_TIMEOUT, EXTRACTION_MEMORY, NESTED_TOO_DEEPLY, CORRUPT_FILE. `Retryable` if reading ended through no
        fault of the document's: EXTRACTION_INTERRUPTED, or EXTRACTION_MEMORY where the machine had too little.
        """
        ...

    def assemble(self, ranges: Sequence[Path], limits: ExtractionLimits) -> Extraction:
        """The text of a document whose pages are in these files (`common.extraction.pages.encoded`), all and in order.

        Errors as in `read`.
        """
        ...


class PageReader(Protocol):
    """Reads pages that are images (OCR)."""

    def __call__(self, image: PageImage) -> list[str]:
        """The lines of text on the page, in reading order; none where it shows none.

        Raises what its library raises, which costs the page and is told in a warning; MemoryError costs the document,
        and with an error of the project's, it is for another attempt to read it.
        """
        ...


class Tokenizer(Protocol):
    """Counts as its embedder counts."""

    @property
    def max_tokens(self) -> int:
        """The most tokens that the embedder takes as one text."""
        ...

    def token_starts(self, text: str) -> Sequence[int]:
        """The offset in `text` at which each token starts, in order: `len()` is the number of tokens.

        Additive over white space: the tokens of two texts joined by white space are the tokens of both.
        """
        ...


class Embedder(Protocol):
    """Turns texts into vectors that are near where meanings are."""

    @property
    def model(self) -> str:
        """The model's name, as jobs record it."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of its vectors."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One L2-normalised vector for each text, in order. A text over the limit is `Permanent` (TEXT_TOO_LONG)."""
        ...

    def embed_question(self, question: str) -> Vector:
        """A question's vector; a question over the model's limit is embedded by its beginning."""
        ...


class VectorIndex(Protocol):
    """Vectors by chunk id. It may lag behind and hold what is no longer live: Postgres is the truth."""

    def upsert(self, owner: ChunkOwner, vectors: Mapping[UUID, Vector]) -> None:
        """Write or replace the vectors."""
        ...

    def remove(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> None:
        """Remove the vectors; what is not there is removed already."""
        ...

    def visible(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Those of the ids that a search can find now."""
        ...

    def search(self, scope: Scope, question: Vector, model: str, limit: int) -> Sequence[Hit]:
        """The nearest chunks of the scope embedded by `model`, best first, at most `limit`.

        Fewer only if there are no more to be had. Some may not be live.
        """
        ...


class ChunkTexts(Protocol):
    """The chunks' texts by chunk id."""

    def put(self, owner: ChunkOwner, texts: Mapping[UUID, str]) -> None:
        """Write the texts; writing the same again changes nothing."""
        ...

    def get(self, scope: Scope, chunk_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        """The texts that are there, of this team and project only."""
        ...

    def present(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Those of the ids under which the owner's team and project have a text; none is read."""
        ...

    def delete(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> None:
        """Remove the texts; what is not there is removed already."""
        ...


class Generator(Protocol):
    """Answers a question from passages."""

    @property
    def model(self) -> str:
        """The model's name, as answers and logs state it."""
        ...

    def generate(self, request: GenerationRequest) -> Generation:
        """An answer whose quotes stand in the passages, or a refusal. It never answers without a quote."""
        ...


class Clock(Protocol):
    """Time, where a use case waits."""

    def now(self) -> float:
        """Seconds since some moment; they only grow."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        ...
