from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from common.model.questions import Passage
from common.prompting import QuotedWords, Statement
from common.quoting import compose, even, find_quote

WARRANTY = """The warranty covers “two years” from the date of pur-
chase.  Damage by water – also by a well-known
ﬂood – is not covered. It costs 2.50 euro after 15 years, below −5 degrees."""
ODD = st.sampled_from(
    [
        " ",
        "\n",
        "\u00a0",
        "\t",
        "-",
        "-\n",
        "–",
        "\u00ad",
        "\u200b",
        "'",
        "’",
        "“",
        '"',
        "ﬁ",
        "fi",
        "½",
        "²",
        "é",
        "2.5",
    ]
)
TEXTS = st.lists(st.text(max_size=8) | ODD | st.sampled_from(WARRANTY.split()), max_size=12).map("".join)

WORDS = [word for word in WARRANTY.split() if any(map(str.isalnum, word))]
OTHER_FORM = str.maketrans({"-": "–", "'": "’", "“": '"', " ": "\n\t", "\n": " "})


def passage(number: int, text: str) -> Passage:
    return Passage(
        number=number,
        chunk_id=UUID(int=number),
        document_id=UUID(int=0),
        title="manual.txt",
        heading_path=(),
        text=text,
        char_start=0,
        page_start=1,
        page_breaks=(),
        score=None,
    )


def stated(text: str, *quotes: tuple[int, str]) -> Statement:
    return Statement(text, tuple(QuotedWords(number, words) for number, words in quotes))


def found(words: str, text: str = WARRANTY) -> str | None:
    place = find_quote(words, text)
    return None if place is None else text[slice(*place)]


@pytest.mark.parametrize(
    ("words", "stands"),
    [
        ("The warranty covers", "The warranty covers"),
        ("  The warranty\ncovers ", "The warranty covers"),
        ('covers "two years" from', "covers “two years” from"),
        ("covers 'two years'", "covers “two years”"),
        ("the date of purchase. Damage by water", "the date of pur-\nchase.  Damage by water"),
        ("of pur-chase.", "of pur-\nchase."),
        ("water - also by a well-known flood - is", "water – also by a well-known\nﬂood – is"),
        ("wellknown", "well-known"),
        ("2.50 euro", "2.50 euro"),
        ("below -5 degrees", "below −5 degrees"),
    ],
)
def test_a_quote_is_found_as_it_stands(words: str, stands: str) -> None:
    assert found(words) == stands


@pytest.mark.parametrize(
    "words",
    [
        "The warranty covers three years",
        "the warranty covers",
        "The warranty … two years",
        "2",
        "50 euro",
        "5 years",
        "5 degrees",
        "arrant",
        "ood – is not covered",
        "–",
        "",
        " ",
    ],
)
def test_a_quote_that_says_something_else_is_not_found(words: str) -> None:
    assert found(words) is None


def test_a_quote_within_a_word_is_looked_for_further_on() -> None:
    assert find_quote("port", "Important: the port is 80.") == (15, 19)


def test_words_of_scripts_without_blanks_are_found_within_a_sentence() -> None:
    assert found("二年間", "保証期間は二年間です。") == "二年間"


@given(data=st.data(), text=TEXTS)
def test_whatever_is_quoted_what_is_found_is_the_same_but_for_its_form(data: st.DataObject, text: str) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    copied = text[start:end]
    words = data.draw(st.sampled_from([copied, copied.translate(OTHER_FORM), even(copied)]) | TEXTS)
    stands = found(words, text)
    if stands is not None:
        assert even(stands) == even(words)
        assert stands == stands.strip()


@given(text=TEXTS)
def test_a_passage_is_found_in_itself_in_any_form(text: str) -> None:
    assume(any(map(str.isalnum, text)))
    assert found(text, text) == text.strip()
    for words in (text.translate(OTHER_FORM), even(text)):
        stands = found(words, text)
        assert stands is not None
        assert even(stands) == even(text)


@given(before=TEXTS, after=TEXTS, quoted=st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join))
def test_whole_words_that_stand_there_are_always_found(before: str, after: str, quoted: str) -> None:
    assert found(quoted, f"{before} | {quoted} | {after}") == quoted


@given(
    text=TEXTS,
    quoted=st.lists(st.sampled_from(WORDS), min_size=2),
    blank=st.sampled_from([" ", "\n", "\u00a0 "]),
)
def test_words_are_found_across_any_white_space(text: str, quoted: list[str], blank: str) -> None:
    stands = found(" ".join(quoted), f"{text}\n| {blank.join(quoted)} |")
    assert stands is not None
    assert stands.split() == quoted


@given(
    texts=st.lists(TEXTS, max_size=3), place=st.integers(0, 20), quotes=st.lists(st.tuples(st.integers(0, 4), TEXTS))
)
def test_forged_quotes_never_survive(texts: list[str], place: int, quotes: list[tuple[int, str]]) -> None:
    passages = [passage(number, text) for number, text in enumerate(texts, start=1)]
    forged = [(number, f"{words[:place]}\ue000forged{words[place:]}") for number, words in quotes]
    assume(not any("\ue000" in text for text in texts))
    assert compose([stated("So it is said.", *forged)], passages) == ("", ())


@given(
    texts=st.lists(TEXTS, max_size=3),
    said=st.lists(st.tuples(TEXTS, st.lists(st.tuples(st.integers(0, 4), TEXTS), max_size=3)), max_size=4),
)
def test_whatever_the_model_says_what_is_left_of_it_is_supported(
    texts: list[str], said: list[tuple[str, list[tuple[int, str]]]]
) -> None:
    passages = [passage(number, text) for number, text in enumerate(texts, start=1)]
    claimed = {(number, even(words)) for _, quotes in said for number, words in quotes}
    answer, quotes = compose([stated(text, *quotes) for text, quotes in said], passages)
    for quote in quotes:
        assert 0 <= quote.char_start < quote.char_end <= len(texts[quote.passage - 1])
        assert (quote.passage, even(texts[quote.passage - 1][quote.char_start : quote.char_end])) in claimed
        assert answer[quote.start_index : quote.end_index] == answer[quote.start_index : quote.end_index].strip() != ""
        assert answer[quote.end_index :].startswith(" [")
    assert bool(answer) == bool(quotes)


PASSAGES = (passage(1, "Clean it with a damp cloth."), passage(3, "It lasts two years. Keep the receipt."))


def test_statements_stand_on_lines_with_the_numbers_of_what_supports_them() -> None:
    statements = [
        stated("It lasts two years.", (3, "two years"), (1, "damp cloth"), (3, "It lasts")),
        stated("Keep the receipt.", (3, "Keep the receipt.")),
    ]
    answer, quotes = compose(statements, PASSAGES)
    assert answer == "It lasts two years. [1] [3]\nKeep the receipt. [3]"
    texts = {each.number: each.text for each in PASSAGES}
    assert [
        (it.passage, texts[it.passage][it.char_start : it.char_end], answer[it.start_index : it.end_index])
        for it in quotes
    ] == [
        (3, "two years", "It lasts two years."),
        (1, "damp cloth", "It lasts two years."),
        (3, "It lasts", "It lasts two years."),
        (3, "Keep the receipt.", "Keep the receipt."),
    ]


def test_a_statement_with_forged_quotes_alone_is_left_out() -> None:
    statements = [
        stated("It lasts ten years.", (3, "ten years"), (7, "two years"), (1, "two years")),
        stated("Keep the receipt.", (3, "Keep the bill."), (3, "the receipt")),
        stated("Trust me."),
    ]
    answer, quotes = compose(statements, PASSAGES)
    assert answer == "Keep the receipt. [3]"
    assert len(quotes) == 1


def test_the_same_quote_counts_once() -> None:
    _, quotes = compose([stated("Two years.", (3, "two years"), (3, "two  years"))], PASSAGES)
    assert len(quotes) == 1


def test_marks_are_ours() -> None:
    answer, _ = compose([stated("Use a[0] [3] for two years [1, 9].", (3, "two years"))], PASSAGES)
    assert answer == "Use a[0] for two years. [3]"
