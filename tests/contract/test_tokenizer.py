"""`Tokenizer`, on every implementation."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.ports import Embedder, Tokenizer

WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(sys.maxunicode + 1))))

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text("aZé中ん۴́-.' \t\n�🙂", max_size=60)


@pytest.fixture(scope="module", params=["minilm", "vertex"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def tokenizer(kind: str, request: pytest.FixtureRequest) -> Tokenizer:
    found: Tokenizer = request.getfixturevalue(f"{kind}_tokenizer")
    return found


@pytest.fixture(scope="module")
def embedder(kind: str, request: pytest.FixtureRequest) -> Embedder:
    found: Embedder = request.getfixturevalue(f"{kind}_embedder")
    return found


@settings(max_examples=300)
@given(left=texts, space=st.text(WHITE_SPACE, min_size=1, max_size=3), right=texts)
def test_tokens_add_up_over_white_space(tokenizer: Tokenizer, left: str, space: str, right: str) -> None:
    behind = len(left) + len(space)
    apart = [*tokenizer.token_starts(left), *(behind + start for start in tokenizer.token_starts(right))]
    assert list(tokenizer.token_starts(left + space + right)) == apart


@pytest.mark.parametrize("space", WHITE_SPACE, ids=lambda space: f"U+{ord(space):04X}")
def test_every_white_space_parts_tokens(tokenizer: Tokenizer, space: str) -> None:
    assert list(tokenizer.token_starts(f"0{space}0")) == [0, 2]


@settings(max_examples=300)
@given(text=texts)
def test_tokens_start_in_order_within_the_text(tokenizer: Tokenizer, text: str) -> None:
    starts = list(tokenizer.token_starts(text))
    assert starts == sorted(starts)
    assert all(0 <= start < len(text) for start in starts)
    assert not any(text[start].isspace() for start in starts)


@pytest.mark.parametrize("text", ["", " ", WHITE_SPACE])
def test_white_space_has_no_tokens(tokenizer: Tokenizer, text: str) -> None:
    assert len(tokenizer.token_starts(text)) == 0


def test_a_long_text_is_counted_whole(tokenizer: Tokenizer) -> None:
    words = 20 * tokenizer.max_tokens
    assert list(tokenizer.token_starts("the " * words)) == list(range(0, 4 * words, 4))


def test_the_limit_it_states_is_what_its_embedder_takes(tokenizer: Tokenizer, embedder: Embedder) -> None:
    text = "the " * tokenizer.max_tokens
    assert len(tokenizer.token_starts(text)) == tokenizer.max_tokens
    (vector,) = embedder.embed_documents([text])
    assert len(vector) == embedder.dimensions
