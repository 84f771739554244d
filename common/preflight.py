"""Whether the parts that a program uses answer with its settings, asked before it is given any work.

A check changes nothing: it reads, embeds a few words, removes what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID, uuid4

from common.errors import AiInfraError
from common.model.chunks import ChunkOwner
from common.model.questions import GenerationRequest, Passage, Scope

if TYPE_CHECKING:
    from common.administration import Administration
    from common.catalog import TeamDatabase
    from common.config import Settings
    from common.database import Database
    from common.ports import ChunkTexts, Embedder, Generator, ObjectStore, Publisher, VectorIndex

_QUESTION = "How long does the check take?"
_PASSAGE = "The check takes one call to each part of the installation."


class Parts(Protocol):
    """What can be asked, each made when it is."""

    @property
    def settings(self) -> Settings: ...
    @property
    def administration(self) -> Administration: ...
    @property
    def database(self) -> Database: ...
    @property
    def team_database(self) -> TeamDatabase: ...
    @property
    def objects(self) -> ObjectStore: ...
    @property
    def publisher(self) -> Publisher: ...
    @property
    def embedder(self) -> Embedder: ...
    @property
    def index(self) -> VectorIndex: ...
    @property
    def texts(self) -> ChunkTexts: ...
    @property
    def generator(self) -> Generator: ...


@dataclass(frozen=True, slots=True)
class Check:
    """A question to one part: `ask` raises `AiInfraError` where that cannot do its work."""

    part: str
    ask: Callable[[Parts], object]


@dataclass(frozen=True, slots=True)
class Checked:
    """A part, and what is wrong with it in a sentence; None where it answers."""

    part: str
    problem: AiInfraError | None


def checked(checks: Iterable[Check], parts: Parts) -> Iterator[Checked]:
    """Ask in turn."""
    for check in checks:
        try:
            check.ask(parts)
        except AiInfraError as problem:
            yield Checked(check.part, problem)
        else:
            yield Checked(check.part, None)


def _lock_no_document(parts: Parts) -> None:
    with parts.database.transaction() as transaction:
        transaction.documents.lock(uuid4())


def _search(parts: Parts) -> object:
    embedder = parts.embedder
    return parts.index.search(_nowhere(), [1.0] + [0.0] * (embedder.dimensions - 1), embedder.model, 1)


def _generate(parts: Parts) -> object:
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
    return parts.generator.generate(GenerationRequest(question=_QUESTION, passages=(passage,)))


def _nowhere() -> Scope:
    """A place in which nothing is."""
    return Scope(uuid4(), uuid4())


def _nobody() -> ChunkOwner:
    return ChunkOwner(team_id=uuid4(), project_id=uuid4(), document_id=uuid4(), job_id=uuid4())


def _nothing() -> list[UUID]:
    return [uuid4()]


OPERATORS_DATABASE = Check("database", lambda parts: parts.administration.teams())
PIPELINE_DATABASE = Check("database", _lock_no_document)
TEAM_DATABASE = Check("database", lambda parts: parts.team_database.find_key("check"))
UPLOADS = Check("upload bucket", lambda parts: parts.objects.list_page(parts.settings.upload_bucket, "", "", 1))
UPLOADED = Check("uploaded objects", lambda parts: parts.objects.find(parts.settings.upload_bucket, "check"))
EXTRACTIONS = Check(
    "extraction bucket", lambda parts: parts.objects.list_page(parts.settings.extraction_bucket, "", "", 1)
)
EMBEDDER = Check("embedder", lambda parts: parts.embedder.embed_question(_QUESTION))
INDEX_WRITES = Check("writes to the vector index", lambda parts: parts.index.remove(_nobody(), _nothing()))
INDEX_READS = Check("reads from the vector index", lambda parts: parts.index.visible(_nobody(), _nothing()))
INDEX_SEARCH = Check("search in the vector index", _search)
TEXT_WRITES = Check("writes of chunk texts", lambda parts: parts.texts.delete(_nobody(), _nothing()))
TEXT_READS = Check("reads of chunk texts", lambda parts: parts.texts.get(_nowhere(), _nothing()))
GENERATOR = Check("generator", _generate)


def publishes(*topics: str) -> Check:
    """Whether messages can be published to these topics."""
    return Check("topics", lambda parts: parts.publisher.check(topics))


FOR_OPERATORS = (OPERATORS_DATABASE, UPLOADS, EXTRACTIONS, EMBEDDER, INDEX_SEARCH, TEXT_READS, GENERATOR)
"""Each part once, in the order in which a document meets them; an operator may read vectors and texts only."""
