"""Profile `local`: everything on one machine."""
# ruff: noqa: PLC0415 - each adapter is imported where it is first asked for

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from common.config import CHECK_EMBEDDING_MODEL, Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from common.ports import ChunkTexts, Embedder, Generator, PageReader, Tokenizer, VectorIndex


class LocalParts:
    """See `common.bootstrap.Parts`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def engine(self) -> Engine:
        from common.adapters.postgres.connection import connect

        return connect(self._settings.database_url, concurrency=self._settings.concurrency)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        from common.adapters.minilm import MiniLmTokenizer

        return MiniLmTokenizer()

    @cached_property
    def embedder(self) -> Embedder:
        if self._settings.embedding_model == CHECK_EMBEDDING_MODEL:
            from common.adapters.token_hashes import TokenHashEmbedder

            return TokenHashEmbedder()
        from common.adapters.minilm import MiniLmEmbedder

        return MiniLmEmbedder()

    @cached_property
    def index(self) -> VectorIndex:
        from common.adapters.postgres.vectors import PgVectorIndex

        return PgVectorIndex(self.engine)

    @cached_property
    def texts(self) -> ChunkTexts:
        from common.adapters.postgres.chunk_texts import PostgresChunkTexts

        return PostgresChunkTexts(self.engine)

    @cached_property
    def generator(self) -> Generator:
        from common.adapters.extractive import ExtractiveGenerator

        return ExtractiveGenerator(self.embedder, self.tokenizer)

    @property
    def page_reader(self) -> PageReader | None:
        return None
