from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.adapters.minilm import MiniLmTokenizer
from common.token_estimate import EstimatingTokenizer

tokenizer = EstimatingTokenizer(2048)


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("the House", [0, 4]),
        ("understand", [0, 4, 8]),
        ("HTTP", [0, 2]),
        ("camelCase", [0, 4, 5]),
        ("2026", [0, 1, 2, 3]),
        ("a,b", [0, 1, 2]),
        ("größe", [0, 2, 4]),
        ("слово", [0, 2, 4]),
        ("東京は", [0, 1, 2]),
        ("한글", [0, 1]),
        ("🙂\u200d🙂", [0, 1, 2]),
        ("snake_case", [0, 4, 5, 6]),
    ],
)
def test_tokens_start_by_the_rules_of_their_script(text: str, starts: list[int]) -> None:
    assert list(tokenizer.token_starts(text)) == starts


def test_real_documents_are_never_estimated_below_a_real_tokenizer_nor_far_above(root: Path) -> None:
    real = MiniLmTokenizer()
    documents = [path for path in (root / "examples/documents").iterdir() if path.suffix in {".md", ".html", ".txt"}]
    assert len(documents) >= 4
    for path in documents:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert 1 <= len(tokenizer.token_starts(text)) / len(real.token_starts(text)) < 1.6, path.name


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_token_has_at_most_five_characters(text: str) -> None:
    starts = [*tokenizer.token_starts(text), len(text)]
    tokens = [text[start:end].rstrip() for start, end in pairwise(starts)]
    assert all(1 <= len(token) <= 5 for token in tokens)


@given(text=st.text("ab A1,.é中 \n", max_size=80), limit=st.integers(1, 12))
def test_a_beginning_has_as_many_tokens_as_fit(text: str, limit: int) -> None:
    short = EstimatingTokenizer(limit)
    beginning = short.beginning(text)
    assert text.startswith(beginning)
    assert len(short.token_starts(beginning)) == min(limit, len(short.token_starts(text)))


def test_a_text_within_the_limit_is_its_own_beginning() -> None:
    assert EstimatingTokenizer(3).beginning(" two words \n") == " two words \n"
