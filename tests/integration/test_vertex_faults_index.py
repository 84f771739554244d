"""The vector index on Vertex AI while calls fail on the wire: nothing is lost, and nothing waits without end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from grpc import StatusCode

from common.adapters.vertex.index import VertexVectorIndex
from common.errors import AiInfraError, ConfigurationError, Deferred, Permanent, Retryable
from common.model.chunks import ChunkOwner, chunk_id
from common.model.questions import Scope
from local.vertex.faults import Fault, half_the_datapoints
from tests.rows import MODEL, direction
from tests.vertex import RETRY_SECONDS, SkippedTime, Vertex, running_vertex

METHODS = ("UpsertDatapoints", "RemoveDatapoints", "FindNeighbors", "ReadIndexDatapoints")
QUESTION = direction(0)
PASSING = {
    "503": Fault(code=StatusCode.UNAVAILABLE),
    "503 when it was done": Fault(code=StatusCode.UNAVAILABLE, after=True),
    "504": Fault(code=StatusCode.DEADLINE_EXCEEDED),
    "dropped": Fault(drop=True),
    "dropped when it was done": Fault(drop=True, after=True),
    "half of it done": Fault(code=StatusCode.UNAVAILABLE, after=True, request=half_the_datapoints),
}


@pytest.fixture(scope="module")
def running() -> Iterator[Vertex]:
    with running_vertex() as parts:
        yield parts


@pytest.fixture
def vertex(running: Vertex) -> Iterator[Vertex]:
    """Nothing goes wrong yet, and nothing was called."""
    running.stand_in.faults.clear()
    running.stand_in.counts.clear()
    yield running
    running.stand_in.faults.clear()


@dataclass
class Work:
    """What leads to one call of a method, on three chunks of a document of its own."""

    index: VertexVectorIndex
    method: str
    owner: ChunkOwner = field(
        default_factory=lambda: ChunkOwner(team_id=uuid4(), project_id=uuid4(), document_id=uuid4(), job_id=uuid4())
    )

    def __post_init__(self) -> None:
        if self.method != "UpsertDatapoints":
            self._upsert()

    @property
    def ids(self) -> list[UUID]:
        return [chunk_id(self.owner.job_id, index) for index in range(3)]

    @property
    def expected(self) -> set[UUID]:
        return set(self.ids[2:] if self.method == "RemoveDatapoints" else self.ids)

    def done(self) -> set[UUID]:
        """Do it; what was read, or what is there now."""
        match self.method:
            case "UpsertDatapoints":
                self._upsert()
            case "RemoveDatapoints":
                self.index.remove(self.owner, self.ids[:2])
            case "ReadIndexDatapoints":
                return set(self.index.visible(self.owner, self.ids))
        return set(found(self.index, self.owner))

    def _upsert(self) -> None:
        self.index.upsert(self.owner, dict.fromkeys(self.ids, QUESTION))


def found(index: VertexVectorIndex, owner: ChunkOwner, limit: int = 10) -> list[UUID]:
    scope = Scope(owner.team_id, owner.project_id)
    return [hit.chunk_id for hit in index.search(scope, QUESTION, MODEL, limit)]


@pytest.fixture
def time() -> SkippedTime:
    return SkippedTime()


@pytest.fixture(params=METHODS)
def work(request: pytest.FixtureRequest, vertex: Vertex, time: SkippedTime) -> Work:
    made = Work(vertex.index(MODEL, time), request.param)
    vertex.stand_in.counts.clear()
    return made


def applicable(fault: Fault, method: str) -> Fault:
    """Only what names datapoints can arrive by halves."""
    return fault if method in METHODS[:2] else replace(fault, request=None)


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_what_passes_is_repeated_until_the_call_is_done(vertex: Vertex, work: Work, fault: Fault) -> None:
    vertex.stand_in.faults.add(work.method, applicable(fault, work.method), times=2)
    assert work.done() == work.expected
    assert vertex.stand_in.counts[work.method] == 3


def test_a_slow_call_is_given_up_and_repeated(vertex: Vertex, work: Work) -> None:
    vertex.stand_in.faults.add(work.method, Fault(seconds=30))
    assert work.done() == work.expected
    assert vertex.stand_in.counts[work.method] == 2


def test_what_does_not_pass_is_retryable_within_its_time_and_redelivery_mends_it(
    vertex: Vertex, work: Work, time: SkippedTime
) -> None:
    fault = Fault(code=StatusCode.UNAVAILABLE, after=True, request=half_the_datapoints)
    vertex.stand_in.faults.add(work.method, applicable(fault, work.method), times=100)
    with pytest.raises(Retryable) as raised:
        work.done()
    assert raised.value.reason == "VERTEX_UNAVAILABLE"
    assert 0 < time.now() <= RETRY_SECONDS
    vertex.stand_in.faults.clear()
    assert work.done() == work.expected


def test_a_short_retry_after_is_waited_for(vertex: Vertex, work: Work, time: SkippedTime) -> None:
    vertex.stand_in.faults.add(work.method, Fault(code=StatusCode.RESOURCE_EXHAUSTED, retry_after=0.5))
    assert work.done() == work.expected
    assert time.now() == pytest.approx(0.5)
    assert vertex.stand_in.counts[work.method] == 2


@pytest.mark.parametrize("retry_after", [None, 600.0])
def test_a_429_is_deferred_and_redelivery_mends_it(
    vertex: Vertex, work: Work, time: SkippedTime, retry_after: float | None
) -> None:
    exhausted = Fault(code=StatusCode.RESOURCE_EXHAUSTED, retry_after=retry_after)
    vertex.stand_in.faults.add(work.method, exhausted, times=100)
    with pytest.raises(Deferred) as raised:
        work.done()
    assert raised.value.reason == "QUOTA"
    assert raised.value.wait_seconds > 0
    if retry_after:
        assert raised.value.wait_seconds == pytest.approx(retry_after)
        assert vertex.stand_in.counts[work.method] == 1
    assert time.now() <= RETRY_SECONDS
    vertex.stand_in.faults.clear()
    time.sleep(raised.value.wait_seconds)
    assert work.done() == work.expected


def test_an_upsert_waits_for_quota_rather_than_have_its_texts_embedded_again(vertex: Vertex, time: SkippedTime) -> None:
    work = Work(vertex.index(MODEL, time), "UpsertDatapoints")
    vertex.stand_in.faults.add(work.method, Fault(code=StatusCode.RESOURCE_EXHAUSTED, retry_after=12.0))
    assert work.done() == work.expected
    assert time.now() == pytest.approx(12.0)


def test_an_upsert_of_several_calls_that_broke_off_is_whole_after_the_next(vertex: Vertex) -> None:
    index = vertex.index(MODEL)
    owner = Work(index, "UpsertDatapoints").owner
    ids = [chunk_id(owner.job_id, number) for number in range(250)]
    vectors = dict.fromkeys(ids, QUESTION)
    half = Fault(code=StatusCode.UNAVAILABLE, after=True, request=half_the_datapoints)
    vertex.stand_in.faults.add("UpsertDatapoints", Fault())
    vertex.stand_in.faults.add("UpsertDatapoints", half, times=100)
    with pytest.raises(Retryable):
        index.upsert(owner, vectors)
    assert index.visible(owner, ids) == set(ids[:150])
    vertex.stand_in.faults.clear()
    index.upsert(owner, vectors)
    assert index.visible(owner, ids) == set(ids)
    assert sorted(found(index, owner, 300)) == sorted(ids)


def test_half_of_an_upsert_that_was_said_to_be_done_is_not_visible(vertex: Vertex) -> None:
    work = Work(vertex.index(MODEL), "UpsertDatapoints")
    vertex.stand_in.faults.add(work.method, Fault(request=half_the_datapoints))
    assert work.done() < work.expected
    assert work.ids[-1] not in work.index.visible(work.owner, work.ids)


def test_an_index_that_reads_what_is_there_only_and_one_that_refuses_the_rest_are_understood_alike(
    vertex: Vertex,
) -> None:
    work = Work(vertex.index(MODEL), "ReadIndexDatapoints")
    absent = [uuid4() for _ in range(5)]
    assert work.index.visible(work.owner, [*absent, *work.ids]) == set(work.ids)

    def forget(reply: Any) -> None:
        del reply.datapoints[1:]

    vertex.stand_in.faults.add(work.method, Fault(reply=forget))
    assert work.index.visible(work.owner, work.ids) == {work.ids[0]}


@pytest.mark.parametrize("method", ["UpsertDatapoints", "RemoveDatapoints", "FindNeighbors"])
@pytest.mark.parametrize(
    ("resource", "code"), [("no-such", StatusCode.NOT_FOUND), ("chunks", StatusCode.PERMISSION_DENIED)]
)
def test_a_wrong_name_or_a_missing_permission_is_one_sentence_naming_the_setting(
    vertex: Vertex, method: str, resource: str, code: StatusCode
) -> None:
    parent = vertex.stand_in.settings.parent
    cloud = replace(
        vertex.cloud,
        vector_index_name=f"{parent}/indexes/{resource}",
        vector_index_endpoint=f"{parent}/indexEndpoints/{resource}",
    )
    work = Work(vertex.index(MODEL), method)
    work.index = vertex.index(MODEL, cloud=cloud)
    if code is StatusCode.PERMISSION_DENIED:
        vertex.stand_in.faults.add(method, Fault(code=code))
    setting = "ENDPOINT" if method == "FindNeighbors" else "NAME"
    with pytest.raises(ConfigurationError, match=f"AI_INFRA_VECTOR_INDEX_{setting}"):
        work.done()


def test_vectors_of_another_length_than_the_index_has_are_refused_for_good(vertex: Vertex) -> None:
    index = vertex.index(MODEL)
    owner = Work(index, "UpsertDatapoints").owner
    with pytest.raises(Permanent) as raised:
        index.upsert(owner, {uuid4(): [1.0, 0.0]})
    assert (raised.value.reason, raised.value.retryable) == ("VECTORS_REFUSED", True)
    assert vertex.stand_in.counts["UpsertDatapoints"] == 1


@pytest.mark.parametrize("scope", [(None, uuid4()), (uuid4(), None), (None, None)])
def test_a_search_without_team_or_project_never_leaves_the_house(
    vertex: Vertex, scope: tuple[UUID | None, UUID | None]
) -> None:
    team, project = (cast(UUID, part) for part in scope)
    with pytest.raises(AiInfraError, match="team and its project"):
        vertex.index(MODEL).search(Scope(team, project), QUESTION, MODEL, 5)
    assert vertex.stand_in.counts["FindNeighbors"] == 0
