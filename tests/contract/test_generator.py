"""`Generator`, on every implementation; then what the local one promises beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.adapters.extractive import ExtractiveGenerator
from common.adapters.minilm import MiniLmEmbedder, MiniLmTokenizer
from common.model.documents import DOCUMENT_NAMESPACE
from common.model.questions import Generation, GenerationRequest, Passage, RefusalReason
from common.ports import Generator
from tests.vertex_answers import running_answers

BATTERY = """The battery lasts about eleven hours of continuous use. It charges fully in ninety minutes with the
supplied adapter. Do not charge the battery below zero degrees, since that damages its cells."""
WARRANTY = """The warranty covers two years from the date of purchase. Damage by water is not covered by the
warranty. Keep the receipt, because the dealer asks for it."""
CLEANING = """Clean the housing with a damp cloth once a week. Never use solvents on the display, since they
remove its coating."""
QUESTION = "What does the warranty cover?"
UNRELATED = "Who won the football world cup in 1954?"


def passage(number: int, text: str, *headings: str, title: str = "manual.txt") -> Passage:
    return Passage(
        number=number,
        chunk_id=uuid5(DOCUMENT_NAMESPACE, text),
        document_id=uuid5(DOCUMENT_NAMESPACE, title),
        title=title,
        heading_path=headings,
        text=text,
        char_start=1000 * number,
        page_start=1,
        page_breaks=(),
        score=0.5,
    )


PASSAGES = (
    passage(1, CLEANING, "Manual", "Cleaning"),
    passage(2, BATTERY, "Manual", "Battery"),
    passage(3, WARRANTY, "Manual", "Warranty"),
)


@pytest.fixture(scope="module")
def extractive(minilm_embedder: MiniLmEmbedder, minilm_tokenizer: MiniLmTokenizer) -> Generator:
    return ExtractiveGenerator(minilm_embedder, minilm_tokenizer)


@pytest.fixture(scope="module")
def vertex(minilm_embedder: MiniLmEmbedder) -> Iterator[Generator]:
    with running_answers(minilm_embedder) as answers:
        yield answers.generator()


@pytest.fixture(scope="module", params=["extractive", "vertex"])
def generator(request: pytest.FixtureRequest) -> Generator:
    found: Generator = request.getfixturevalue(request.param)
    return found


def ask(generator: Generator, question: str = QUESTION, *passages: Passage, **options: Any) -> Generation:
    request = GenerationRequest(question=question, passages=passages or PASSAGES)
    return generator.generate(replace(request, **options))


def quotes(generation: Generation, passages: tuple[Passage, ...] = PASSAGES) -> list[tuple[int, str, str]]:
    """Of each quote its passage's number, its words as they stand there, and what it supports in the answer."""
    by_number = {each.number: each for each in passages}
    found = []
    for quote in generation.quotes:
        text = by_number[quote.passage].text
        assert 0 <= quote.char_start < quote.char_end <= len(text)
        assert 0 <= quote.start_index < quote.end_index <= len(generation.answer)
        words = text[quote.char_start : quote.char_end]
        found.append((quote.passage, words, generation.answer[quote.start_index : quote.end_index]))
    return found


def check(generation: Generation, passages: tuple[Passage, ...]) -> None:
    """What holds of every generation: an answer with quotes of the passages, or a refusal with neither."""
    if generation.refusal_reason is None:
        assert generation.answer
        assert quotes(generation, passages)
    else:
        assert (generation.answer, generation.quotes) == ("", ())


def test_an_answer_quotes_the_passage_that_has_it(generator: Generator) -> None:
    generation = ask(generator)
    assert generation.refusal_reason is None
    number, words, _ = quotes(generation)[0]
    assert number == 3
    assert "two years" in words
    assert "two years" in generation.answer
    assert "[3]" in generation.answer


def test_an_answer_read_in_pieces_is_the_same(generator: Generator) -> None:
    assert ask(generator, stream=True) == ask(generator)


def test_an_answer_is_stated_with_its_model_and_tokens(generator: Generator) -> None:
    generation = ask(generator)
    assert generation.model == generator.model
    assert generation.prompt_tokens
    assert generation.completion_tokens


@pytest.mark.parametrize("number", [1, 4, 9])
def test_passages_are_cited_by_the_numbers_they_have(generator: Generator, number: int) -> None:
    generation = ask(generator, QUESTION, passage(number, WARRANTY, "Warranty"))
    assert {quote.passage for quote in generation.quotes} == {number}
    assert f"[{number}]" in generation.answer


def test_without_evidence_it_refuses(generator: Generator) -> None:
    generation = ask(generator, UNRELATED)
    assert generation.refusal_reason is RefusalReason.NO_RELEVANT_CONTEXT
    check(generation, PASSAGES)


@pytest.mark.parametrize("min_score", [None, 0.0])
def test_without_a_passage_it_refuses(generator: Generator, min_score: float | None) -> None:
    generation = generator.generate(GenerationRequest(question=QUESTION, passages=(), min_score=min_score))
    assert generation.refusal_reason is RefusalReason.NO_RELEVANT_CONTEXT
    check(generation, ())


QUESTIONS = [QUESTION, UNRELATED, "How long does the battery last?", "Why are solvents forbidden?", "battery", "?", ""]
TEXTS = st.lists(
    st.sampled_from(
        [*BATTERY.split(". "), *WARRANTY.split(". "), "# Battery\n\n", "\n\n", " …… ", "• item\n", "Größe 🙂 ≥ 1."]
    )
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
    max_size=12,
).map(" ".join)


@settings(max_examples=25)
@given(
    question=st.sampled_from(QUESTIONS),
    texts=st.lists(TEXTS, max_size=3),
    options=st.fixed_dictionaries(
        {
            "max_tokens": st.sampled_from([None, 1, 20, 60]),
            "min_score": st.sampled_from([None, 0.0, 1.0]),
            "stream": st.booleans(),
        }
    ),
)
def test_whatever_is_asked_of_whatever_text_quotes_stand_in_the_passages(
    generator: Generator, question: str, texts: list[str], options: dict[str, Any]
) -> None:
    passages = tuple(passage(number, text) for number, text in enumerate(texts, start=1))
    check(generator.generate(GenerationRequest(question=question, passages=passages, **options)), passages)


def test_the_extractive_one_answers_alike_every_time(extractive: Generator) -> None:
    first = ask(extractive)
    assert all(ask(extractive) == first for _ in range(3))
    assert ask(extractive, temperature=1.0, system_prompt="Answer in verse.") == first


def test_the_extractive_one_says_nothing_but_what_it_quotes(extractive: Generator) -> None:
    generation = ask(extractive, min_score=0.0)
    found = quotes(generation)
    assert all(" ".join(words.split()) == supported for _, words, supported in found)
    assert generation.answer == "\n".join(f"{supported} [{number}]" for number, _, supported in found)


def test_the_extractive_one_needs_as_much_evidence_as_it_is_told(extractive: Generator) -> None:
    assert ask(extractive, min_score=1.0).refusal_reason is RefusalReason.NO_RELEVANT_CONTEXT
    assert ask(extractive, UNRELATED, min_score=0.0).refusal_reason is None


def test_the_extractive_one_leaves_out_what_is_over_the_limit(
    extractive: Generator, minilm_tokenizer: MiniLmTokenizer
) -> None:
    whole = ask(extractive, min_score=0.0)
    sentence = "The warranty covers two years from the date of purchase. [3]"
    least = len(minilm_tokenizer.token_starts(sentence))
    assert whole.completion_tokens is not None
    assert whole.completion_tokens > least
    for limit in (least, least + 5, whole.completion_tokens - 1, whole.completion_tokens):
        shorter = ask(extractive, min_score=0.0, max_tokens=limit)
        assert shorter.completion_tokens is not None
        assert shorter.completion_tokens <= limit
        check(shorter, PASSAGES)
    assert shorter == whole
    assert ask(extractive, max_tokens=1).answer == sentence


def test_the_extractive_one_quotes_the_same_words_once(extractive: Generator) -> None:
    copies = (passage(1, WARRANTY, "Warranty"), passage(2, WARRANTY, "Warranty", title="copy.txt"))
    found = quotes(ask(extractive, QUESTION, *copies), copies)
    assert found
    assert len(found) == len({words for _, words, _ in found})


def test_ids_do_not_matter_to_the_extractive_one(extractive: Generator) -> None:
    renamed = tuple(replace(each, chunk_id=UUID(int=each.number)) for each in PASSAGES)
    assert ask(extractive, QUESTION, *renamed) == ask(extractive)
