"""`VectorIndex`, on every implementation. pgvector compares exactly or walks its graph: two suites."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi
from uuid import uuid4

import pytest

from common.model.questions import Scope
from tests.contract.vector_indexes import QUESTION, Index, ids, pgvector, vertex
from tests.rows import MODEL
from tests.vertex import Vertex, running_vertex


@pytest.fixture(scope="module")
def running() -> Iterator[Vertex]:
    with running_vertex() as parts:
        yield parts


@pytest.fixture(params=["pgvector, exact", "pgvector, graph", "Vertex AI"])
def index(request: pytest.FixtureRequest) -> Index:
    match request.param:
        case "pgvector, exact":
            return pgvector(request.getfixturevalue("installation"))
        case "pgvector, graph":
            return pgvector(request.getfixturevalue("installation"), exact_limit=0)
        case _:
            return vertex(request.getfixturevalue("running"))


def test_the_nearest_come_first_with_their_cosine_similarity(index: Index) -> None:
    chunks = ids(index.document(1.2, 0.1, 2.0, 0.4), 4)
    scope = Scope(index.place.team_id, index.place.project_id)
    hits = index.searched.search(scope, QUESTION, MODEL, 10)
    assert [hit.chunk_id for hit in hits] == [chunks[1], chunks[3], chunks[0], chunks[2]]
    assert [hit.score for hit in hits] == pytest.approx([cos(angle) for angle in (0.1, 0.4, 1.2, 2.0)], abs=2e-3)


def test_no_more_than_the_limit_are_found_and_those_are_the_nearest(index: Index) -> None:
    angles = [pi * (1 + number * 7 % 40) / 41 for number in range(40)]
    chunks = ids(index.document(*angles), 40)
    nearest = sorted(range(40), key=angles.__getitem__)
    assert index.found(limit=5) == [chunks[place] for place in nearest[:5]]


def test_an_empty_project_has_no_hits(index: Index) -> None:
    assert index.found() == []


def test_upserting_again_replaces(index: Index) -> None:
    owner = index.document(0.1, 0.2)
    first, second = ids(owner, 2)
    assert index.found() == [first, second]
    index.turn(owner, 1.0)
    assert index.found() == [second, first]


def test_nothing_to_upsert_is_done(index: Index) -> None:
    owner = index.document(0.1)
    index.written.upsert(owner, {})
    assert index.found() == ids(owner, 1)


def test_more_than_one_call_s_worth_is_upserted_seen_and_removed(index: Index) -> None:
    owner = index.new_owner(index.place)
    chunks = ids(owner, 250)
    index.written.upsert(owner, dict.fromkeys(chunks, QUESTION))
    assert set(index.found(limit=300)) == set(chunks)
    assert index.written.visible(owner, chunks) == set(chunks)
    index.written.remove(owner, chunks[:-1])
    assert index.found() == chunks[-1:]
    assert index.written.visible(owner, chunks) == set(chunks[-1:])


def test_removed_vectors_are_found_no_more(index: Index) -> None:
    owner = index.document(0.1, 0.2, 0.3)
    first, second, third = ids(owner, 3)
    for _ in range(2):
        index.written.remove(owner, [first, third, uuid4()])
    assert index.found() == [second]
    assert index.written.visible(owner, [first, second, third]) == {second}


def test_visible_are_those_of_the_ids_that_were_upserted(index: Index) -> None:
    owner = index.document(0.1)
    first, second, third = ids(owner, 3)
    assert index.written.visible(owner, [first, second, third]) == {first}
    index.written.upsert(owner, {third: QUESTION})
    assert index.written.visible(owner, [first, second, third]) == {first, third}


def test_nothing_to_remove_or_to_see_is_done(index: Index) -> None:
    owner = index.document(0.1)
    index.written.remove(owner, [])
    assert index.written.visible(owner, []) == frozenset()
    assert index.found() == ids(owner, 1)


def test_only_the_documents_asked_for_are_searched(index: Index) -> None:
    one, two, three = (index.document(angle) for angle in (0.1, 0.2, 0.3))
    assert index.found(two.document_id) == ids(two, 1)
    assert index.found(three.document_id, one.document_id) == ids(one, 1) + ids(three, 1)
    assert index.found(uuid4()) == []


def test_one_document_in_a_thousand_is_found_and_so_are_all_but_one(index: Index) -> None:
    """However near the others are, and however many documents are asked for at once."""
    near, far = index.document(*[0.01] * 5), index.document(1.0)
    strangers = [uuid4() for _ in range(10_100)]
    assert index.found(*strangers[:999], far.document_id, limit=1) == ids(far, 1)
    assert index.found(near.document_id, *strangers, far.document_id, limit=6)[-1:] == ids(far, 1)
    assert set(index.found(near.document_id, *strangers, far.document_id, limit=5)) == set(ids(near, 5))


def test_only_vectors_of_the_question_s_model_are_compared(index: Index) -> None:
    owner = index.document(0.1)
    assert index.found(model="another-model") == []
    assert index.found() == ids(owner, 1)


def test_another_project_of_the_team_is_not_searched(index: Index) -> None:
    index.document(0.1, place=index.new_place(index.place))
    own = index.document(0.2)
    assert index.found() == ids(own, 1)


def test_another_team_is_not_searched(index: Index) -> None:
    stranger = index.new_place(None)
    foreign = index.document(0.1, place=stranger)
    own = index.document(0.2)
    assert index.found() == ids(own, 1)
    assert index.found(foreign.document_id) == []
    mixed = Scope(index.place.team_id, stranger.project_id)
    assert index.searched.search(mixed, QUESTION, MODEL, 10) == []


def test_another_team_s_owner_sees_nothing(index: Index) -> None:
    owner = index.document(0.1)
    stranger = index.new_owner(index.new_place(None))
    assert index.written.visible(stranger, ids(owner, 1)) == frozenset()
    assert index.written.visible(owner, ids(owner, 1)) == set(ids(owner, 1))
