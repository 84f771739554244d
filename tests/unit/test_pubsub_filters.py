import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from local.pubsub.filters import MAX_FILTER_BYTES, InvalidFilterError, UnsupportedFilterError, parse

ATTRIBUTES = {"eventType": "OBJECT_FINALIZE", "bucketId": "uploads", "": "nothing", "a b": "spaced"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("attributes:eventType", True),
        ("attributes:nothing", False),
        ('attributes:"a b"', True),
        ('attributes.eventType = "OBJECT_FINALIZE"', True),
        ('attributes.eventType="OBJECT_DELETE"', False),
        ('attributes.eventType != "OBJECT_DELETE"', True),
        ('attributes.eventType != "OBJECT_FINALIZE"', False),
        ('attributes.missing != "anything"', True),
        ('attributes."a b" = "spaced"', True),
        ('NOT attributes.eventType = "OBJECT_DELETE"', True),
        ("NOT NOT attributes:eventType", True),
        ('attributes:eventType AND attributes.bucketId = "uploads"', True),
        ("attributes:missing AND attributes:bucketId AND attributes:eventType", False),
        ("attributes:missing OR attributes:bucketId", True),
        ("NOT attributes:missing AND attributes:bucketId", True),
        ("NOT (attributes:missing OR attributes:bucketId)", False),
        ("attributes:missing OR (attributes:bucketId AND attributes:eventType)", True),
        ('  (  attributes : eventType  )\n AND attributes . bucketId = "uploads"  ', True),
    ],
)
def test_a_filter_tells_which_attributes_match(text: str, matches: bool) -> None:
    assert parse(text)(ATTRIBUTES) is matches


@pytest.mark.parametrize(
    "text",
    [
        "   ",
        "eventType",
        "attributes",
        "attributes.",
        "attributes.a",
        "attributes.a =",
        "attributes.a = b",
        "attributes.a == 'b'",
        "attributes.a = 'b'",
        'attributes.a = "b',
        'attributes.a = "\\q"',
        'attributes.a > "b"',
        'attributes.a:"b"',
        'attribute.a = "b"',
        "attributes:a AND",
        "attributes:a and attributes:b",
        "attributes:a attributes:b",
        "attributes:a AND attributes:b OR attributes:c",
        "attributes:a OR attributes:b AND attributes:c",
        "(attributes:a",
        "attributes:a)",
        "NOT",
        "attributes:é",
        f'attributes.a = "{"x" * MAX_FILTER_BYTES}"',
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilterError, match="filter"):
        parse(text)


def test_has_prefix_is_named_as_unsupported() -> None:
    with pytest.raises(UnsupportedFilterError, match="hasPrefix"):
        parse('hasPrefix(attributes.eventType, "OBJECT_")')


@given(st.text(alphabet='attributes.:=!"()\\ANDORT xé', max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        matches = parse(text)
    except (InvalidFilterError, UnsupportedFilterError):
        return
    assert matches({}) in {True, False}


@dataclass(frozen=True)
class Case:
    """A filter's text beside the same condition in Python."""

    text: str
    holds: Callable[[dict[str, str]], bool]


KEYS = st.sampled_from(["a", "b", "c-d", "e f"])
VALUES = st.sampled_from(["", "x", 'quo"te', "back\\slash", "zwölf"])


@st.composite
def comparisons(draw: st.DrawFn) -> Case:
    key, value, operator = draw(KEYS), draw(VALUES), draw(st.sampled_from([":", "=", "!="]))
    name = json.dumps(key) if " " in key or draw(st.booleans()) else key
    if operator == ":":
        return Case(f"attributes:{name}", lambda attributes: key in attributes)
    text = f"attributes.{name} {operator} {json.dumps(value)}"
    return Case(text, lambda attributes: (attributes.get(key) == value) == (operator == "="))


def combinations(cases: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    def negated(case: Case) -> Case:
        return Case(f"NOT ({case.text})", lambda attributes: not case.holds(attributes))

    def joined(terms: list[Case], word: str) -> Case:
        combine = all if word == "AND" else any
        text = f" {word} ".join(f"({term.text})" for term in terms)
        return Case(text, lambda attributes: combine(term.holds(attributes) for term in terms))

    lists = st.lists(cases, min_size=2, max_size=3)
    return cases.map(negated) | st.builds(joined, lists, st.sampled_from(["AND", "OR"]))


@given(st.recursive(comparisons(), combinations, max_leaves=6), st.dictionaries(KEYS, VALUES))
def test_a_filter_holds_where_its_condition_does(case: Case, attributes: dict[str, str]) -> None:
    assume(len(case.text.encode()) <= MAX_FILTER_BYTES)
    assert parse(case.text)(attributes) is case.holds(attributes)
