"""Wording, windows and evidence: what a passage has to say to a question."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.evidence import absent, candidates, evidence_score
from common.model.questions import Passage
from common.windows import Window, windows
from common.wording import asked, heading_match, stem, stems

TEXT = (
    "4.1 Term of Office\n\nThe chancellor serves for four years and may serve again once. "
    "The assembly may end the term early by a vote of two thirds of its members.\n\n"
    "Who votes?\n\nEvery member of the assembly has one vote."
)


def passage(
    text: str, *, number: int = 1, headings: tuple[str, ...] = (), document: int = 1, start: int = 0
) -> Passage:
    return Passage(
        number=number,
        chunk_id=UUID(int=number),
        document_id=UUID(int=document),
        title="Constitution",
        heading_path=headings,
        text=text,
        char_start=start,
        page_start=1,
        page_breaks=(),
        score=None,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("installed", "installation"),
        ("votes", "vote"),
        ("running", "runs"),
        ("stopped", "stops"),
        ("policies", "policy"),
    ],
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize("term", ["c++", "utf-8", "größe", "is", "v2", "numpy.dot"])
def test_names_and_short_words_are_their_own_stem(term: str) -> None:
    assert stem(term) == term


@given(st.text())
def test_a_stem_begins_its_term(text: str) -> None:
    assert text.startswith(stem(text))
    assert asked(text).names <= set(asked(text).words) | {stem(each) for each in stems(text)}


def test_a_question_asks_for_its_content_words_and_names() -> None:
    question = asked("Which version of Postgres added MERGE in 2022?")
    assert set(question.words.values()) == {"version", "postgres", "added", "merge", "2022"}
    assert question.names == {stem("postgres"), stem("merge"), "2022"}
    assert question.without({stem("merge")}) == "Which version of Postgres added in 2022?"
    assert question.without(set()) == question.text


@given(st.text(), st.text())
def test_a_heading_matches_from_nought_to_one_and_itself_wholly(question: str, heading: str) -> None:
    assert 0.0 <= heading_match(question, heading) <= 1.0
    assert heading_match(heading, question) == pytest.approx(heading_match(question, heading))
    assert heading_match(question, question) == (1.0 if stems(question) else 0.0)


def test_questions_that_only_begin_alike_do_not_match() -> None:
    assert heading_match("What is a vote?", "What is a window?") == 0.0
    assert heading_match("term of office", "Term of the office") > 0.8


def test_windows_are_sentences_below_their_heading() -> None:
    found = windows(passage(TEXT))
    assert [(each.heading, each.position) for each in found] == [
        ("Term of Office", 0),
        ("Term of Office", 1),
        ("Who votes?", 0),
    ]
    assert found[0].text.startswith("The chancellor serves")
    assert found[-1].text == "Every member of the assembly has one vote."
    assert found[0].first(1).text == "The chancellor serves for four years and may serve again once."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Contents\n\n1 Scope ........ 3\n2 Terms ........ 4\n",
        "Is it so? Or is it not?",
        "Home\nNews\nAbout us\n",
        "1 2 3 4 5 6 7 8 9 10 11.",
    ],
)
def test_what_states_nothing_has_no_window(text: str) -> None:
    assert windows(passage(text)) == []


prose = st.lists(
    st.sampled_from(
        ["The sky is blue today.", "Heading", "Why?", "a long line that goes on", "\n", "\n\n", " ", "....", "- x"]
    )
).map("".join)


@given(prose | st.text())
def test_a_window_is_up_to_three_sentences_of_its_passage(text: str) -> None:
    found = windows(passage(text))
    for window in found:
        assert 1 <= len(window.bounds) <= 3
        assert all(former[1] <= latter[0] for former, latter in pairwise(window.bounds))
        assert window.text == text[window.char_start : window.char_end] != ""
        assert window.overlaps(window)
    starts = [window.char_start for window in found]
    assert starts == sorted(set(starts))


def window_of(text: str, *, number: int = 1, document: int = 1, start: int = 0) -> Window:
    return windows(passage(text, number=number, document=document, start=start))[0]


def test_windows_overlap_where_they_quote_the_same_words() -> None:
    sentence = "The chancellor serves for four years and may serve again once."
    assert window_of(sentence, start=0).overlaps(window_of(sentence, start=10, number=2))
    assert not window_of(sentence, start=0).overlaps(window_of(sentence, start=500, number=2))
    assert window_of(sentence, document=1).overlaps(window_of(sentence, document=2))
    assert not window_of(sentence, document=1).overlaps(window_of("The sky is blue today.", document=2))


def test_the_window_that_shares_most_comes_first() -> None:
    passages = [passage("The sky is blue today. Nobody minds it.", number=1), passage(TEXT, number=2)]
    question = asked("How long is the chancellor's term of office?")
    found = candidates(question, passages, 2)
    assert len(found) == 2
    assert found[0].window.passage.number == 2
    assert "four years" in found[0].window.text
    assert found[0].promise >= found[1].promise
    assert candidates(question, list(reversed(passages)), 2) == found


def test_missing_words_and_names_are_counted() -> None:
    (found, *_) = candidates(asked("Does Merkel serve as chancellor?"), [passage(TEXT)], 1)
    assert found.missing == {stem("merkel")}
    assert found.names_missing == 1


@pytest.mark.parametrize(
    ("question", "share"),
    [("chancellor term", 0.0), ("chancellor banana", 0.5), ("banana apple", 1.0), ("constitution", 0.0), ("", 1.0)],
)
def test_absent_is_the_share_of_words_that_nothing_has(question: str, share: float) -> None:
    assert absent(asked(question), [passage(TEXT)]) == share


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1), st.floats(-2, 2))
def test_evidence_is_a_probability_that_grows_with_similarity(
    similarity: float, first: float, gone: float, unmet: float
) -> None:
    question = asked("chancellor")
    (found,) = candidates(question, [passage(TEXT)], 1)
    score_of = partial(evidence_score, question, found)
    score = score_of(similarity=similarity, first_similarity=first, absent=gone, unmet=unmet)
    assert 0.0 <= score <= 1.0
    assert score_of(similarity=similarity + 0.1, first_similarity=first, absent=gone, unmet=unmet) > score
    assert score_of(similarity=similarity, first_similarity=first + 0.1, absent=gone, unmet=unmet) > score
    assert score_of(similarity=similarity, first_similarity=first, absent=gone + 0.1, unmet=unmet) < score
    assert score_of(similarity=similarity, first_similarity=first, absent=gone, unmet=0.0) >= score
