from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.adapters.vertex.embedding_batches import packed

sizes_of_texts = st.lists(st.integers(0, 60), max_size=60)


@given(sizes=sizes_of_texts, most_texts=st.integers(1, 8), most_tokens=st.integers(1, 100))
def test_every_text_is_packed_once_in_order_within_both_limits(
    sizes: list[int], most_texts: int, most_tokens: int
) -> None:
    batches = list(packed(sizes, most_texts=most_texts, most_tokens=most_tokens))
    assert [position for batch in batches for position in batch] == list(range(len(sizes)))
    for batch in batches:
        assert 1 <= len(batch) <= most_texts
        assert len(batch) == 1 or sum(sizes[position] for position in batch) <= most_tokens


@given(sizes=sizes_of_texts, most_texts=st.integers(1, 8), most_tokens=st.integers(1, 100))
def test_a_request_ends_only_where_the_next_text_does_not_fit(
    sizes: list[int], most_texts: int, most_tokens: int
) -> None:
    for batch, following in pairwise(packed(sizes, most_texts=most_texts, most_tokens=most_tokens)):
        tokens = sum(sizes[position] for position in batch)
        assert len(batch) == most_texts or tokens + sizes[following.start] > most_tokens


@pytest.mark.parametrize(
    ("count", "size", "batches"),
    [(0, 220, []), (250, 10, [250]), (251, 10, [250, 1]), (200, 220, [90, 90, 20]), (3, 20_000, [1, 1, 1])],
)
def test_the_documented_limits_of_a_request_are_used_up(count: int, size: int, batches: list[int]) -> None:
    assert [len(batch) for batch in packed([size] * count, most_texts=250, most_tokens=20_000)] == batches


def test_a_text_above_the_limit_has_a_request_of_its_own() -> None:
    assert list(packed([5, 30, 5], most_texts=9, most_tokens=20)) == [range(1), range(1, 2), range(2, 3)]
