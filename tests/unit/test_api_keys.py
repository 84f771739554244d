"""API keys and question hashes."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import api_keys
from common.api_keys import PresentedKey

PEPPERS = {1: "an old pepper of length", 7: "the newest pepper there", 3: "a pepper from in between"}


def presented(key: str) -> PresentedKey:
    parsed = api_keys.parse(key)
    assert parsed is not None
    return parsed


def test_a_new_key_verifies_under_the_newest_pepper_only() -> None:
    new = api_keys.new_key(PEPPERS)
    assert new.pepper_version == 7
    assert api_keys.matches(presented(new.key), new.key_hash, PEPPERS[7])
    assert not api_keys.matches(presented(new.key), new.key_hash, PEPPERS[1])


def test_a_new_key_has_the_documented_shape() -> None:
    new = api_keys.new_key(PEPPERS)
    prefix, key_id, secret = new.key.split("_")
    assert (prefix, key_id) == ("aik", new.key_id)
    assert (len(key_id), len(secret)) == (12, 43)
    assert set(key_id) <= set(string.ascii_lowercase + string.digits)


def test_the_secret_stands_neither_in_the_hash_nor_in_a_representation() -> None:
    new = api_keys.new_key(PEPPERS)
    secret = new.key.rsplit("_", 1)[1]
    assert secret not in new.key_hash
    assert secret not in repr(new)
    assert secret not in repr(presented(new.key))


def test_keys_do_not_repeat() -> None:
    keys = [api_keys.new_key(PEPPERS) for _ in range(200)]
    assert len({new.key_id for new in keys}) == len({new.key_hash for new in keys}) == 200


@given(place=st.integers(min_value=4), other=st.sampled_from(string.ascii_letters + string.digits))
def test_a_key_with_any_character_changed_does_not_match(place: int, other: str) -> None:
    new = api_keys.new_key(PEPPERS)
    at = 4 + (place - 4) % (len(new.key) - 4)
    changed = new.key[:at] + other + new.key[at + 1 :]
    parsed = api_keys.parse(changed)
    verified = parsed is not None and api_keys.matches(parsed, new.key_hash, PEPPERS[7])
    assert verified == (changed == new.key)


@given(st.text())
def test_what_is_not_a_key_is_not_parsed(text: str) -> None:
    assert api_keys.parse(text) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key + "\n",
        lambda key: " " + key,
        lambda key: key[:-1],
        lambda key: key + "a",
        lambda key: key.upper(),
        lambda key: key.replace("aik_", "key_"),
        lambda key: key.removeprefix("aik_"),
        lambda key: key[:-1] + "é",
        lambda key: key[:-1] + "٣",
    ],
)
def test_nearly_a_key_is_not_parsed(change: object) -> None:
    assert callable(change)
    assert api_keys.parse(change(api_keys.new_key(PEPPERS).key)) is None


@given(st.text())
def test_a_question_hashes_the_same_each_time_and_differently_under_another_pepper(question: str) -> None:
    first = api_keys.question_hash(question, PEPPERS[1])
    assert first == api_keys.question_hash(question, PEPPERS[1])
    assert first != api_keys.question_hash(question, PEPPERS[7])
    assert len(bytes.fromhex(first)) == 32


@given(st.lists(st.text(alphabet=string.ascii_letters + string.digits, min_size=1), min_size=1))
def test_case_and_white_space_do_not_count_in_a_question(words: list[str]) -> None:
    plain = api_keys.question_hash(" ".join(words), PEPPERS[1])
    assert api_keys.question_hash("\t" + " \n ".join(words).upper() + "  ", PEPPERS[1]) == plain


def test_different_questions_hash_differently() -> None:
    asked = ["Who may vote?", "Who may not vote?", "who may vote", ""]
    assert len({api_keys.question_hash(question, PEPPERS[1]) for question in asked}) == 4


def test_a_lone_surrogate_is_hashed_too() -> None:
    assert api_keys.question_hash("\ud800", PEPPERS[1]) != api_keys.question_hash("", PEPPERS[1])


def test_a_question_spelled_like_a_key_hashes_differently() -> None:
    new = api_keys.new_key(PEPPERS)
    parsed = presented(new.key)
    assert api_keys.question_hash(f"{parsed.key_id}_{parsed.secret}", PEPPERS[7]) != new.key_hash
