"""What goes wrong with the stand-in for Vertex AI as it is asked for, and what is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import (
    DeadlineExceeded,
    GoogleAPICallError,
    ResourceExhausted,
    ServiceUnavailable,
)
from google.cloud.aiplatform_v1 import (
    Candidate,
    Content,
    EmbedContentRequest,
    GenerateContentResponse,
    Part,
)
from google.rpc.error_details_pb2 import RetryInfo
from grpc import StatusCode

from common.adapters.minilm import MiniLmEmbedder
from local.vertex import faults
from local.vertex.counting import counts_of
from local.vertex.faults import Fault
from tests.contract.vertex_clients import (
    SETTINGS,
    TEXT_EMBEDDING,
    WARRANTY,
    OwnStand,
    Stand,
    asking,
    connected,
    point,
    retry_seconds,
    said,
    standing,
    vertex_clients,
)


@pytest.fixture
def stand(minilm_embedder: MiniLmEmbedder) -> Iterator[OwnStand]:
    with standing(minilm_embedder) as stand:
        yield stand


CALLS: dict[str, Callable[[Stand], object]] = {
    "Predict": lambda stand: stand.predict("a"),
    "EmbedContent": lambda stand: stand.clients.prediction.embed_content(
        EmbedContentRequest(model=TEXT_EMBEDDING, content=Content(parts=[Part(text="a")])), timeout=30
    ),
    "GenerateContent": lambda stand: stand.generate(),
    "StreamGenerateContent": lambda stand: list(stand.clients.prediction.stream_generate_content(asking(), timeout=30)),
    "UpsertDatapoints": lambda stand: stand.upsert(point("a", 1, 0, 0)),
    "RemoveDatapoints": lambda stand: stand.remove("b"),
    "FindNeighbors": lambda stand: stand.find(1, 0, 0),
    "ReadIndexDatapoints": lambda stand: stand.read(),
}


def test_every_call_is_counted(stand: OwnStand) -> None:
    for call in CALLS.values():
        call(stand)
    stand.predict("b")
    expected = dict.fromkeys(CALLS, 1) | {"Predict": 2}
    assert stand.stand_in.counts == expected
    assert counts_of(stand.stand_in.host) == expected
    assert stand.stand_in.statuses == {(method, "OK"): count for method, count in expected.items()}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(code=StatusCode.UNAVAILABLE), ServiceUnavailable),
        (Fault(code=StatusCode.RESOURCE_EXHAUSTED), ResourceExhausted),
        (Fault(code=StatusCode.UNAVAILABLE, after=True), ServiceUnavailable),
        (Fault(drop=True), ServiceUnavailable),
        (Fault(drop=True, after=True), ServiceUnavailable),
    ],
)
def test_each_call_fails_as_often_as_was_asked_for(
    stand: OwnStand, method: str, fault: Fault, error: type[GoogleAPICallError]
) -> None:
    stand.stand_in.faults.add(method, fault, times=2)
    for _ in range(2):
        with connected(stand.stand_in) as caller, pytest.raises(error) as failure:
            CALLS[method](caller)
        assert not any(isinstance(detail, RetryInfo) for detail in failure.value.details)
    with connected(stand.stand_in) as caller:
        CALLS[method](caller)
    assert stand.stand_in.counts[method] == 3


def test_a_refusal_tells_the_time_to_wait_that_was_asked_for(stand: OwnStand) -> None:
    stand.stand_in.faults.add("Predict", Fault(code=StatusCode.RESOURCE_EXHAUSTED, retry_after=2.5))
    with pytest.raises(ResourceExhausted) as refusal:
        stand.predict("a")
    assert retry_seconds(refusal.value) == 2.5


def test_a_dropped_connection_leaves_the_others(stand: OwnStand) -> None:
    stand.stand_in.faults.add("Predict", Fault(drop=True, after=True))
    with vertex_clients(stand.stand_in.host) as others:
        stream = iter(others.prediction.stream_generate_content(asking(), timeout=30))
        first = next(stream)
        with pytest.raises(ServiceUnavailable):
            stand.predict("a")
        assert len([first, *stream]) == 4


def test_a_call_that_tarries_meets_the_client_s_deadline(stand: OwnStand) -> None:
    stand.stand_in.faults.add("Predict", Fault(seconds=60))
    with pytest.raises(DeadlineExceeded):
        stand.predict("a", timeout=0.2)
    stand.predict("a")


def test_a_call_that_fails_afterwards_was_carried_out(stand: OwnStand) -> None:
    stand.stand_in.faults.add("UpsertDatapoints", Fault(drop=True, after=True))
    with pytest.raises(ServiceUnavailable):
        stand.upsert(point("a", 1, 0, 0))
    with connected(stand.stand_in) as again:
        assert again.found(1, 0, 0) == ["a"]


def test_half_of_an_upsert_is_kept(stand: OwnStand) -> None:
    fault = Fault(request=faults.half_the_datapoints, code=StatusCode.UNAVAILABLE, after=True)
    stand.stand_in.faults.add("UpsertDatapoints", fault)
    with pytest.raises(ServiceUnavailable):
        stand.upsert(*(point(name, 1, 0, 0) for name in "abcd"))
    assert stand.found(1, 0, 0) == ["a", "b"]


def test_a_stream_breaks_after_its_first_piece(stand: OwnStand) -> None:
    stand.stand_in.faults.add("StreamGenerateContent", Fault(code=StatusCode.UNAVAILABLE, after=True))
    stream = iter(stand.clients.prediction.stream_generate_content(asking(), timeout=30))
    assert next(stream).candidates[0].content.parts[0].text
    with pytest.raises(ServiceUnavailable):
        next(stream)


def test_a_vector_fewer_than_texts_comes_back(stand: OwnStand) -> None:
    stand.stand_in.faults.add("Predict", Fault(reply=faults.a_vector_fewer))
    assert len(stand.predict("a", "b", "c")) == 2


def test_quotes_are_forged(stand: OwnStand) -> None:
    stand.stand_in.faults.add("GenerateContent", Fault(reply=faults.forged_quotes))
    forged, honest = said(stand.generate()), said(stand.generate())
    assert [statement.text for statement in forged.statements] == [each.text for each in honest.statements]
    assert all(quote.quote not in WARRANTY for statement in forged.statements for quote in statement.quotes)


@pytest.mark.parametrize("method", ["GenerateContent", "StreamGenerateContent"])
def test_prompts_and_answers_are_blocked(stand: OwnStand, method: str) -> None:
    client = stand.clients.prediction
    ask: Callable[[], list[GenerateContentResponse]] = {
        "GenerateContent": lambda: [client.generate_content(asking(), timeout=30)],
        "StreamGenerateContent": lambda: list(client.stream_generate_content(asking(), timeout=30)),
    }[method]
    stand.stand_in.faults.add(method, Fault(reply=faults.blocked_prompt))
    stand.stand_in.faults.add(method, Fault(reply=faults.blocked_answer))
    (reply,) = ask()
    assert not reply.candidates
    assert reply.prompt_feedback.block_reason is GenerateContentResponse.PromptFeedback.BlockedReason.SAFETY
    (reply,) = ask()
    assert reply.candidates[0].finish_reason is Candidate.FinishReason.SAFETY
    assert not reply.candidates[0].content.parts


def test_an_answer_is_cut_on_demand(stand: OwnStand) -> None:
    stand.stand_in.faults.add("GenerateContent", Fault(reply=faults.cut_answer))
    assert stand.generate().candidates[0].finish_reason is Candidate.FinishReason.MAX_TOKENS


def test_faults_that_were_cleared_do_not_come(stand: OwnStand) -> None:
    stand.stand_in.faults.add("Predict", Fault(code=StatusCode.INTERNAL), times=9)
    stand.stand_in.faults.clear()
    assert stand.predict("a")


def test_a_fault_of_an_unknown_method_is_an_error(stand: OwnStand) -> None:
    with pytest.raises(ValueError, match="Predicted is none of Predict, EmbedContent"):
        stand.stand_in.faults.add("Predicted", Fault())


def test_what_tarries_ends_with_the_stand_in_undone(minilm_embedder: MiniLmEmbedder, tmp_path: Path) -> None:
    data = tmp_path / "vertex.sqlite"
    with standing(minilm_embedder, data) as stand:
        stand.stand_in.faults.add("UpsertDatapoints", Fault(seconds=600))
        with pytest.raises(DeadlineExceeded):
            stand.clients.index.upsert_datapoints(
                {"index": SETTINGS.index_name, "datapoints": [point("a", 1, 0, 0)]}, timeout=0.2
            )
    with standing(minilm_embedder, data) as stand:
        assert stand.found(1, 0, 0) == []
