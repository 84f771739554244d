"""What the use cases ask of the world. `common/adapters/` answers; `tests/contract/` holds every answer to its promise.

Each method may raise `Retryable` when the part behind it fails for now, and `Permanent` when it never will do it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

from common.messages import Message
from common.model.chunks import ChunkOwner, Vector
from common.model.documents import StoredObject
from common.model.questions import Generation, GenerationRequest, Hit, Scope


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

    def upload_file(self, bucket: str, name: str, source: Path, content_type: str) -> StoredObject:
        """Write a new generation of the object from a file, which is never held in memory as a whole.

        `Permanent` with UPLOAD_FORBIDDEN where the account may not write there, BUCKET_NOT_FOUND without the bucket.
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
