"""One request to an embedding model on Vertex AI, by either of its routes. Nothing may be truncated there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient
from google.cloud.aiplatform_v1.types.content import Content, Part
from google.cloud.aiplatform_v1.types.prediction_service import EmbedContentRequest, PredictResponse
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

from common.adapters.vertex.embedding_models import EmbeddingModel, Route
from common.model.chunks import Vector


class Answer(NamedTuple):
    """The vectors that came back, and the tokens that the texts had; None where that was not told."""

    vectors: Sequence[Vector]
    tokens: int | None


class EmbeddingRequests:
    """What is asked of one model; `name` is its full name as a publisher's model of a project and region."""

    def __init__(self, client: PredictionServiceClient, model: EmbeddingModel, name: str) -> None:
        self._client = client
        self._model = model
        self._name = name

    def send(self, texts: Sequence[str], task: str, timeout: float) -> Answer:
        """The answer to one request, as it is."""
        if self._model.route is Route.EMBED_CONTENT:
            (text,) = texts
            return self._embed_content(text, task, timeout)
        return self._predict(texts, task, timeout)

    def _predict(self, texts: Sequence[str], task: str, timeout: float) -> Answer:
        common = {"task_type": task} if task else {}
        response = self._client.predict(
            endpoint=self._name,
            instances=[_value({"content": text, **common}) for text in texts],
            parameters=_value({"autoTruncate": False, "outputDimensionality": self._model.dimensions}),
            timeout=timeout,
        )
        # The plain message: wrapped number by number, reading the vectors would take longer than the call.
        embeddings = [
            prediction.struct_value.fields["embeddings"].struct_value.fields
            for prediction in PredictResponse.pb(response).predictions
        ]
        vectors = [[each.number_value for each in fields["values"].list_value.values] for fields in embeddings]
        tokens = sum(fields["statistics"].struct_value.fields["token_count"].number_value for fields in embeddings)
        return Answer(vectors, int(tokens) or None)

    def _embed_content(self, text: str, task: str, timeout: float) -> Answer:
        config = EmbedContentRequest.EmbedContentConfig(
            auto_truncate=False, output_dimensionality=self._model.dimensions
        )
        if task:
            config.task_type = EmbedContentRequest.EmbeddingTaskType.__members__[task]
        content = Content(role="user", parts=[Part(text=text)])
        response = self._client.embed_content(
            EmbedContentRequest(model=self._name, content=content, embed_content_config=config), timeout=timeout
        )
        vectors = [list(response.embedding.values)] if response.embedding.values else []
        return Answer(vectors, response.usage_metadata.prompt_token_count or None)


def _value(content: dict[str, object]) -> Value:
    return ParseDict(content, Value())
