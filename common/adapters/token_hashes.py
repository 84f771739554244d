"""An embedder for checks of files and of the pipeline: texts as counts of their hashed tokens, which takes no model.

It tells same words from others and knows no meanings: nobody should be answered from its vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.adapters.minilm import MiniLmInputs
from common.model.chunks import Vector

MODEL = "token-hashes"
DIMENSIONS = 64
"""None of the lengths that the vector index keeps a graph for: that took more of Postgres' time than all else."""
# Knuth's multiplicative hash (The Art of Computer Programming, 6.4): neighbouring ids come to stand apart.
_MULTIPLIER = np.uint32(2654435761)


class TokenHashEmbedder:
    """`Embedder` of 64 dimensions, L2-normalised, by MiniLM's tokens and with its limit. Threads may share one.

    The hashing trick (Weinberger et al., 2009), without signs: no text comes to nothing.
    """

    def __init__(self) -> None:
        self._inputs = MiniLmInputs()

    @property
    def model(self) -> str:
        """`token-hashes`."""
        return MODEL

    @property
    def dimensions(self) -> int:
        """64."""
        return DIMENSIONS

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One vector for each text, in order; a text over 254 tokens is `Permanent` (TEXT_TOO_LONG)."""
        return [_counted(ids) for ids in self._inputs.of_documents(texts, MODEL)]

    def embed_question(self, question: str) -> Vector:
        """The question's vector; one over 254 tokens is embedded by its first 254."""
        return _counted(self._inputs.of_question(question))


def _counted(ids: list[int]) -> Vector:
    """How many tokens fall into each place, scaled to length 1; those of [CLS] and [SEP] are always there."""
    places = (np.array(ids, dtype=np.uint32) * _MULTIPLIER) % np.uint32(DIMENSIONS)
    counts = np.bincount(places, minlength=DIMENSIONS)
    vector: Vector = (counts / np.linalg.norm(counts)).tolist()
    return vector
