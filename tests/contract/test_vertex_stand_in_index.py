"""What the stand-in for Vertex AI promises of its vector index, asked by the real clients."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import (
    InvalidArgument,
    MethodNotImplemented,
    NotFound,
)
from google.cloud.aiplatform_v1 import (
    IndexDatapoint,
)

from common.adapters.minilm import MiniLmEmbedder
from tests.contract.vertex_clients import (
    SETTINGS,
    TEXT_EMBEDDING,
    OwnStand,
    Stand,
    point,
    standing,
)


@pytest.fixture
def stand(minilm_embedder: MiniLmEmbedder) -> Iterator[OwnStand]:
    with standing(minilm_embedder) as stand:
        yield stand


def test_a_wrong_index_endpoint_or_deployed_index_is_not_found(stand: Stand) -> None:
    with pytest.raises(NotFound, match="indexes/x"):
        stand.clients.index.upsert_datapoints({"index": f"{SETTINGS.parent}/indexes/x"}, timeout=30)
    with pytest.raises(NotFound, match="indexEndpoints/x"):
        stand.clients.match.read_index_datapoints(
            {**stand.endpoint, "index_endpoint": f"{SETTINGS.parent}/indexEndpoints/x"}, timeout=30
        )
    with pytest.raises(NotFound, match="DeployedIndex `x`"):
        stand.clients.match.find_neighbors({**stand.endpoint, "deployed_index_id": "x"}, timeout=30)


def test_the_nearest_come_first_with_the_dot_product_and_nothing_else(stand: Stand) -> None:
    stand.upsert(point("far", 0, 1, 0), point("near", 1, 0, 0), point("between", 0.6, 0.8, 0))
    neighbors = stand.find(1, 0, 0, count=2)
    assert [neighbor.datapoint for neighbor in neighbors] == [point("near"), point("between")]
    assert [neighbor.distance for neighbor in neighbors] == pytest.approx([1.0, 0.6])
    assert stand.find(1, 0, 0, count=1, full=True)[0].datapoint == point("near", 1, 0, 0)


def test_upserting_again_replaces_and_removing_removes(stand: Stand) -> None:
    stand.upsert(point("a", 1, 0, 0, team=["one"]), point("b", 0, 1, 0, team=["one"]))
    stand.upsert(point("a", 0, 0, 1, team=["two"]))
    assert stand.found(0, 0, 1, team=["one"]) == ["b"]
    stand.remove("b", "never there")
    assert stand.found(0, 0, 1) == ["a"]


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        ({}, {"a", "b", "c", "bare"}),
        ({"team": ["one"]}, {"a", "b"}),
        ({"team": ["one", "two"]}, {"a", "b", "c"}),
        ({"team": ["one"], "project": ["p"]}, {"a"}),
        ({"team": ["two"], "project": ["q"]}, set()),
        ({"team": ["none"]}, set()),
        ({"unknown": ["one"]}, set()),
    ],
)
def test_restricts_are_met_in_every_namespace(stand: Stand, allowed: dict[str, list[str]], names: set[str]) -> None:
    stand.upsert(
        point("a", 1, 0, 0, team=["one"], project=["p"]),
        point("b", 1, 0, 0, team=["one"], project=["q"]),
        point("c", 1, 0, 0, team=["two"], project=["p"]),
        point("bare", 1, 0, 0),
    )
    assert set(stand.found(1, 0, 0, **allowed)) == names


def test_what_a_query_or_a_datapoint_denies_is_not_found(stand: Stand) -> None:
    shy = point("shy", 1, 0, 0, colour=["red"])
    shy.restricts[0].deny_list = ["blue"]
    stand.upsert(point("red", 1, 0, 0, colour=["red"]), point("both", 1, 0, 0, colour=["red", "blue"]), shy)
    assert set(stand.found(1, 0, 0, colour=["red"])) == {"red", "both", "shy"}
    assert set(stand.found(1, 0, 0, colour=["red", "blue"])) == {"red", "both"}
    query = point("", 1, 0, 0, colour=["red"])
    query.restricts[0].deny_list = ["blue"]
    reply = stand.clients.match.find_neighbors({**stand.endpoint, "queries": [{"datapoint": query}]}, timeout=30)
    assert {each.datapoint.datapoint_id for each in reply.nearest_neighbors[0].neighbors} == {"red", "shy"}


def test_reading_gives_the_datapoints_or_refuses_them_all(stand: Stand) -> None:
    points = [point("a", 1, 0, 0, team=["one"]), point("b", 0, 1, 0)]
    stand.upsert(*points)
    assert stand.read("a", "b") == points
    with pytest.raises(NotFound, match="Datapoint c"):
        stand.read("a", "c")


def test_the_index_takes_its_dimensions_and_a_hundred_datapoints_a_call(stand: Stand) -> None:
    stand.upsert(*(point(str(number), 1, 0, 0) for number in range(100)))
    assert len(stand.find(1, 0, 0, count=1000)) == 100
    with pytest.raises(InvalidArgument, match="at most 100 datapoints; this one has 101"):
        stand.upsert(*(point(str(number), 1, 0, 0) for number in range(101)))
    with pytest.raises(InvalidArgument, match="at most 100 datapoints; this one has 101"):
        stand.remove(*map(str, range(101)))
    with pytest.raises(InvalidArgument, match="3 dimensions; a feature_vector has 2"):
        stand.upsert(point("a", 1, 0, 0), point("b", 1, 0))
    with pytest.raises(InvalidArgument, match="3 dimensions; a feature_vector has 4"):
        stand.find(1, 0, 0, 0)
    with pytest.raises(InvalidArgument, match="neighbor_count must be at most 1000"):
        stand.find(1, 0, 0, count=1001)


def test_a_change_is_found_after_the_delay_over_a_restart_too(minilm_embedder: MiniLmEmbedder, tmp_path: Path) -> None:
    data = tmp_path / "vertex.sqlite"
    with standing(minilm_embedder, data) as stand:
        stand.upsert(point("old", 1, 0, 0), point("kept", 1, 0, 0))
        assert set(stand.found(1, 0, 0)) == {"old", "kept"}
    with standing(minilm_embedder, data, invisible_seconds=3600.0) as stand:
        stand.upsert(point("new", 1, 0, 0))
        stand.remove("old")
        assert set(stand.found(1, 0, 0)) == {"old", "kept"}
    with sqlite3.connect(data) as database:
        assert database.execute("UPDATE changes SET due = due - 3600").rowcount == 2
    database.close()
    with standing(minilm_embedder, data) as stand:
        assert set(stand.found(1, 0, 0)) == {"new", "kept"}


def test_what_was_not_built_is_refused_by_name(stand: Stand) -> None:
    sparse = IndexDatapoint(datapoint_id="a", feature_vector=[1, 0, 0], crowding_tag={"crowding_attribute": "b"})
    with pytest.raises(MethodNotImplemented, match=r"datapoints\.crowding_tag is not supported"):
        stand.upsert(sparse)
    with pytest.raises(MethodNotImplemented):
        stand.clients.prediction.explain(endpoint=TEXT_EMBEDDING, instances=[], timeout=30)
