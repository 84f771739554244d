"""Search terms, fused rankings and the token budget."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.model.questions import Hit
from common.retrieval import STOP_WORDS, fuse, normalise, search_terms, terms, within_budget

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What is the Chancellor's term of office?", ("chancellor", "term", "office")),
        ("How do I use C++ or utf-8 with numpy.dot?", ("c++", "utf-8", "numpy.dot")),
        ("office office OFFICE", ("office",)),
        ("Don’t “quote” me", ("quote",)),
        ("What is it?", ("what", "is", "it")),
        ("ｆｕｌｌ ﬁle", ("full", "file")),
        ("Größe und Straße", ("größe", "und", "straße")),
        ("snake_case a.b.c. end.", ("snake_case", "a.b.c", "end")),
        ("?!", ()),
        ("", ()),
    ],
)
def test_content_words_are_searched(question: str, found: tuple[str, ...]) -> None:
    assert search_terms(question) == found


@given(st.text())
def test_terms_are_normalised_words_of_the_text(text: str) -> None:
    found = terms(text)
    plain = normalise(text)
    place = 0
    for term in found:
        place = plain.index(term, place) + len(term)
    searched = search_terms(text)
    assert len(set(searched)) == len(searched)
    assert set(searched) <= set(found)
    assert bool(searched) == bool(found)
    assert set(searched) in (set(found), set(found) - STOP_WORDS)


def hits(*chunks: UUID) -> list[Hit]:
    return [Hit(chunk, 1.0 - place / 10) for place, chunk in enumerate(chunks)]


@pytest.mark.parametrize(
    ("rankings", "weights", "order"),
    [
        ([], None, []),
        ([hits(A, B, C)], None, [A, B, C]),
        ([hits(A, B), hits(B, A)], None, [A, B]),
        ([hits(C, A), hits(B, A)], None, [A, B, C]),
        ([hits(B, A), hits(A, B)], [2.0, 1.0], [B, A]),
        ([hits(A), hits(B)], [0.0, 1.0], [B, A]),
        ([hits(A, B, C), []], None, [A, B, C]),
    ],
)
def test_rankings_are_fused_by_rank(rankings: list[list[Hit]], weights: list[float] | None, order: list[UUID]) -> None:
    assert [hit.chunk_id for hit in fuse(rankings, limit=9, weights=weights)] == order


def test_a_hit_keeps_the_first_score_it_is_given() -> None:
    lexical, semantic = [Hit(A, None), Hit(B, None)], [Hit(A, 0.5), Hit(C, 0.4)]
    assert {hit.chunk_id: hit.score for hit in fuse([lexical, semantic], limit=9)} == {A: 0.5, B: None, C: 0.4}
    assert fuse([semantic, [Hit(A, 0.9)]], limit=1) == (Hit(A, 0.5),)


rankings = st.lists(st.lists(st.integers(1, 12).map(lambda number: UUID(int=number)), unique=True), max_size=4)


@given(rankings, st.integers(0, 12))
def test_fusion_takes_each_hit_once_and_the_limit_only_cuts(chunks: list[list[UUID]], limit: int) -> None:
    read = [hits(*ranking) for ranking in chunks]
    whole = fuse(read, limit=99)
    assert {hit.chunk_id for hit in whole} == {chunk for ranking in chunks for chunk in ranking}
    assert len({hit.chunk_id for hit in whole}) == len(whole)
    assert fuse(read, limit=limit) == whole[:limit]


@given(st.lists(st.integers(1, 12).map(lambda number: UUID(int=number)), unique=True), st.integers(1, 3))
def test_rankings_that_agree_keep_their_order(chunks: list[UUID], times: int) -> None:
    assert [hit.chunk_id for hit in fuse([hits(*chunks)] * times, limit=99)] == chunks


@given(st.lists(st.integers(0, 300)), st.integers(0, 1000))
def test_as_many_passages_as_fit_are_kept_but_at_least_one(counts: list[int], budget: int) -> None:
    kept = within_budget(counts, budget)
    assert min(1, len(counts)) <= kept <= len(counts)
    assert kept <= 1 or sum(counts[:kept]) <= budget
    assert kept == len(counts) or sum(counts[: kept + 1]) > budget
