"""Embeddings by a model on Vertex AI."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from google.api_core.exceptions import InvalidArgument
from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

from common.adapters.vertex.calls import Calls
from common.adapters.vertex.embedding_batches import packed
from common.adapters.vertex.embedding_models import EmbeddingModel
from common.adapters.vertex.embedding_requests import Answer, EmbeddingRequests
from common.adapters.vertex.refusals import said
from common.errors import Permanent, Retryable
from common.model.chunks import Vector
from common.token_estimate import EstimatingTokenizer

log = logging.getLogger(__name__)

# Of a minute's tokens: the last request that would fit a minute fills it well if none is large.
_REQUEST_SHARE = 1 / 8
_BLANK = "."  # in place of a text without a word, which Vertex AI refuses


class _Text(NamedTuple):
    position: int
    content: str
    tokens: int


class VertexEmbedder:
    """`Embedder`. Texts are packed into requests by estimated tokens; a request refused as invalid is halved.

    Vertex AI is told to refuse what it would cut. Threads may share one.
    """

    def __init__(
        self,
        client: PredictionServiceClient,
        model: EmbeddingModel,
        calls: Calls,
        *,
        project: str,
        region: str,
        batch_seconds: float = 300.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """After `batch_seconds` no further request is begun for the same texts: a function's own time is limited."""
        name = f"projects/{project}/locations/{region}/publishers/google/models/{model.name}"
        self._model = model
        self._requests = EmbeddingRequests(client, model, name)
        self._calls = calls
        self._tokenizer = EstimatingTokenizer(model.text_tokens)
        self._batch_seconds = batch_seconds
        self._now = now

    @property
    def model(self) -> str:
        """The name that Vertex AI knows it by."""
        return self._model.name

    @property
    def dimensions(self) -> int:
        """As many as every request asks for."""
        return self._model.dimensions

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order; a text that the model refuses is `Permanent`."""
        return self._embed(texts, self._model.document_task)

    def embed_question(self, question: str) -> Vector:
        """The question's vector; of one over the limit, as far as it is estimated to fit."""
        return self._embed([self._tokenizer.beginning(question)], self._model.question_task)[0]

    def _embed(self, contents: Sequence[str], task: str) -> list[Vector]:
        texts = [
            _Text(position, content if content.strip() else _BLANK, len(self._tokenizer.token_starts(content)))
            for position, content in enumerate(contents)
        ]
        ends_at = self._now() + self._batch_seconds
        waiting = deque(self._batches(texts))
        vectors: list[Vector] = []
        tokens = 0
        while waiting:
            if self._now() > ends_at:
                raise Retryable(
                    "EMBEDDING_SLOW",
                    f"{self.model} embedded {len(vectors)} of {len(texts)} texts within {self._batch_seconds:g} s:"
                    " raise AI_INFRA_EMBED_TOKENS_PER_MINUTE, or lower AI_INFRA_MAX_INSTANCES or AI_INFRA_BATCH_SIZE.",
                )
            batch = waiting.popleft()
            try:
                # What was embedded before would have to be again: it is worth waiting for the quota.
                answer = self._ask(batch, task, patient=bool(vectors))
            except InvalidArgument as refusal:
                waiting.extendleft(reversed(self._halves(batch, refusal)))
            else:
                vectors += self._normalised(answer.vectors, len(batch))
                tokens += answer.tokens or 0
        log.info("Embedded", extra={"event": "embedded", "model": self.model, "texts": len(texts), "tokens": tokens})
        return vectors

    def _batches(self, texts: Sequence[_Text]) -> list[Sequence[_Text]]:
        most_tokens = min(self._model.request_tokens, _REQUEST_SHARE * self._calls.quota.tokens_per_minute)
        sizes = [text.tokens for text in texts]
        ranges = packed(sizes, most_texts=self._model.request_texts, most_tokens=most_tokens)
        return [texts[each.start : each.stop] for each in ranges]

    def _halves(self, texts: Sequence[_Text], refusal: InvalidArgument) -> tuple[Sequence[_Text], Sequence[_Text]]:
        """Two requests in place of the one that was refused; `Permanent` if it was for a single text."""
        if len(texts) == 1:
            raise self._refused(texts[0], said(refusal)) from refusal
        middle = len(texts) // 2
        return texts[:middle], texts[middle:]

    def _ask(self, texts: Sequence[_Text], task: str, *, patient: bool) -> Answer:
        contents = [text.content for text in texts]
        return self._calls.call(
            f"embedding with {self.model}",
            lambda timeout: self._requests.send(contents, task, timeout),
            sum(text.tokens for text in texts),
            settings=("embedding_model",),
            used=lambda answer: answer.tokens,
            patient=patient,
        )

    def _normalised(self, vectors: Sequence[Vector], texts: int) -> list[Vector]:
        """The vectors at length 1; `Retryable` unless each text has one that can be used."""
        if len(vectors) != texts:
            raise Retryable("VECTORS_MISSING", f"{self.model} answered {texts} texts with {len(vectors)} vectors.")
        if any(len(vector) != self.dimensions for vector in vectors):
            raise Retryable("VECTORS_UNUSABLE", f"{self.model} answered with vectors of other than {self.dimensions}.")
        found = np.array(vectors, dtype=np.float32)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths) & (lengths > 0)):
            raise Retryable("VECTORS_UNUSABLE", f"{self.model} answered with a vector that has no direction.")
        return list(found / lengths)

    def _refused(self, text: _Text, words: str) -> Permanent:
        place = f"Text {text.position} has about {text.tokens} tokens, and {self.model}"
        if "token" in words:
            limit = self._model.text_tokens
            return Permanent("TEXT_TOO_LONG", f"{place} takes {limit}: lower the chunk size. Vertex AI said: {words}.")
        return Permanent("TEXT_REFUSED", f"{place} refused it: {words}.", retryable=True)
