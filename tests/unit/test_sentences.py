"""Sentences, sections and token counts of a text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.sentences import sentence_spans

WRAPPED = "The first line of this paragraph goes on and on until"
ROW = "a | row of a table that is as wide as a line of text"


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("He said “yes.” She left.", ["He said “yes.”", "She left."]),
        ("See Dr. Smith, e.g. in Fig. 3 by J. Doe. Done.", ["See Dr. Smith, e.g. in Fig. 3 by J. Doe.", "Done."]),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("Wait... What?", ["Wait...", "What?"]),
        ("version 2.0 is out. use it", ["version 2.0 is out. use it"]),
        ("1. First item here\n2. Second", ["1. First item here", "2. Second"]),
        ("It was in 1994. Then it ended.", ["It was in 1994.", "Then it ended."]),
        ("这是第一句。这是第二句！完", ["这是第一句。", "这是第二句！", "完"]),
        (f"{WRAPPED}\nit ends. Next.", [f"{WRAPPED}\nit ends.", "Next."]),
        ("Heading\nText of it.", ["Heading", "Text of it."]),
        (f"{WRAPPED}\n\nanother paragraph", [WRAPPED, "another paragraph"]),
        (f"{WRAPPED}\n- item", [WRAPPED, "- item"]),
        (
            f"{ROW}\nb | c",
            [ROW, "b | c"],
        ),
        ("   ", []),
        ("", []),
        (".", ["."]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


prose = st.lists(
    st.sampled_from(["word", "Dr.", "end.", "No!", "。", "\n", "\n\n", " ", "- ", "1. ", "“x.”", "|", "…"])
).map("".join)


@given(st.text() | prose)
@example("\x1c.\x1c")
def test_every_character_lies_in_exactly_one_sentence(text: str) -> None:
    spans = list(sentence_spans(text))
    former = 0
    for start, end in spans:
        assert not text[former:start].strip()
        assert text[start:end].strip() == text[start:end] != ""
        former = end
    assert not text[former:].strip()


@given(prose, st.data())
def test_a_part_of_a_text_has_its_own_sentences(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    spans = list(sentence_spans(text, start, end))
    assert all(start <= begin < stop <= end for begin, stop in spans)
    assert "".join("".join(text[begin:stop].split()) for begin, stop in spans) == "".join(text[start:end].split())
