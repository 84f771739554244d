"""Gemini on Vertex AI while calls fail on the wire or answer what they should not: no forged quote ever leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from google.cloud.aiplatform_v1 import GenerateContentResponse
from grpc import StatusCode

from common.adapters.minilm import MiniLmEmbedder
from common.errors import ConfigurationError, Deferred, Permanent, Retryable
from common.model.questions import Generation, GenerationRequest, Passage, RefusalReason
from common.prompting import read_prompt
from common.quota import Quota
from local.vertex.faults import Fault, blocked_answer, blocked_prompt, cut_answer, forged_quotes
from tests.vertex import RETRY_SECONDS, SkippedTime
from tests.vertex_answers import MODEL, VertexAnswers, running_answers

METHODS = {False: "GenerateContent", True: "StreamGenerateContent"}
WARRANTY = "The warranty covers two years from the date of purchase. Damage by water is not covered by the warranty."
QUESTION = "What does the warranty cover?"
PASSING = {
    "503": Fault(code=StatusCode.UNAVAILABLE),
    "503 when it was done": Fault(code=StatusCode.UNAVAILABLE, after=True),
    "504": Fault(code=StatusCode.DEADLINE_EXCEEDED),
    "dropped": Fault(drop=True),
    "dropped when it was done": Fault(drop=True, after=True),
}
FINISH_REASONS = ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"]
REPLY = '{"answerable": true, "statements": %s}'


@pytest.fixture(scope="module")
def running() -> Iterator[VertexAnswers]:
    with running_answers(MiniLmEmbedder()) as answers:
        yield answers


@pytest.fixture
def vertex(running: VertexAnswers) -> Iterator[VertexAnswers]:
    """Nothing goes wrong yet, and nothing was called."""
    running.stand_in.faults.clear()
    running.stand_in.counts.clear()
    yield running
    running.stand_in.faults.clear()


@pytest.fixture
def time() -> SkippedTime:
    return SkippedTime()


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def method(stream: bool) -> str:
    return METHODS[stream]


@pytest.fixture
def ask(vertex: VertexAnswers, time: SkippedTime, stream: bool) -> Callable[..., Generation]:
    """Ask about the warranty; `options` are the request's."""

    def asked(**options: Any) -> Generation:
        return vertex.generator(time=time).generate(asking(stream=stream, **options))

    return asked


def asking(**options: Any) -> GenerationRequest:
    return GenerationRequest(**{"question": QUESTION, "passages": (passage(),)} | options)


def passage(number: int = 1, score: float | None = 0.5) -> Passage:
    return Passage(
        number=number,
        chunk_id=UUID(int=number),
        document_id=UUID(int=0),
        title="manual.txt",
        heading_path=("Warranty",),
        text=WARRANTY,
        char_start=0,
        page_start=1,
        page_breaks=(),
        score=score,
    )


def answering(text: str, finish: str = "STOP") -> Fault:
    """The model answers this text."""

    def alter(reply: Any) -> None:
        (candidate,) = reply.candidates
        candidate.content.parts[0].text = text
        candidate.finish_reason = candidate.FinishReason.Value(finish)

    return Fault(reply=alter)


def is_answered(generation: Generation) -> bool:
    words = [WARRANTY[quote.char_start : quote.char_end] for quote in generation.quotes]
    return generation.refusal_reason is None and "two years" in words[0]


def is_refused(generation: Generation, reason: RefusalReason) -> bool:
    return (generation.refusal_reason, generation.answer, generation.quotes) == (reason, "", ())


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_what_passes_is_repeated_until_there_is_an_answer(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str, fault: Fault
) -> None:
    vertex.stand_in.faults.add(method, fault, times=2)
    assert is_answered(ask())
    assert vertex.stand_in.counts == {method: 3}


def test_a_slow_answer_is_given_up_and_asked_for_again(vertex: VertexAnswers, method: str, stream: bool) -> None:
    vertex.stand_in.faults.add(method, Fault(seconds=30))
    assert is_answered(vertex.generator(remote_seconds=2.0).generate(asking(stream=stream)))
    assert vertex.stand_in.counts == {method: 2}


def test_what_does_not_pass_is_retryable_within_its_time(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str, time: SkippedTime
) -> None:
    vertex.stand_in.faults.add(method, Fault(code=StatusCode.UNAVAILABLE), times=100)
    with pytest.raises(Retryable) as raised:
        ask()
    assert raised.value.reason == "VERTEX_UNAVAILABLE"
    assert 0 < time.now() <= RETRY_SECONDS


@pytest.mark.parametrize("retry_after", [7.0, None])
def test_a_429_is_waited_for_as_long_as_the_caller_can(
    vertex: VertexAnswers,
    ask: Callable[..., Generation],
    method: str,
    time: SkippedTime,
    retry_after: float | None,
) -> None:
    vertex.stand_in.faults.add(method, Fault(code=StatusCode.RESOURCE_EXHAUSTED, retry_after=retry_after))
    assert is_answered(ask())
    assert vertex.stand_in.counts == {method: 2}
    assert time.now() >= (retry_after or 1.0)


@pytest.mark.parametrize("retry_after", [600.0, None])
def test_a_429_that_stays_is_deferred(
    vertex: VertexAnswers,
    ask: Callable[..., Generation],
    method: str,
    time: SkippedTime,
    retry_after: float | None,
) -> None:
    vertex.stand_in.faults.add(method, Fault(code=StatusCode.RESOURCE_EXHAUSTED, retry_after=retry_after), times=100)
    with pytest.raises(Deferred) as raised:
        ask()
    assert raised.value.reason == "QUOTA"
    assert raised.value.wait_seconds > 0
    assert time.now() <= RETRY_SECONDS


def test_an_answer_with_forged_quotes_is_refused(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str
) -> None:
    vertex.stand_in.faults.add(method, Fault(reply=forged_quotes))
    generation = ask()
    assert is_refused(generation, RefusalReason.UNSUPPORTED_ANSWER)
    assert generation.completion_tokens


def test_what_a_forged_quote_supports_is_left_out_of_an_answer(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str
) -> None:
    statements = (
        '[{"text": "It covers ten years.", "quotes": [{"passage": 1, "quote": "covers ten years"}]},'
        ' {"text": "It covers two years.", "quotes": [{"passage": 2, "quote": "covers two years"},'
        ' {"passage": 1, "quote": "covers two years"}]}]'
    )
    vertex.stand_in.faults.add(method, answering(REPLY % statements))
    generation = ask()
    assert generation.answer == "It covers two years. [1]"
    assert len(generation.quotes) == 1


@pytest.mark.parametrize("alteration", [blocked_prompt, blocked_answer])
def test_a_blocked_answer_is_refused_as_such(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str, alteration: Callable[[Any], None]
) -> None:
    vertex.stand_in.faults.add(method, Fault(reply=alteration))
    generation = ask()
    assert is_refused(generation, RefusalReason.SAFETY_BLOCKED)
    assert generation.prompt_tokens
    assert vertex.stand_in.counts == {method: 1}


@pytest.mark.parametrize("reason", FINISH_REASONS)
def test_an_answer_that_a_filter_ended_is_blocked_whatever_it_says(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str, reason: str
) -> None:
    vertex.stand_in.faults.add(method, answering(REPLY % "[]", reason))
    assert is_refused(ask(), RefusalReason.SAFETY_BLOCKED)


@pytest.mark.parametrize("reason", list(GenerateContentResponse.PromptFeedback.BlockedReason)[1:])
def test_a_prompt_is_blocked_for_any_reason(
    vertex: VertexAnswers,
    ask: Callable[..., Generation],
    method: str,
    reason: GenerateContentResponse.PromptFeedback.BlockedReason,
) -> None:
    def block(reply: Any) -> None:
        del reply.candidates[:]
        reply.prompt_feedback.block_reason = reason

    vertex.stand_in.faults.add(method, Fault(reply=block))
    assert is_refused(ask(), RefusalReason.SAFETY_BLOCKED)


def test_a_model_that_refuses_found_nothing_relevant(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str
) -> None:
    vertex.stand_in.faults.add(method, answering('{"answerable": false, "statements": []}'))
    assert is_refused(ask(), RefusalReason.NO_RELEVANT_CONTEXT)


def test_an_answer_cut_off_in_its_first_statement_is_refused(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str
) -> None:
    text = (REPLY % '[{"text": "It covers two')[:-1]
    vertex.stand_in.faults.add(method, answering(text, "MAX_TOKENS"))
    assert is_refused(ask(), RefusalReason.UNSUPPORTED_ANSWER)
    assert vertex.stand_in.counts == {method: 1}


def test_of_an_answer_cut_off_later_the_whole_statements_stay(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str
) -> None:
    whole = '{"text": "It covers two years.", "quotes": [{"passage": 1, "quote": "covers two years"}]}'
    text = (REPLY % f"[{whole}, {whole}]")[:-30]
    vertex.stand_in.faults.add(method, answering(text, "MAX_TOKENS"))
    generation = ask()
    assert generation.answer == "It covers two years. [1]"
    assert len(generation.quotes) == 1


def test_an_answer_cut_in_its_middle_never_fails(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str
) -> None:
    vertex.stand_in.faults.add(method, Fault(reply=cut_answer))
    generation = ask()
    assert is_refused(generation, RefusalReason.UNSUPPORTED_ANSWER) or is_answered(generation)


@pytest.mark.parametrize("text", ["It covers two years.", '{"answerable": tr', "[]"])
def test_a_malformed_answer_is_asked_for_once_more(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str, text: str
) -> None:
    usual = ask()
    vertex.stand_in.counts.clear()
    vertex.stand_in.faults.add(method, answering(text))
    generation = ask()
    assert is_answered(generation)
    assert vertex.stand_in.counts == {method: 2}
    assert generation.prompt_tokens == 2 * (usual.prompt_tokens or 0)


def test_twice_malformed_is_retryable(vertex: VertexAnswers, ask: Callable[..., Generation], method: str) -> None:
    vertex.stand_in.faults.add(method, answering("It covers two years."), times=2)
    with pytest.raises(Retryable) as raised:
        ask()
    assert raised.value.reason == "MALFORMED_ANSWER"
    assert vertex.stand_in.counts == {method: 2}


def test_an_answer_without_a_candidate_is_malformed(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str
) -> None:
    def empty(reply: Any) -> None:
        del reply.candidates[:]

    vertex.stand_in.faults.add(method, Fault(reply=empty))
    assert is_answered(ask())
    assert vertex.stand_in.counts == {method: 2}


def test_a_request_that_is_not_taken_is_refused_for_good(
    vertex: VertexAnswers, ask: Callable[..., Generation], method: str
) -> None:
    vertex.stand_in.faults.add(method, Fault(code=StatusCode.INVALID_ARGUMENT))
    with pytest.raises(Permanent, match="AI_INFRA_GENERATION_MODEL") as raised:
        ask()
    assert raised.value.reason == "PROMPT_REFUSED"
    assert vertex.stand_in.counts == {method: 1}


@pytest.mark.parametrize(
    ("options", "setting"),
    [({"model": "no-such-model"}, "GENERATION_MODEL"), ({"project": "another"}, "GOOGLE_PROJECT")],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(
    vertex: VertexAnswers, stream: bool, options: dict[str, Any], setting: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"AI_INFRA_{setting}"):
        vertex.generator(**options).generate(asking(stream=stream))


def test_what_is_asked_for_is_what_is_sent(vertex: VertexAnswers, method: str, stream: bool) -> None:
    sent: list[Any] = []
    vertex.stand_in.faults.add(method, Fault(request=sent.append))
    options = {"temperature": 0.5, "max_tokens": 100, "system_prompt": "Answer in verse."}
    vertex.generator(thinking_tokens=64).generate(asking(stream=stream, **options))
    (request,) = sent
    config = request.generation_config
    assert request.model.endswith(f"/publishers/google/models/{MODEL}")
    assert (config.temperature, config.max_output_tokens) == (0.5, 3 * 100 + 256 + 64)
    assert config.thinking_config.thinking_budget == 64
    assert config.response_mime_type == "application/json"
    assert config.response_schema.required == ["answerable", "statements"]
    assert request.system_instruction.parts[0].text.endswith("Answer in verse.")
    question, (shown,) = read_prompt(request.contents[0].parts[0].text)
    assert (question, shown.text) == (QUESTION, WARRANTY)


def test_what_is_not_asked_for_has_a_default(vertex: VertexAnswers, method: str, stream: bool) -> None:
    sent: list[Any] = []
    vertex.stand_in.faults.add(method, Fault(request=sent.append))
    vertex.generator().generate(asking(stream=stream))
    config = sent[0].generation_config
    assert (config.temperature, config.max_output_tokens) == (0.0, 3 * 1024 + 256)
    assert config.thinking_config.HasField("thinking_budget")
    assert config.thinking_config.thinking_budget == 0


def test_passages_less_similar_than_asked_for_are_not_shown(vertex: VertexAnswers) -> None:
    sent: list[Any] = []
    vertex.stand_in.faults.add("GenerateContent", Fault(request=sent.append))
    passages = (passage(1, 0.4), passage(2, 0.6), passage(3, None))
    vertex.generator().generate(asking(passages=passages, min_score=0.5))
    _, shown = read_prompt(sent[0].contents[0].parts[0].text)
    assert [each.number for each in shown] == [2, 3]


def test_without_a_passage_to_show_nobody_is_asked(vertex: VertexAnswers) -> None:
    generation = vertex.generator().generate(asking(passages=(passage(1, 0.4),), min_score=0.5))
    assert is_refused(generation, RefusalReason.NO_RELEVANT_CONTEXT)
    assert (generation.prompt_tokens, generation.completion_tokens) == (0, 0)
    assert not vertex.stand_in.counts


def test_thoughts_are_billed_and_not_read(vertex: VertexAnswers, ask: Callable[..., Generation], method: str) -> None:
    usual = ask()

    def think(reply: Any) -> None:
        part = reply.candidates[0].content.parts.add(text="Let me think.", thought=True)
        assert part.thought
        reply.usage_metadata.thoughts_token_count = 40

    vertex.stand_in.faults.add(method, Fault(reply=think))
    generation = ask()
    assert generation.answer == usual.answer
    assert generation.completion_tokens == (usual.completion_tokens or 0) + 40


def test_the_quota_counts_what_was_used(vertex: VertexAnswers, time: SkippedTime, stream: bool) -> None:
    generator = vertex.generator(time=time, quota=Quota(tokens_per_minute=6000, now=time.now))
    for _ in range(3):  # each may take more than half of the quota; each takes far less
        assert is_answered(generator.generate(asking(stream=stream)))
    assert time.now() == 0
