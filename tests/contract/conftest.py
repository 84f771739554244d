"""What the ports' suites share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from common.adapters.minilm import MiniLmEmbedder, MiniLmTokenizer
from common.adapters.token_hashes import TokenHashEmbedder
from common.adapters.vertex.embedder import VertexEmbedder
from common.token_estimate import EstimatingTokenizer
from tests.conftest import TestDatabase
from tests.rows import Installation, installed
from tests.vertex_embedding import VertexEmbedding, running_embedding


@pytest.fixture(scope="module")
def installation(database: TestDatabase) -> Iterator[Installation]:
    with installed(database) as installation:
        yield installation


@pytest.fixture(scope="session")
def minilm_tokenizer() -> MiniLmTokenizer:
    return MiniLmTokenizer()


@pytest.fixture(scope="session")
def minilm_embedder() -> MiniLmEmbedder:
    return MiniLmEmbedder()


@pytest.fixture(scope="session")
def hashes_embedder() -> TokenHashEmbedder:
    return TokenHashEmbedder()


@pytest.fixture(scope="session")
def vertex_tokenizer() -> EstimatingTokenizer:
    return EstimatingTokenizer(2048)


@pytest.fixture(scope="session")
def vertex_embedding(minilm_embedder: MiniLmEmbedder) -> Iterator[VertexEmbedding]:
    with running_embedding(minilm_embedder) as vertex:
        yield vertex


@pytest.fixture(scope="session")
def vertex_embedder(vertex_embedding: VertexEmbedding) -> VertexEmbedder:
    return vertex_embedding.embedder("text-embedding-005")


@pytest.fixture(scope="session")
def vertex_singly_embedder(vertex_embedding: VertexEmbedding) -> VertexEmbedder:
    """One text a request, and of its vectors only the beginning."""
    return vertex_embedding.embedder("gemini-embedding-001")


@pytest.fixture(scope="session")
def vertex_content_embedder(vertex_embedding: VertexEmbedding) -> VertexEmbedder:
    """By the other route."""
    return vertex_embedding.embedder("gemini-embedding-001", '{"route": "embed_content"}')
