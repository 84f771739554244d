"""What the ports' suites share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from common.adapters.minilm import MiniLmEmbedder, MiniLmTokenizer
from tests.conftest import TestDatabase
from tests.rows import Installation, installed


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
