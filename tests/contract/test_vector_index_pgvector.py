"""What pgvector promises beyond `VectorIndex`: search and liveness are one statement, and rows know their team."""

from __future__ import annotations

import pytest

from common.adapters.postgres.vectors import EXACT_LIMIT
from common.model.documents import DeletionCause
from tests.contract.vector_indexes import QUESTION, Index, ids, pgvector
from tests.rows import (
    Installation,
    chunk_ids,
    finished,
    live,
    made_live,
    new_object,
    next_generation,
    registered,
)


@pytest.fixture(params=["exact", "graph"])
def index(request: pytest.FixtureRequest, installation: Installation) -> Index:
    return pgvector(installation, exact_limit=0 if request.param == "graph" else EXACT_LIMIT)


def test_visible_are_those_that_were_upserted_live_or_not(index: Index, installation: Installation) -> None:
    message = registered(installation, index.place)
    chunks = chunk_ids(message, 3)
    assert index.written.visible(message.owner, chunks) == frozenset()
    index.written.upsert(message.owner, dict.fromkeys(chunks[:2], QUESTION))
    assert index.written.visible(message.owner, chunks) == frozenset(chunks[:2])


def test_chunks_of_a_job_that_is_not_active_are_not_found(index: Index, installation: Installation) -> None:
    message = finished(installation, registered(installation, index.place))
    assert index.found() == []
    made_live(installation, message)
    assert set(index.found()) == set(chunk_ids(message))


def test_a_new_generation_takes_the_place_of_the_old(index: Index, installation: Installation) -> None:
    stored = new_object(index.place)
    old = live(installation, index.place, stored)
    new = finished(installation, registered(installation, index.place, next_generation(stored)))
    assert set(index.found()) == set(chunk_ids(old))
    made_live(installation, new)
    assert set(index.found()) == set(chunk_ids(new))


def test_chunks_of_a_deleted_document_are_not_found(index: Index, installation: Installation) -> None:
    message, kept = live(installation, index.place, chunks=1), index.document(0.2)
    with installation.database.transaction() as transaction:
        transaction.documents.delete(message.document_id, message.generation, DeletionCause.OBJECT)
    assert index.found() == ids(kept, 1)


def test_vectors_of_another_length_are_passed_over(index: Index) -> None:
    owner = index.document(0.1, 0.2)
    first, second = ids(owner, 2)
    index.written.upsert(owner, {first: [1.0] + [0.0] * 767})
    assert index.found() == [second]


def test_another_team_s_owner_removes_nothing(index: Index) -> None:
    owner = index.document(0.1)
    index.written.remove(index.new_owner(index.new_place(None)), ids(owner, 1))
    assert index.found() == ids(owner, 1)


def test_vectors_hidden_from_the_graph_by_equal_ones_are_found(index: Index) -> None:
    boilerplate = index.new_place(index.place)
    for _ in range(4):
        index.document(*[0.05] * 250, place=boilerplate)
        owner = index.document(0.1)
        assert index.found(owner.document_id) == ids(owner, 1)
