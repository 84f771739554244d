"""The tests' own reading of Cloud Logging's query language."""

from __future__ import annotations

import pytest

from tests.infra.log_query import QueryError, extractor, query

ENTRY = {
    "resource": {"type": "cloud_run_revision", "labels": {"service_name": "ai-infra-embed"}},
    "jsonPayload": {"event": "embedded", "tokens": 7, "mattered": True, "text": 'a "b"', "none": None},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('jsonPayload.event="embedded"', True),
        ("jsonPayload.event=EMBEDDED", True),
        ('jsonPayload.event="embed"', False),
        ('jsonPayload.event:"EMBED"', True),
        ('jsonPayload.event=~"^emb"', True),
        ('jsonPayload.event=~"^EMB"', False),
        ("jsonPayload.tokens=7", True),
        ('jsonPayload.mattered="true"', True),
        (r'jsonPayload.text="a \"b\""', True),
        ('jsonPayload.nothing=~""', False),
        ('jsonPayload.none=~""', False),
        ('jsonPayload.event.deeper="x"', False),
        ('resource.type="x" OR jsonPayload.tokens=7', True),
        ('resource.type="x" AND jsonPayload.tokens=7', False),
        ("NOT jsonPayload.tokens=8 AND jsonPayload.tokens=7", True),
        ("jsonPayload.tokens=7 OR (jsonPayload.tokens=8 AND jsonPayload.tokens=9)", True),
        ("(jsonPayload.tokens=7 OR jsonPayload.tokens=8) AND jsonPayload.tokens=9", False),
    ],
)
def test_an_entry_is_asked_for_or_not(text: str, expected: bool) -> None:
    assert query(text)(ENTRY) is expected


@pytest.mark.parametrize(
    "text",
    [
        "", "embedded", 'jsonPayload.event!="x"', "jsonPayload.tokens>7", 'a="b" c="d"', 'a="b" AND', '(a="b"', 'a=b)',
        'a=="b"', "a=NOT", "a=b OR c=d AND e=f",
        'timestamp>="2026-01-01"', 'sample(insertId, 0.5)', 'a=("b" OR "c")', 'a="b', "-a=b",
    ],
)  # fmt: skip
def test_what_is_not_of_this_part_of_the_language_is_an_error(text: str) -> None:
    with pytest.raises(QueryError):
        query(text)


def test_an_extractor_takes_a_field_as_text() -> None:
    assert extractor("EXTRACT(jsonPayload.tokens)")(ENTRY) == "7"
    assert extractor("EXTRACT(jsonPayload.mattered)")(ENTRY) == "true"
    assert extractor("EXTRACT(jsonPayload.nothing)")(ENTRY) is None
    with pytest.raises(QueryError):
        extractor('REGEXP_EXTRACT(jsonPayload.event, "(.*)")')
