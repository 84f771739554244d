"""What the stand-in for Vertex AI promises of its models, asked by the real clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from google.api_core.exceptions import (
    GoogleAPICallError,
    InvalidArgument,
    MethodNotImplemented,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)
from google.cloud.aiplatform_v1 import (
    Candidate,
    Content,
    EmbedContentRequest,
    Part,
)

from common.adapters.minilm import MiniLmEmbedder
from common.prompting import Reply
from tests.contract.vertex_clients import (
    GEMINI_EMBEDDING,
    MODELS,
    TEXT_EMBEDDING,
    WARRANTY,
    OwnStand,
    Stand,
    asking,
    retry_seconds,
    said,
    standing,
)


@pytest.fixture
def stand(minilm_embedder: MiniLmEmbedder) -> Iterator[OwnStand]:
    with standing(minilm_embedder) as stand:
        yield stand


def test_there_is_a_vector_for_each_text_with_its_token_count(stand: Stand, minilm_embedder: MiniLmEmbedder) -> None:
    texts = ["The battery lasts.", "Clean the display weekly."]
    found = stand.predict(*texts)
    for embeddings, vector in zip(found, minilm_embedder.embed_documents(texts), strict=True):
        assert np.allclose(list(embeddings["values"]), [*vector, *[0.0] * 384], atol=1e-6)
    assert [embeddings["statistics"]["token_count"] for embeddings in found] == [4, 5]


@pytest.mark.parametrize("dimensions", [100, 384, 768, 3072])
def test_a_vector_has_the_length_asked_for_and_is_normalised_at_the_model_s_own_alone(
    stand: Stand, dimensions: int
) -> None:
    (embeddings,) = stand.predict("A text.", model=GEMINI_EMBEDDING, outputDimensionality=dimensions)
    vector = list(embeddings["values"])
    assert len(vector) == dimensions
    assert np.linalg.norm(vector) == pytest.approx(1.0 if dimensions == 3072 else 0.7)


def test_embed_content_makes_one_vector_of_all_its_parts(stand: Stand) -> None:
    (embeddings,) = stand.predict("One.\nTwo.", model=GEMINI_EMBEDDING, outputDimensionality=768)
    request = EmbedContentRequest(
        model=GEMINI_EMBEDDING,
        content=Content(parts=[Part(text="One."), Part(text="Two.")]),
        embed_content_config={"task_type": "RETRIEVAL_DOCUMENT", "output_dimensionality": 768},
    )
    reply = stand.clients.prediction.embed_content(request, timeout=30)
    assert np.allclose(list(reply.embedding.values), list(embeddings["values"]), atol=1e-6)
    assert reply.usage_metadata.prompt_token_count == 4


def test_all_of_a_long_text_counts(stand: Stand) -> None:
    beginning = "The battery lasts eleven hours. " * 60
    (one,), (other,) = stand.predict(beginning + "Cats sleep."), stand.predict(beginning + "Clean the display weekly.")
    assert one["statistics"]["token_count"] > 254
    assert not np.allclose(list(one["values"]), list(other["values"]), atol=1e-3)


@pytest.mark.parametrize(
    ("texts", "parameters", "sentence"),
    [
        (["a"] * 251, {}, "251 instance"),
        (["word " * 2000] * 11, {}, "token count is 22000 but the model supports up to 20000"),
        (["word " * 2049], {"autoTruncate": False}, "2049 tokens but the model supports up to 2048"),
        (["one", ""], {}, "empty"),
        ([], {}, "must not be empty"),
        (["a"], {"outputDimensionality": 769}, "between 1 and 768"),
    ],
)
def test_what_is_over_a_documented_limit_is_refused(
    stand: Stand, texts: list[str], parameters: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidArgument, match=sentence):
        stand.predict(*texts, **parameters)


def test_gemini_embedding_takes_one_text_a_request_unless_it_is_told_otherwise(
    stand: Stand, minilm_embedder: MiniLmEmbedder
) -> None:
    with pytest.raises(InvalidArgument, match="2 instance"):
        stand.predict("one", "two", model=GEMINI_EMBEDDING)
    with standing(minilm_embedder, gemini_texts_per_request=2) as other:
        assert len(other.predict("one", "two", model=GEMINI_EMBEDDING)) == 2
        with pytest.raises(InvalidArgument, match="3 instance"):
            other.predict("one", "two", "three", model=GEMINI_EMBEDDING)


def test_a_long_text_is_truncated_unless_that_is_forbidden(stand: Stand) -> None:
    (embeddings,) = stand.predict("word " * 2049)
    assert embeddings["statistics"]["truncated"]
    assert embeddings["statistics"]["token_count"] == 2048


def test_a_title_is_for_documents_alone(stand: Stand) -> None:
    instance: Any = {"content": "a", "title": "b", "task_type": "RETRIEVAL_QUERY"}
    with pytest.raises(InvalidArgument, match="title"):
        stand.clients.prediction.predict(endpoint=TEXT_EMBEDDING, instances=[instance], timeout=30)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (f"{MODELS}/text-embedding-000", NotFound),
        (TEXT_EMBEDDING.replace("europe-west4", "mars-north1"), NotFound),
        (TEXT_EMBEDDING.replace("projects/local/", "projects/other/"), PermissionDenied),
    ],
)
def test_a_wrong_model_region_or_project_is_refused(stand: Stand, model: str, error: type[GoogleAPICallError]) -> None:
    with pytest.raises(error):
        stand.predict("a", model=model)
    with pytest.raises(error):
        stand.clients.prediction.generate_content(asking(model=model), timeout=30)


def test_an_answer_quotes_the_passages_of_the_prompt(stand: Stand) -> None:
    reply = stand.generate()
    answer = said(reply)
    assert answer.answerable
    assert "two years" in answer.statements[0].text
    for quote in (quote for statement in answer.statements for quote in statement.quotes):
        assert quote.passage == 7
        assert quote.quote in WARRANTY
    assert reply.candidates[0].finish_reason is Candidate.FinishReason.STOP
    usage = reply.usage_metadata
    assert usage.prompt_token_count > usage.candidates_token_count > 0
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count


def test_without_evidence_the_answer_says_so(stand: Stand) -> None:
    assert said(stand.generate("Who won the football world cup in 1954?")) == Reply(answerable=False)


def test_an_answer_longer_than_it_may_be_is_cut(stand: Stand) -> None:
    reply = stand.generate(max_output_tokens=10)
    assert reply.candidates[0].finish_reason is Candidate.FinishReason.MAX_TOKENS
    assert reply.usage_metadata.candidates_token_count == 10
    with pytest.raises(msgspec.DecodeError):
        said(reply)


def test_a_prompt_of_another_hand_is_refused(stand: Stand) -> None:
    request = asking()
    request.contents[0].parts[0].text = "Write a poem."
    with pytest.raises(MethodNotImplemented, match="not a prompt"):
        stand.clients.prediction.generate_content(request, timeout=30)


def test_a_stream_is_the_answer_in_pieces(stand: Stand) -> None:
    whole = stand.generate()
    streamed = list(stand.clients.prediction.stream_generate_content(asking(), timeout=30))
    assert len(streamed) == 4
    texts = [piece.candidates[0].content.parts[0].text for piece in streamed]
    assert "".join(texts) == whole.candidates[0].content.parts[0].text
    assert [bool(piece.candidates[0].finish_reason) for piece in streamed] == [False, False, False, True]
    assert streamed[-1].usage_metadata == whole.usage_metadata


def test_more_than_the_quota_is_refused_with_the_time_to_wait(minilm_embedder: MiniLmEmbedder) -> None:
    with standing(minilm_embedder, embed_tokens_per_minute=5, generate_requests_per_minute=1) as stand:
        stand.predict("one two three")
        with pytest.raises(ResourceExhausted, match="tokens per minute") as refusal:
            stand.predict("one two three")
        assert 55 < retry_seconds(refusal.value) <= 60
        stand.predict("one two")
        stand.generate()
        with pytest.raises(ResourceExhausted, match="requests per minute"):
            stand.generate()
        assert stand.stand_in.statuses["Predict", "RESOURCE_EXHAUSTED"] == 1
        assert stand.stand_in.statuses["Predict", "OK"] == 2
