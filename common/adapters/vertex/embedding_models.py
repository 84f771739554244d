"""What is known of the embedding models on Vertex AI: the call that reaches them, and how much one request holds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec

from common.errors import ConfigurationError

type Positive = Annotated[int, msgspec.Meta(gt=0)]


class Route(StrEnum):
    """The method of Vertex AI's prediction service that embeds."""

    PREDICT = "predict"
    EMBED_CONTENT = "embed_content"


class EmbeddingModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model and its limits. An empty task type is not sent."""

    name: str
    route: Route
    dimensions: Positive
    text_tokens: Positive
    request_texts: Positive = 1
    request_tokens: Positive = 20_000
    document_task: str = ""
    question_task: str = ""

    def __post_init__(self) -> None:
        if self.route is Route.EMBED_CONTENT and self.request_texts != 1:
            raise ValueError("route embed_content makes one vector of all texts of a request: request_texts must be 1")


_RETRIEVAL = {"document_task": "RETRIEVAL_DOCUMENT", "question_task": "RETRIEVAL_QUERY"}
_PREDICTED: dict[str, Any] = {"route": "predict", "text_tokens": 2048, **_RETRIEVAL}
_KNOWN: dict[str, dict[str, Any]] = {
    # Google states one text a request. Of its 3,072 dimensions the first 768 keep the index small.
    "gemini-embedding-001": {**_PREDICTED, "dimensions": 768, "request_texts": 1},
    "text-embedding-005": {**_PREDICTED, "dimensions": 768, "request_texts": 250},
}


def embedding_model(name: str, spec: str = "") -> EmbeddingModel:
    """The model of this name; `spec` is JSON of what differs from what is known of it, or all of it for another model.

    `ConfigurationError` naming the setting where that is not enough, or wrong.
    """
    try:
        stated = msgspec.json.decode(spec, type=dict[str, Any]) if spec else {}
        return msgspec.convert({**_KNOWN.get(name, {}), **stated, "name": name}, EmbeddingModel)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"AI_INFRA_EMBEDDING_MODEL is {name}, known are {', '.join(_KNOWN)}: AI_INFRA_EMBEDDING_MODEL_SPEC must"
            f" state what differs or is not known of it, as JSON ({error})."
        ) from None
