"""The embedding models: MiniLM's vectors at the length asked for, within the documented limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from google.cloud.aiplatform_v1 import types
from google.protobuf import json_format
from numpy.typing import NDArray

from common.ports import Embedder, Tokenizer
from local.vertex.protocol import Proto, not_found, require
from local.vertex.quota import Quota
from local.vertex.settings import Settings

PredictReply = types.PredictResponse.pb()
EmbedReply = types.EmbedContentResponse.pb()

_TASKS = types.EmbedContentRequest.EmbeddingTaskType.__members__
_DIMENSIONS = {"gemini-embedding-001": 3072, "text-embedding-005": 768}
_SHORTENED_LENGTH = 0.7
"""Vectors shorter than the model's own are not normalised: that is left to the caller, here as there."""


class _Options(NamedTuple):
    """What holds for a whole request."""

    dimensions: int
    own_dimensions: int
    most_texts: int
    truncate: bool


class _Text(NamedTuple):
    """A text as far as it is embedded."""

    text: str
    tokens: int
    truncated: bool


class Embeddings:
    """`Predict` with as many texts as a request may have, `EmbedContent` with one."""

    def __init__(self, settings: Settings, embedder: Embedder, tokenizer: Tokenizer) -> None:
        self._settings, self._embedder, self._tokenizer = settings, embedder, tokenizer
        self._quota = Quota(
            settings.embed_requests_per_minute, settings.embed_tokens_per_minute, settings.minute_seconds
        )

    def predict(self, request: Proto) -> Proto:
        parameters = json_format.MessageToDict(request.parameters) or {}
        instances = [json_format.MessageToDict(instance) for instance in request.instances]
        options = self._options(
            request.endpoint, parameters.get("outputDimensionality", 0), parameters.get("autoTruncate", True)
        )
        for instance in instances:
            _check_task(instance.get("task_type", ""), instance.get("title", ""))
        texts = self._accepted([instance.get("content", "") for instance in instances], options)
        reply = PredictReply()
        for text in texts:
            statistics = {"token_count": text.tokens, "truncated": text.truncated}
            embeddings = {"values": self._vector(text.text, options).tolist(), "statistics": statistics}
            json_format.ParseDict({"embeddings": embeddings}, reply.predictions.add())
        characters = sum(len("".join(text.text.split())) for text in texts)
        json_format.ParseDict({"billableCharacterCount": characters}, reply.metadata)
        return reply

    def embed_content(self, request: Proto) -> Proto:
        """The parts of the content are one text with one vector."""
        config = request.embed_content_config if request.HasField("embed_content_config") else request
        truncate = config.auto_truncate if config.HasField("auto_truncate") else True
        options = self._options(request.model, config.output_dimensionality, truncate)
        task = types.EmbedContentRequest.EmbeddingTaskType(config.task_type).name
        _check_task("" if task == "UNSPECIFIED" else task, config.title)
        (text,) = self._accepted(["\n".join(part.text for part in request.content.parts)], options)
        reply = EmbedReply(truncated=text.truncated)
        reply.embedding.values.extend(self._vector(text.text, options).tolist())
        reply.usage_metadata.prompt_token_count = reply.usage_metadata.total_token_count = text.tokens
        return reply

    def _options(self, name: str, dimensions: float, truncate: bool) -> _Options:
        model = self._settings.model(name)
        if model not in _DIMENSIONS:
            raise not_found(f"Publisher Model `{name}`")
        own = _DIMENSIONS[model]
        require(0 <= dimensions <= own, f"outputDimensionality of {model} must be between 1 and {own}.")
        return _Options(int(dimensions) or own, own, self._settings.most_texts(model), truncate)

    def _accepted(self, texts: Sequence[str], options: _Options) -> list[_Text]:
        """The texts within the limits, counted against the quota."""
        limit = options.most_texts
        require(bool(texts), "instances must not be empty.")
        require(len(texts) <= limit, f"{len(texts)} instance(s) is too many: at most {limit} are allowed per request.")
        accepted = [self._text(text, options) for text in texts]
        tokens, limit = sum(text.tokens for text in accepted), self._settings.tokens_per_request
        require(tokens <= limit, f"The input token count is {tokens} but the model supports up to {limit}.")
        self._quota.take(tokens)
        return accepted

    def _text(self, text: str, options: _Options) -> _Text:
        require(bool(text), "The text content is empty.")
        starts, limit = self._tokenizer.token_starts(text), self._settings.tokens_per_text
        if len(starts) <= limit:
            return _Text(text, len(starts), truncated=False)
        require(options.truncate, f"A text has {len(starts)} tokens but the model supports up to {limit}.")
        return _Text(text[: starts[limit]], limit, truncated=True)

    def _vector(self, text: str, options: _Options) -> NDArray[np.float64]:
        """The mean of the local model's vectors of the text's pieces, cut or filled up with zeros."""
        starts, step = self._tokenizer.token_starts(text), self._tokenizer.max_tokens
        bounds = [*starts[::step][1:], len(text)]
        pieces = [text[start:end] for start, end in zip([0, *bounds[:-1]], bounds, strict=True)]
        mean = np.mean([self._embedder.embed_question(piece) for piece in pieces], axis=0)[: options.dimensions]
        vector = np.zeros(options.dimensions)
        vector[: len(mean)] = mean / np.linalg.norm(mean)
        return vector if options.dimensions == options.own_dimensions else vector * _SHORTENED_LENGTH


def _check_task(task: str, title: str) -> None:
    require(not task or task in _TASKS, f"Unknown task_type {task}.")
    require(not title or task == "RETRIEVAL_DOCUMENT", "title is valid with task_type RETRIEVAL_DOCUMENT only.")
