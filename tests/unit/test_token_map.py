"""Token counts between any two places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.token_map import TokenMap, last_space


class FourLetterTokens:
    """A token for each four letters of a word, one for each mark."""

    max_tokens = 512

    def token_starts(self, text: str) -> Sequence[int]:
        return [match.start() for match in re.finditer(r"\w{1,4}|[^\w\s]", text)]


TOKENIZER = FourLetterTokens()


def token_map(text: str, unit_tokens: int = 8, unit_characters: int = 40) -> TokenMap:
    return TokenMap(text, TOKENIZER, unit_tokens=unit_tokens, unit_characters=unit_characters)


def seams(tokens: TokenMap, text: str) -> list[int]:
    found = []
    place = tokens.seam_after(0)
    while place < len(text):
        found.append(place)
        place = tokens.seam_after(place)
    return found


words = st.sampled_from(
    ["a", "word", "longer", ".", "x" * 30, "x" * 100, "a.b/" * 30, "汉字。" * 20, "e" + "\u0301" * 90]
)
texts = st.lists(words | st.sampled_from([" ", "\n", "  "])).map("".join)


@given(texts | st.text(), st.data())
def test_counts_are_the_tokenizers_between_white_space(text: str, data: st.DataObject) -> None:
    tokens = token_map(text)
    cuts = [0, *(match.end() for match in re.finditer(r"\s", text)), len(text)]
    start, end = sorted(data.draw(st.tuples(st.sampled_from(cuts), st.sampled_from(cuts))))
    places = [start, *(seam for seam in seams(tokens, text) if start < seam < end), end]
    parts = [text[here:there] for here, there in pairwise(places)]
    assert tokens.count(start, end) == sum(len(TOKENIZER.token_starts(part)) for part in parts)


@given(texts)
def test_no_unit_between_places_to_cut_is_too_large(text: str) -> None:
    tokens = token_map(text)
    cuts = sorted({0, *(match.start() for match in re.finditer(r"\s", text)), *seams(tokens, text), len(text)})
    for here, there in pairwise(cuts):
        unit = text[here:there].strip()
        assert len(unit) <= 40
        assert len(TOKENIZER.token_starts(unit)) <= 8


@given(texts, st.integers(0, 60), st.integers(0, 20))
def test_the_furthest_and_earliest_places_hold_no_more_tokens(text: str, place: int, number: int) -> None:
    tokens = token_map(text)
    place = min(place, len(text))
    furthest, earliest = tokens.furthest(place, number), tokens.earliest(place, number)
    assert tokens.count(place, furthest) <= number
    assert tokens.count(min(earliest, place), place) <= number
    assert tokens.seam_before(place) <= place


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("abcdefgh" * 8, ["abcdefgh" * 4, "abcdefgh" * 4]),
        ("first.part/" * 6, None),
        ("x" + "\u0301" * 120, None),
    ],
)
def test_a_long_word_is_parted_into_few_pieces(word: str, pieces: list[str] | None) -> None:
    tokens = token_map(word)
    places = [0, *seams(tokens, word), len(word)]
    parted = [word[here:there] for here, there in pairwise(places)]
    assert "".join(parted) == word
    assert len(parted) <= len(word) // 4
    if pieces:
        assert all(len(piece) <= 40 for piece in parted)


def test_a_long_word_is_parted_behind_a_mark() -> None:
    word = "first.part/" * 6
    assert all(word[seam - 1] in "./" for seam in seams(token_map(word), word))


def test_a_mark_stays_with_its_letter() -> None:
    word = "xxxxxxxe\u0301" * 12
    assert all(word[seam] != "\u0301" for seam in seams(token_map(word), word))


def test_long_texts_are_counted_in_pieces_at_white_space() -> None:
    text = "words here " * 20_000
    assert token_map(text).count(0, len(text)) == 60_000


@given(st.text(st.sampled_from("ab ")), st.integers(0, 20), st.integers(0, 20))
def test_the_last_space_has_no_space_behind_it(text: str, start: int, length: int) -> None:
    start = min(start, len(text))
    end = min(start + length, len(text))
    place = last_space(text, start, end)
    assert start <= place <= end
    assert " " not in text[place:end]
    assert place in {start, end} or text[place - 1] == " "
