"""The embedder on Vertex AI while calls fail on the wire: each text gets its own vector, or none gets any."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode

from common.adapters.minilm import MiniLmEmbedder
from common.errors import AiInfraError, ConfigurationError, Deferred, Permanent, Retryable
from common.model.chunks import Vector
from common.ports import Embedder
from local.vertex.faults import Fault, a_vector_fewer
from local.vertex.protocol import Proto
from local.vertex.settings import Settings as VertexSettings
from tests.vertex import RETRY_SECONDS, SkippedTime
from tests.vertex_embedding import RealTime, VertexEmbedding, running_embedding

CONTENT_ROUTE = '{"route": "embed_content", "request_texts": 1}'
TEXTS = ["The cat sat.", "Interest rates rose.", "Pages are turned.", "x", "A fifth text."]
ROUTES = {"Predict": "", "EmbedContent": CONTENT_ROUTE}
TOO_LARGE = Fault(code=StatusCode.INVALID_ARGUMENT)
PASSING = {
    "503": Fault(code=StatusCode.UNAVAILABLE),
    "503 when it was done": Fault(code=StatusCode.UNAVAILABLE, after=True),
    "504": Fault(code=StatusCode.DEADLINE_EXCEEDED),
}


@pytest.fixture(scope="module")
def local() -> MiniLmEmbedder:
    return MiniLmEmbedder()


@pytest.fixture(scope="module")
def running(local: MiniLmEmbedder) -> Iterator[VertexEmbedding]:
    with running_embedding(local) as parts:
        yield parts


@pytest.fixture
def vertex(running: VertexEmbedding) -> Iterator[VertexEmbedding]:
    """Nothing goes wrong yet, and nothing was called."""
    running.stand_in.faults.clear()
    running.stand_in.counts.clear()
    yield running
    running.stand_in.faults.clear()


@pytest.fixture(scope="module")
def right(local: MiniLmEmbedder) -> Callable[[Sequence[Vector]], bool]:
    """Whether these are the vectors of `TEXTS`, which are the local model's with zeros behind."""
    expected = np.pad(np.array(local.embed_documents(TEXTS)), ((0, 0), (0, 768 - local.dimensions)))
    return lambda vectors: bool(np.allclose(np.array(vectors), expected, atol=1e-5))


def error_of(embedder: Embedder) -> AiInfraError:
    with pytest.raises(AiInfraError) as caught:
        embedder.embed_documents(TEXTS)
    return caught.value


def recorded(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [
        {name: getattr(record, name) for name in ("model", "texts", "tokens")}
        for record in caplog.records
        if record.message == "Embedded"
    ]


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize(("method", "spec"), ROUTES.items(), ids=ROUTES.keys())
def test_what_passes_is_repeated_and_each_text_keeps_its_vector(
    vertex: VertexEmbedding, right: Callable[..., bool], method: str, spec: str, fault: Fault
) -> None:
    vertex.stand_in.faults.add(method, fault, times=2)
    time = SkippedTime()
    assert right(vertex.embedder(spec=spec, clock=time).embed_documents(TEXTS))
    requests = len(TEXTS) if spec else 1
    assert vertex.stand_in.counts[method] == requests + 2
    assert len(time.waits) == 2


@pytest.mark.parametrize("after", [False, True], ids=["before it was done", "when it was done"])
@pytest.mark.parametrize(("method", "spec"), ROUTES.items(), ids=ROUTES.keys())
def test_a_connection_that_is_dropped_is_made_again(
    vertex: VertexEmbedding, right: Callable[..., bool], method: str, spec: str, after: bool
) -> None:
    vertex.stand_in.faults.add(method, Fault(drop=True, after=after))
    assert right(vertex.embedder(spec=spec, clock=RealTime()).embed_documents(TEXTS))
    assert vertex.stand_in.counts[method] == (len(TEXTS) if spec else 1) + 1


def test_a_slow_answer_is_asked_for_again(vertex: VertexEmbedding, right: Callable[..., bool]) -> None:
    vertex.embedder().embed_documents(TEXTS)
    vertex.stand_in.faults.add("Predict", Fault(seconds=30.0))
    assert right(vertex.embedder(remote_seconds=2.0).embed_documents(TEXTS))
    assert vertex.stand_in.counts["Predict"] == 3


def test_an_outage_ends_in_time_and_may_be_tried_again(vertex: VertexEmbedding) -> None:
    vertex.stand_in.faults.add("Predict", PASSING["503"], times=1000)
    time = SkippedTime()
    error = error_of(vertex.embedder(clock=time))
    assert (type(error), error.reason) == (Retryable, "VERTEX_UNAVAILABLE")
    assert time.now() <= RETRY_SECONDS


@pytest.mark.parametrize(("retry_after", "wait"), [(7.0, 7.0), (None, 5.0)])
def test_a_429_defers_the_texts_until_the_server_or_the_limiter_lets_them(
    vertex: VertexEmbedding, right: Callable[..., bool], retry_after: float | None, wait: float
) -> None:
    vertex.stand_in.faults.add("Predict", Fault(code=StatusCode.RESOURCE_EXHAUSTED, retry_after=retry_after))
    time = SkippedTime()
    embedder = vertex.embedder(clock=time)
    error = error_of(embedder)
    assert isinstance(error, Deferred)
    assert (error.reason, error.wait_seconds, time.waits) == ("QUOTA", wait, [])
    assert isinstance(error_of(embedder), Deferred)
    assert vertex.stand_in.counts["Predict"] == 1, "nothing is sent before its time"
    time.sleep(wait)
    assert right(embedder.embed_documents(TEXTS))


def test_a_429_between_two_requests_is_waited_for_so_that_nothing_is_embedded_twice(
    vertex: VertexEmbedding, right: Callable[..., bool]
) -> None:
    vertex.stand_in.faults.add("Predict", Fault())
    vertex.stand_in.faults.add("Predict", Fault(code=StatusCode.RESOURCE_EXHAUSTED, retry_after=7.0))
    time = SkippedTime()
    assert right(vertex.embedder(spec='{"request_texts": 1}', clock=time).embed_documents(TEXTS))
    assert (vertex.stand_in.counts["Predict"], sum(time.waits)) == (len(TEXTS) + 1, 7.0)


def test_a_request_for_too_much_is_halved_until_each_half_fits(
    vertex: VertexEmbedding, right: Callable[..., bool]
) -> None:
    # 5 texts; 2 and 3; 1 and 1 and 3; 1 and 1 and 1 and 2.
    vertex.stand_in.faults.add("Predict", TOO_LARGE, times=2)
    vertex.stand_in.faults.add("Predict", Fault(), times=2)
    vertex.stand_in.faults.add("Predict", TOO_LARGE)
    assert right(vertex.embedder().embed_documents(TEXTS))
    assert vertex.stand_in.counts["Predict"] == 7


def test_a_single_text_over_the_limit_is_refused_for_good_and_named(vertex: VertexEmbedding) -> None:
    with pytest.raises(Permanent) as caught:
        vertex.embedder().embed_documents([*TEXTS, "the " * 2049, *TEXTS])
    assert (caught.value.reason, caught.value.retryable) == ("TEXT_TOO_LONG", False)
    assert "Text 5 has about 2049 tokens, and text-embedding-005 takes 2048" in caught.value.message


def test_a_text_refused_for_another_reason_is_not_called_long(vertex: VertexEmbedding) -> None:
    vertex.stand_in.faults.add("Predict", TOO_LARGE)
    with pytest.raises(Permanent) as caught:
        vertex.embedder().embed_documents(["x"])
    assert (caught.value.reason, caught.value.retryable) == ("TEXT_REFUSED", True)
    assert "INVALID_ARGUMENT, as it was asked for" in caught.value.message


def test_an_underestimated_request_fits_once_it_is_halved(local: MiniLmEmbedder) -> None:
    texts = [f"{word} " * 40 for word in ("cat", "bank", "page", "tree")]
    settings = VertexSettings(tokens_per_request=100)
    with running_embedding(local, settings) as vertex:
        vectors = vertex.embedder().embed_documents(texts)
        assert vertex.stand_in.statuses == {("Predict", "INVALID_ARGUMENT"): 1, ("Predict", "OK"): 2}
        assert np.allclose(vectors, [vertex.embedder().embed_documents([text])[0] for text in texts], atol=1e-5)


def test_more_texts_than_the_model_takes_reach_it_one_by_one(
    vertex: VertexEmbedding, right: Callable[..., bool]
) -> None:
    embedder = vertex.embedder("gemini-embedding-001", '{"request_texts": 8}')
    assert right(embedder.embed_documents(TEXTS))
    assert vertex.stand_in.counts["Predict"] == 4 + len(TEXTS), "5, 2, 3 and 2 texts are refused"


def no_vector_at_all(reply: Proto) -> None:
    del reply.predictions[:]


def an_empty_first_vector(reply: Proto) -> None:
    reply.predictions[0].struct_value.fields["embeddings"].struct_value.CopyFrom(Struct())


def zeros_first(reply: Proto) -> None:
    for value in reply.predictions[0].struct_value.fields["embeddings"].struct_value.fields["values"].list_value.values:
        value.number_value = 0.0


def no_number_first(reply: Proto) -> None:
    values = reply.predictions[0].struct_value.fields["embeddings"].struct_value.fields["values"].list_value.values
    values[0].number_value = float("nan")


@pytest.mark.parametrize(
    ("alteration", "reason"),
    [
        (a_vector_fewer, "VECTORS_MISSING"),
        (no_vector_at_all, "VECTORS_MISSING"),
        (an_empty_first_vector, "VECTORS_UNUSABLE"),
        (zeros_first, "VECTORS_UNUSABLE"),
        (no_number_first, "VECTORS_UNUSABLE"),
    ],
)
def test_without_a_usable_vector_for_each_text_none_is_given_and_a_repetition_may_help(
    vertex: VertexEmbedding, right: Callable[..., bool], alteration: Callable[[Proto], None], reason: str
) -> None:
    vertex.stand_in.faults.add("Predict", Fault(reply=alteration))
    error = error_of(vertex.embedder())
    assert (type(error), error.reason) == (Retryable, reason)
    assert right(vertex.embedder().embed_documents(TEXTS))


def one_dimension_less(reply: Proto) -> None:
    del reply.embedding.values[-1]


def no_embedding(reply: Proto) -> None:
    reply.ClearField("embedding")


@pytest.mark.parametrize(
    ("alteration", "reason"), [(no_embedding, "VECTORS_MISSING"), (one_dimension_less, "VECTORS_UNUSABLE")]
)
def test_the_other_route_checks_its_vector_alike(
    vertex: VertexEmbedding, alteration: Callable[[Proto], None], reason: str
) -> None:
    vertex.stand_in.faults.add("EmbedContent", Fault())
    vertex.stand_in.faults.add("EmbedContent", Fault(reply=alteration))
    assert error_of(vertex.embedder(spec=CONTENT_ROUTE)).reason == reason


@pytest.mark.parametrize("code", [StatusCode.PERMISSION_DENIED, StatusCode.NOT_FOUND])
def test_what_only_a_setting_can_mend_names_it(vertex: VertexEmbedding, code: StatusCode) -> None:
    vertex.stand_in.faults.add("Predict", Fault(code=code))
    assert "AI_INFRA_EMBEDDING_MODEL" in configuration_error(vertex.embedder())
    assert "AI_INFRA_GOOGLE_PROJECT" in configuration_error(vertex.embedder(project="another"))


def configuration_error(embedder: Embedder) -> str:
    error = error_of(embedder)
    assert isinstance(error, ConfigurationError)
    return error.message


def test_slow_requests_one_after_another_end_before_the_function_does(vertex: VertexEmbedding) -> None:
    time = SkippedTime()
    for _ in TEXTS[:-1]:
        vertex.stand_in.faults.add("Predict", Fault())
        vertex.stand_in.faults.add("Predict", Fault(code=StatusCode.RESOURCE_EXHAUSTED, retry_after=19.0))
    embedder = vertex.embedder(spec='{"request_texts": 1}', clock=time, batch_seconds=40.0)
    error = error_of(embedder)
    assert (type(error), error.reason) == (Retryable, "EMBEDDING_SLOW")
    assert "4 of 5 texts" in error.message
    assert "AI_INFRA_EMBED_TOKENS_PER_MINUTE" in error.message
    assert 40.0 < time.now() < 40.0 + RETRY_SECONDS


def test_the_tokens_that_the_answer_states_are_what_counts_and_what_is_logged(
    vertex: VertexEmbedding, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "common")
    time = SkippedTime()
    long = "understanding " * 20  # 80 tokens by estimate, 20 by the model's count
    embedder = vertex.embedder(clock=time, tokens_per_minute=100)
    embedder.embed_documents([long])
    embedder.embed_documents([long])
    assert time.waits == []
    assert recorded(caplog) == [{"model": "text-embedding-005", "texts": 1, "tokens": 20}] * 2
    with pytest.raises(Deferred):
        embedder.embed_documents([long])


def test_a_request_holds_a_small_part_of_a_minutes_tokens(vertex: VertexEmbedding) -> None:
    texts = ["cat " * 10] * 16
    time = SkippedTime()
    vertex.embedder(clock=time, tokens_per_minute=160, retry_seconds=90.0).embed_documents(texts)
    assert vertex.stand_in.counts["Predict"] == 8
    assert time.waits == []


def test_a_backlog_fills_every_minute(vertex: VertexEmbedding) -> None:
    texts = ["cat " * 10] * 48
    time = SkippedTime()
    vertex.embedder(clock=time, tokens_per_minute=160, retry_seconds=90.0).embed_documents(texts)
    assert vertex.stand_in.counts["Predict"] == 24
    assert 2 * 61 <= time.now() < 2 * 61 + 1


def test_both_routes_say_what_the_vector_is_for_and_forbid_cutting(vertex: VertexEmbedding) -> None:
    asked: list[tuple[object, ...]] = []

    def note(request: Proto) -> None:
        (instance,), parameters = request.instances, request.parameters.struct_value
        asked.append(
            (instance.struct_value["task_type"], parameters["autoTruncate"], parameters["outputDimensionality"])
        )

    def note_content(request: Proto) -> None:
        config = request.embed_content_config
        task = type(config).DESCRIPTOR.fields_by_name["task_type"].enum_type.values_by_number[config.task_type].name
        asked.append((task, config.auto_truncate, config.output_dimensionality))

    vertex.stand_in.faults.add("Predict", Fault(request=note), times=2)
    vertex.stand_in.faults.add("EmbedContent", Fault(request=note_content), times=2)
    for spec in ("", CONTENT_ROUTE):
        embedder = vertex.embedder(spec=spec)
        embedder.embed_documents(["x"])
        embedder.embed_question("x")
    assert asked == [("RETRIEVAL_DOCUMENT", False, 768), ("RETRIEVAL_QUERY", False, 768)] * 2
