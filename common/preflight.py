"""Whether an installation's parts answer with these settings, asked before anybody drops a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from common.administration import Administration
from common.errors import AiInfraError
from common.model import GenerationRequest, Passage, Scope
from common.ports import ChunkTexts, Embedder, Generator, ObjectStore, VectorIndex

_QUESTION = "How long does the check take?"
_PASSAGE = "The check takes one call to each part of the installation."


@dataclass(frozen=True, slots=True)
class Checked:
    """A part, and what is wrong with it in a sentence; None where it answers."""

    part: str
    problem: AiInfraError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """The check, on the ports. It reads and embeds a few words, and writes nothing."""

    administration: Callable[[], Administration]
    objects: Callable[[], ObjectStore]
    texts: Callable[[], ChunkTexts]
    embedder: Callable[[], Embedder]
    index: Callable[[], VectorIndex]
    generator: Callable[[], Generator]
    buckets: tuple[str, ...]

    def __call__(self) -> Iterator[Checked]:
        """Each part in turn, in the order in which a document meets them."""
        yield _checked("database", lambda: self.administration().teams())
        for bucket in self.buckets:
            yield _checked(f"bucket {bucket}", partial(self._list, bucket))
        yield _checked("embedder", lambda: self.embedder().embed_question(_QUESTION))
        yield _checked("vector index", self._search)
        yield _checked("chunk texts", lambda: self.texts().get(_nobody(), [uuid4()]))
        yield _checked("generator", self._generate)

    def _list(self, bucket: str) -> object:
        return self.objects().list_page(bucket, "", "", 1)

    def _search(self) -> object:
        embedder = self.embedder()
        return self.index().search(_nobody(), [1.0] + [0.0] * (embedder.dimensions - 1), embedder.model, 1)

    def _generate(self) -> object:
        passage = Passage(
            number=1,
            chunk_id=uuid4(),
            document_id=uuid4(),
            title="Check",
            heading_path=(),
            text=_PASSAGE,
            char_start=0,
            page_start=1,
            page_breaks=(),
            score=None,
        )
        return self.generator().generate(GenerationRequest(question=_QUESTION, passages=(passage,)))


def _nobody() -> Scope:
    """A place in which nothing is."""
    return Scope(uuid4(), uuid4())


def _checked(part: str, ask: Callable[[], object]) -> Checked:
    try:
        ask()
    except AiInfraError as problem:
        return Checked(part, problem)
    return Checked(part, None)
