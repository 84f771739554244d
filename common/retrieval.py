"""What happens between a question and its passages: search terms, fusion of rankings, the token budget."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from uuid import UUID

from common.model.questions import Hit

RRF_K = 10
"""The constant of reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009), who fixed it at 60 for long lists
of many systems; for two short ones a smaller one found more (docs/decisions/0005-extractive-answers.md)."""

_QUOTES = str.maketrans("‘’‚‛“”„‟«»´`", "''''\"\"\"\"\"\"''")
_TERM = re.compile(r"[^\W_](?:[\w+#]|[.'/:@-](?=\w))*")
_POSSESSIVE = re.compile(r"'(?:s|re|ve|ll|d|m)?$")
_STOP_WORD_LIST = """
a about above after again against all also am an and any anybody anyone anything are aren't as at be because been
before being below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down
during each either else ever every few for from further get gets getting give given go goes going got had hadn't has
hasn't have haven't having he her here hers him his how however i if in into is isn't it its itself just know let like
make makes many may maybe me might mine more most much must my myself need needs no nor not now of off on once one
ones only or other our ours out over own please possible same shall she should shouldn't so some somebody someone
something still such take tell than that the their theirs them then there these they thing things this those through
to too under until up upon us use used using very want wants was wasn't way we were weren't what what's when where
where's which while who who's whom whose why will with without won't would wouldn't yes yet you your yours
"""
STOP_WORDS = frozenset(_STOP_WORD_LIST.split())
"""Words of questions that say nothing of what is asked for."""


def normalise(text: str) -> str:
    """`text` in NFKC with plain quotation marks, in lower case: the form in which words are compared."""
    return unicodedata.normalize("NFKC", text).translate(_QUOTES).lower()


def terms(text: str) -> list[str]:
    """The words of `text` in order, normalised. Names such as `c++`, `utf-8` and `numpy.dot` stay whole."""
    return [_POSSESSIVE.sub("", term) for term in _TERM.findall(normalise(text))]


def search_terms(question: str) -> tuple[str, ...]:
    """The distinct content words of a question in order, for a lexical search that ranks by how many it finds.

    A question of nothing but stop words is searched by them.
    """
    words = dict.fromkeys(terms(question))
    return tuple(word for word in words if word not in STOP_WORDS) or tuple(words)


def fuse(
    rankings: Sequence[Sequence[Hit]], *, limit: int, k: int = RRF_K, weights: Sequence[float] | None = None
) -> tuple[Hit, ...]:
    """At most `limit` hits by reciprocal rank fusion: the sum over the rankings of weight / (k + rank), rank from 1.

    A hit keeps the first score that a ranking gives it. Ties go to the better best rank, then to the smaller id.
    """
    fused: dict[UUID, float] = {}
    best_rank: dict[UUID, int] = {}
    scores: dict[UUID, float | None] = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for rank, hit in enumerate(ranking, start=1):
            fused[hit.chunk_id] = fused.get(hit.chunk_id, 0.0) + weight / (k + rank)
            best_rank[hit.chunk_id] = min(rank, best_rank.get(hit.chunk_id, rank))
            if scores.get(hit.chunk_id) is None:
                scores[hit.chunk_id] = hit.score
    order = sorted(fused, key=lambda chunk: (-fused[chunk], best_rank[chunk], chunk))
    return tuple(Hit(chunk, scores[chunk]) for chunk in order[:limit])


def within_budget(token_counts: Sequence[int], budget: int) -> int:
    """How many passages, from the first, fit a prompt of `budget` tokens; the rest are dropped for budget.

    The first one always fits: a question with something to answer from is never sent out with nothing.
    """
    used = 0
    for kept, tokens in enumerate(token_counts):
        used += tokens
        if used > budget and kept:
            return kept
    return len(token_counts)
