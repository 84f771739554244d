"""How texts are packed into requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def packed(sizes: Sequence[int], *, most_texts: int, most_tokens: float) -> Iterator[range]:
    """The positions of each request's texts, in order, each request as full as both limits allow.

    `sizes` are the texts' tokens. A text of more than `most_tokens` has a request of its own.
    """
    start, tokens = 0, 0
    for position, size in enumerate(sizes):
        if position > start and (position - start == most_texts or tokens + size > most_tokens):
            yield range(start, position)
            start, tokens = position, 0
        tokens += size
    if start < len(sizes):
        yield range(start, len(sizes))
