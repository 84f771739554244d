"""`VectorIndex`, on every implementation. pgvector compares exactly or walks its graph: two suites."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, pi
from uuid import UUID, uuid4

import pytest

from common.adapters.postgres.vectors import EXACT_LIMIT, PgVectorIndex
from common.messages import DocumentRegistered
from common.model import Route, Scope, Vector
from common.ports import VectorIndex
from tests.rows import (
    MODEL,
    Installation,
    chunk_ids,
    direction,
    finished,
    live,
    made_live,
    near,
    new_object,
    new_place,
    next_generation,
    registered,
)

QUESTION = direction(0)


@dataclass(frozen=True)
class Index:
    """What the pipeline writes to and the API searches, in a place of the test's own."""

    written: VectorIndex
    searched: VectorIndex
    installation: Installation
    place: Route
    extra: list[DocumentRegistered] = field(default_factory=list)

    def document(self, *angles: float, place: Route | None = None) -> DocumentRegistered:
        """A live document whose chunks stand at these angles to the question."""
        message = live(self.installation, place or self.place, chunks=len(angles))
        self.turn(message, *angles)
        return message

    def turn(self, message: DocumentRegistered, *angles: float) -> None:
        vectors = dict(zip(chunk_ids(message, len(angles)), map(turned, angles), strict=True))
        self.written.upsert(message.owner, vectors)

    def found(self, *documents: UUID, limit: int = 50, model: str = MODEL) -> list[UUID]:
        scope = Scope(self.place.team_id, self.place.project_id, documents)
        return [hit.chunk_id for hit in self.searched.search(scope, QUESTION, model, limit)]


def turned(angle: float) -> Vector:
    return near(QUESTION, angle)


@pytest.fixture(params=["pgvector, exact", "pgvector, graph"])
def index(request: pytest.FixtureRequest, installation: Installation) -> Index:
    limit = 0 if request.param.endswith("graph") else EXACT_LIMIT
    return Index(
        PgVectorIndex(installation.pipeline, exact_limit=limit),
        PgVectorIndex(installation.api, exact_limit=limit),
        installation,
        new_place(installation),
    )


def test_the_nearest_come_first_with_their_cosine_similarity(index: Index) -> None:
    message = index.document(1.2, 0.1, 2.0, 0.4)
    ids = chunk_ids(message, 4)
    scope = Scope(index.place.team_id, index.place.project_id)
    hits = index.searched.search(scope, QUESTION, MODEL, 10)
    assert [hit.chunk_id for hit in hits] == [ids[1], ids[3], ids[0], ids[2]]
    assert [hit.score for hit in hits] == pytest.approx([cos(angle) for angle in (0.1, 0.4, 1.2, 2.0)], abs=2e-3)


def test_no_more_than_the_limit_are_found_and_those_are_the_nearest(index: Index) -> None:
    angles = [pi * (1 + number * 7 % 40) / 41 for number in range(40)]
    ids = chunk_ids(index.document(*angles), 40)
    nearest = sorted(range(40), key=angles.__getitem__)
    assert index.found(limit=5) == [ids[place] for place in nearest[:5]]


def test_an_empty_project_has_no_hits(index: Index) -> None:
    assert index.found() == []


def test_upserting_again_replaces(index: Index) -> None:
    message = index.document(0.1, 0.2)
    first, second = chunk_ids(message, 2)
    assert index.found() == [first, second]
    index.turn(message, 1.0)
    assert index.found() == [second, first]


def test_nothing_to_upsert_is_done(index: Index) -> None:
    message = index.document(0.1)
    index.written.upsert(message.owner, {})
    assert index.found() == chunk_ids(message, 1)


def test_removed_vectors_are_found_no_more(index: Index) -> None:
    message = index.document(0.1, 0.2, 0.3)
    first, second, third = chunk_ids(message, 3)
    for _ in range(2):
        index.written.remove(message.owner, [first, third, uuid4()])
    assert index.found() == [second]
    assert index.written.visible(message.owner, [first, second, third]) == {second}


def test_visible_are_those_that_were_upserted_live_or_not(index: Index) -> None:
    message = registered(index.installation, index.place)
    ids = chunk_ids(message, 3)
    assert index.written.visible(message.owner, ids) == frozenset()
    index.written.upsert(message.owner, dict.fromkeys(ids[:2], QUESTION))
    assert index.written.visible(message.owner, ids) == frozenset(ids[:2])


def test_chunks_of_a_job_that_is_not_active_are_not_found(index: Index) -> None:
    message = finished(index.installation, registered(index.installation, index.place))
    assert index.found() == []
    made_live(index.installation, message)
    assert set(index.found()) == set(chunk_ids(message))


def test_a_new_generation_takes_the_place_of_the_old(index: Index) -> None:
    stored = new_object(index.place)
    old = live(index.installation, index.place, stored)
    new = finished(index.installation, registered(index.installation, index.place, next_generation(stored)))
    assert set(index.found()) == set(chunk_ids(old))
    made_live(index.installation, new)
    assert set(index.found()) == set(chunk_ids(new))


def test_chunks_of_a_deleted_document_are_not_found(index: Index) -> None:
    message, kept = index.document(0.1), index.document(0.2)
    with index.installation.database.transaction() as transaction:
        transaction.documents.delete(message.document_id, message.generation)
    assert index.found() == chunk_ids(kept, 1)


def test_only_the_documents_asked_for_are_searched(index: Index) -> None:
    one, two, three = (index.document(angle) for angle in (0.1, 0.2, 0.3))
    assert index.found(two.document_id) == chunk_ids(two, 1)
    assert index.found(three.document_id, one.document_id) == chunk_ids(one, 1) + chunk_ids(three, 1)
    assert index.found(uuid4()) == []


def test_only_vectors_of_the_question_s_model_are_compared(index: Index) -> None:
    message = index.document(0.1)
    assert index.found(model="another-model") == []
    assert index.found() == chunk_ids(message, 1)


def test_vectors_of_another_length_are_passed_over(index: Index) -> None:
    message = index.document(0.1, 0.2)
    first, second = chunk_ids(message, 2)
    index.written.upsert(message.owner, {first: [1.0] + [0.0] * 767})
    assert index.found() == [second]


def test_another_project_of_the_team_is_not_searched(index: Index) -> None:
    team = index.installation.administration.team(str(index.place.team_id)).name
    index.document(0.1, place=new_place(index.installation, team))
    own = index.document(0.2)
    assert index.found() == chunk_ids(own, 1)


def test_another_team_is_not_searched(index: Index) -> None:
    stranger = new_place(index.installation)
    foreign = index.document(0.1, place=stranger)
    own = index.document(0.2)
    assert index.found() == chunk_ids(own, 1)
    assert index.found(foreign.document_id) == []
    mixed = Scope(index.place.team_id, stranger.project_id)
    assert index.searched.search(mixed, QUESTION, MODEL, 10) == []


def test_another_team_s_owner_removes_and_sees_nothing(index: Index) -> None:
    message = index.document(0.1)
    stranger = registered(index.installation, new_place(index.installation))
    ids = chunk_ids(message, 1)
    assert index.written.visible(stranger.owner, ids) == frozenset()
    index.written.remove(stranger.owner, ids)
    assert index.found() == ids
