"""The vector indexes that the suites hold to their promises, each with what it takes for chunks to be found in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

from common.adapters.postgres.vectors import EXACT_LIMIT, PgVectorIndex
from common.model.chunks import ChunkOwner, Vector, chunk_id
from common.model.documents import Route
from common.model.questions import Scope
from common.ports import VectorIndex
from tests.rows import MODEL, Installation, direction, live, near, new_place
from tests.vertex import Vertex

QUESTION = direction(0)


@dataclass(frozen=True, kw_only=True)
class Index:
    """What the pipeline writes to and the API searches, in a place of the test's own.

    `new_place` makes another project of a place's team, or of a new team; `new_owner` a document there that a search
    may find.
    """

    written: VectorIndex
    searched: VectorIndex
    place: Route
    new_place: Callable[[Route | None], Route]
    new_owner: Callable[[Route], ChunkOwner]

    def document(self, *angles: float, place: Route | None = None) -> ChunkOwner:
        """A document whose chunks stand at these angles to the question."""
        owner = self.new_owner(place or self.place)
        self.turn(owner, *angles)
        return owner

    def turn(self, owner: ChunkOwner, *angles: float) -> None:
        self.written.upsert(owner, dict(zip(ids(owner, len(angles)), map(turned, angles), strict=True)))

    def found(self, *documents: UUID, limit: int = 50, model: str = MODEL) -> list[UUID]:
        scope = Scope(self.place.team_id, self.place.project_id, documents)
        return [hit.chunk_id for hit in self.searched.search(scope, QUESTION, model, limit)]


def ids(owner: ChunkOwner, chunks: int = 3) -> list[UUID]:
    return [chunk_id(owner.job_id, index) for index in range(chunks)]


def turned(angle: float) -> Vector:
    return near(QUESTION, angle)


def pgvector(installation: Installation, *, exact_limit: int = EXACT_LIMIT) -> Index:
    """It finds what Postgres holds as live, so its documents are rows there.

    It begins empty: what a graph's walk misses depends on everything that is in the graph.
    """
    installation.execute("truncate chunk_vectors")

    def place(beside: Route | None) -> Route:
        team = installation.administration.team(str(beside.team_id)).name if beside else None
        return new_place(installation, team)

    return Index(
        written=PgVectorIndex(installation.pipeline, exact_limit=exact_limit),
        searched=PgVectorIndex(installation.api, exact_limit=exact_limit),
        place=place(None),
        new_place=place,
        new_owner=lambda place: live(installation, place, chunks=1).owner,
    )


def vertex(parts: Vertex) -> Index:
    """It knows ids and restricts alone."""

    def place(beside: Route | None) -> Route:
        return Route(beside.team_id if beside else uuid4(), uuid4())

    index = parts.index(MODEL)
    return Index(
        written=index,
        searched=index,
        place=place(None),
        new_place=place,
        new_owner=new_owner,
    )


def new_owner(place: Route) -> ChunkOwner:
    return ChunkOwner(team_id=place.team_id, project_id=place.project_id, document_id=uuid4(), job_id=uuid4())
