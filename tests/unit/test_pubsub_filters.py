import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.pubsub.filters import parse
from local.pubsub.resources import RefusedError

ATTRIBUTES = {"eventType": "OBJECT_FINALIZE", "bucketId": "uploads", "": "nothing"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ('attributes.eventType = "OBJECT_FINALIZE"', True),
        ('attributes.eventType="OBJECT_DELETE"', False),
        ('attributes.missing = ""', False),
        ('attributes.eventType = "OBJECT_FINALIZE" AND attributes.bucketId = "uploads"', True),
        ('attributes.eventType = "OBJECT_FINALIZE" AND attributes.bucketId = "other"', False),
        ('attributes.bucketId = "other" AND attributes.eventType = "OBJECT_FINALIZE"', False),
        ('attributes.bucketId = "uploads" AND attributes.bucketId = "other"', False),
        (' attributes.eventType = "OBJECT_FINALIZE"\n  AND attributes.bucketId = "uploads"\n', True),
    ],
)
def test_a_filter_tells_which_attributes_match(text: str, matches: bool) -> None:
    assert parse(text)(ATTRIBUTES) is matches


@pytest.mark.parametrize(
    "text",
    [
        "   ",
        "attributes.a",
        "attributes:a",
        'attributes."a" = "b"',
        "attributes.a = b",
        "attributes.a = 'b'",
        'attributes.a = "b',
        'attributes.a = "b\\"c"',
        'attributes.a != "b"',
        'attribute.a = "b"',
        'attributes.é = "b"',
        'NOT attributes.a = "b"',
        '(attributes.a = "b")',
        'attributes.a = "b" OR attributes.c = "d"',
        'attributes.a = "b" and attributes.c = "d"',
        'attributes.a = "b" ANDattributes.c = "d"',
        'attributes.a = "b" attributes.c = "d"',
        'attributes.a = "b" AND',
        'hasPrefix(attributes.a, "b")',
    ],
)
def test_what_is_no_equality_is_refused_as_unimplemented_by_its_text(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        parse(text)
    assert refused.value.code is grpc.StatusCode.UNIMPLEMENTED
    assert repr(text) in str(refused.value)


KEYS = st.sampled_from(["a", "b", "c-d", "e_1"])
# What could be taken for the language itself is a value like any other.
VALUES = st.sampled_from(["", "x", "zwölf", " AND ", "attributes.a = ", "(b) OR c"])


@given(st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=4), st.dictionaries(KEYS, VALUES))
def test_a_filter_holds_where_all_its_equalities_do(
    equalities: list[tuple[str, str]], attributes: dict[str, str]
) -> None:
    text = " AND ".join(f'attributes.{key} = "{value}"' for key, value in equalities)
    assert parse(text)(attributes) is all(attributes.get(key) == value for key, value in equalities)
    assert parse(text)(dict(equalities)) is (len(set(equalities)) == len(dict(equalities)))
