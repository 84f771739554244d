"""Profile `gcp`: Vertex AI, Firestore and Cloud SQL.

Clients are made when a part is first called, never at import: the web server forks afterwards, and gRPC does not
survive that.
"""
# ruff: noqa: PLC0415 - each adapter is imported where it is first asked for

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from common.cloud_settings import CloudSettings
from common.config import Ocr, Settings, VectorIndexKind
from common.quota import Quota

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from common.adapters.vertex.calls import Calls
    from common.adapters.vertex.embedding_models import EmbeddingModel
    from common.ports import ChunkTexts, Embedder, Generator, PageReader, Tokenizer, VectorIndex


class CloudParts:
    """See `common.bootstrap.Parts`."""

    def __init__(self, settings: Settings, cloud: CloudSettings) -> None:
        self._settings = settings
        self._cloud = cloud

    @cached_property
    def engine(self) -> Engine:
        from common.adapters.cloud_sql import connect

        return connect(self._cloud, concurrency=self._settings.concurrency)

    @cached_property
    def _model(self) -> EmbeddingModel:
        from common.adapters.vertex.embedding_models import embedding_model

        return embedding_model(self._settings.embedding_model, self._cloud.embedding_model_spec)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        from common.token_estimate import EstimatingTokenizer

        return EstimatingTokenizer(self._model.text_tokens)

    @cached_property
    def embedder(self) -> Embedder:
        from common.adapters.vertex.clients import prediction_client
        from common.adapters.vertex.embedder import VertexEmbedder

        quota = self._quota(self._cloud.embed_requests_per_minute, self._cloud.embed_tokens_per_minute)
        return VertexEmbedder(
            prediction_client(self._cloud),
            self._model,
            self._calls(quota),
            project=self._settings.google_project,
            region=self._cloud.region,
        )

    @cached_property
    def index(self) -> VectorIndex:
        if self._settings.vector_index is VectorIndexKind.PGVECTOR:
            from common.adapters.postgres.vectors import PgVectorIndex

            return PgVectorIndex(self.engine)
        self._cloud.check_vector_index()
        from common.adapters.vertex.clients import index_client, match_client
        from common.adapters.vertex.index import VertexVectorIndex

        return VertexVectorIndex(
            index_client(self._cloud),
            match_client(self._cloud),
            self._calls(None),
            index_name=self._cloud.vector_index_name,
            endpoint_name=self._cloud.vector_index_endpoint,
            deployed_index=self._cloud.deployed_index,
            model=self._settings.embedding_model,
        )

    @cached_property
    def texts(self) -> ChunkTexts:
        from common.adapters.firestore_texts import FirestoreChunkTexts, firestore_client

        return FirestoreChunkTexts(
            firestore_client(self._settings.google_project, self._cloud.firestore_database),
            remote_seconds=self._cloud.remote_seconds,
            retry_seconds=self._cloud.retry_seconds,
        )

    @cached_property
    def generator(self) -> Generator:
        from common.adapters.vertex.clients import prediction_client
        from common.adapters.vertex.generator import GeminiGenerator

        quota = self._quota(self._cloud.generate_requests_per_minute, self._cloud.generate_tokens_per_minute)
        return GeminiGenerator(
            prediction_client(self._cloud),
            self._cloud.generation_model,
            self._calls(quota, retry_seconds=min(self._cloud.retry_seconds, self._settings.question_seconds)),
            project=self._settings.google_project,
            region=self._cloud.region,
            thinking_tokens=self._cloud.thinking_tokens,
            answer_tokens=self._cloud.answer_tokens,
        )

    @cached_property
    def page_reader(self) -> PageReader | None:
        if self._settings.ocr is not Ocr.DOCUMENT_AI:
            return None
        location = self._cloud.document_ai_location()
        import requests

        from common.adapters.document_ai import DocumentAiPageReader, google_session

        stand_in = self._cloud.document_ai_endpoint
        return DocumentAiPageReader(
            requests.Session if stand_in else google_session,
            self._calls(None),
            endpoint=stand_in or f"https://{location}-documentai.googleapis.com",
            processor=self._cloud.document_ai_processor,
        )

    def _quota(self, requests: int, tokens: int) -> Quota:
        return Quota(requests_per_minute=requests, tokens_per_minute=tokens, max_instances=self._cloud.max_instances)

    def _calls(self, quota: Quota | None, *, retry_seconds: float | None = None) -> Calls:
        from common.adapters.clock import SystemClock
        from common.adapters.vertex.calls import Calls

        return Calls(quota, self._cloud.remote_seconds, retry_seconds or self._cloud.retry_seconds, SystemClock())
