"""Answers by Gemini on Vertex AI: quotes asked for in a form that can be checked, and checked."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from google.api_core.exceptions import InvalidArgument
from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient
from google.cloud.aiplatform_v1.types.content import Candidate, Content, GenerationConfig, Part
from google.cloud.aiplatform_v1.types.openapi import Schema
from google.cloud.aiplatform_v1.types.prediction_service import GenerateContentRequest, GenerateContentResponse

from common.adapters.vertex.calls import Calls
from common.adapters.vertex.refusals import said
from common.errors import Permanent, Retryable
from common.model.questions import Generation, GenerationRequest, Passage, RefusalReason
from common.prompting import RESPONSE_SCHEMA, Reply, read_reply, write_prompt
from common.quoting import compose
from common.token_estimate import EstimatingTokenizer

log = logging.getLogger(__name__)

# A malformed answer is asked for once more.
_TRIES = 2
# What the answer's form takes beside its words: each statement stands there twice, as itself and as what it quotes.
_FORM_SHARE, _FORM_TOKENS = 3, 256
_MOST_OUTPUT_TOKENS = 65_535
_MOST_PROMPT_TOKENS = 1_000_000

_Finish = Candidate.FinishReason
_BLOCKED = {
    _Finish.SAFETY,
    _Finish.RECITATION,
    _Finish.BLOCKLIST,
    _Finish.PROHIBITED_CONTENT,
    _Finish.SPII,
    _Finish.MODEL_ARMOR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What came back, be it in one piece or in many."""

    text: str
    blocked: bool
    cut_off: bool
    prompt_tokens: int
    completion_tokens: int


class GeminiGenerator:
    """`Generator`. An answer consists of the statements that a quote found in its passage supports, and of no other.

    `min_score` of a request is the least similarity of a passage that is shown; one found by its words alone has none
    and is shown. `max_tokens` bounds the statements together, as the model is told; what it may write in all leaves
    room for their quotes. Without a `temperature` it is 0. Threads may share one.
    """

    def __init__(
        self,
        client: PredictionServiceClient,
        model: str,
        calls: Calls,
        *,
        project: str,
        region: str,
        thinking_tokens: int,
        answer_tokens: int,
    ) -> None:
        self._client = client
        self._model = model
        self._calls = calls
        self._name = f"projects/{project}/locations/{region}/publishers/google/models/{model}"
        self._thinking_tokens = thinking_tokens
        self._answer_tokens = answer_tokens
        self._tokenizer = EstimatingTokenizer(_MOST_PROMPT_TOKENS)

    @property
    def model(self) -> str:
        """The name that Vertex AI knows it by."""
        return self._model

    def generate(self, request: GenerationRequest) -> Generation:
        """The verified answer, or NO_RELEVANT_CONTEXT, UNSUPPORTED_ANSWER or SAFETY_BLOCKED.

        `Retryable` (MALFORMED_ANSWER) if what comes back is twice not what was asked for, `Permanent` (PROMPT_REFUSED)
        if Vertex AI does not take the request.
        """
        shown = tuple(each for each in request.passages if _near_enough(each, request.min_score))
        if not shown:
            return self._generation([], refusal=RefusalReason.NO_RELEVANT_CONTEXT)
        request = replace(request, passages=shown)
        content = self._content(request)
        answers: list[_Answer] = []
        while len(answers) < _TRIES:
            answers.append(self._fetch(content, stream=request.stream))
            if answers[-1].blocked:
                return self._generation(answers, refusal=RefusalReason.SAFETY_BLOCKED)
            reply = read_reply(answers[-1].text, cut_off=answers[-1].cut_off)
            if reply is not None:
                return self._verified(answers, reply, shown)
        raise Retryable("MALFORMED_ANSWER", f"{self._model} twice answered in another form than it was asked for.")

    def _content(self, request: GenerationRequest) -> GenerateContentRequest:
        answer_tokens = request.max_tokens or self._answer_tokens
        prompt = write_prompt(request, answer_tokens=answer_tokens)
        output_tokens = _FORM_SHARE * answer_tokens + _FORM_TOKENS + self._thinking_tokens
        return GenerateContentRequest(
            model=self._name,
            system_instruction=Content(parts=[Part(text=prompt.system)]),
            contents=[Content(role="user", parts=[Part(text=prompt.text)])],
            generation_config=GenerationConfig(
                temperature=request.temperature or 0.0,
                max_output_tokens=min(output_tokens, _MOST_OUTPUT_TOKENS),
                candidate_count=1,
                response_mime_type="application/json",
                response_schema=Schema.from_json(json.dumps(RESPONSE_SCHEMA)),
                thinking_config=GenerationConfig.ThinkingConfig(thinking_budget=self._thinking_tokens),
            ),
        )

    def _fetch(self, content: GenerateContentRequest, *, stream: bool) -> _Answer:
        try:
            return self._calls.call(
                f"an answer of {self._model}",
                lambda seconds: _gathered(self._responses(content, seconds, stream=stream)),
                self._likely_tokens(content),
                settings=("generation_model",),
                used=lambda answer: answer.prompt_tokens + answer.completion_tokens,
                patient=True,
            )
        except InvalidArgument as refusal:
            raise Permanent(
                "PROMPT_REFUSED",
                f"{self._model} does not take the request ({said(refusal)}): ask for fewer passages or tokens, or check"
                " AI_INFRA_GENERATION_MODEL and AI_INFRA_THINKING_TOKENS.",
            ) from refusal

    def _responses(
        self, content: GenerateContentRequest, seconds: float, *, stream: bool
    ) -> Sequence[GenerateContentResponse]:
        if stream:
            return list(self._client.stream_generate_content(request=content, timeout=seconds))
        return [self._client.generate_content(request=content, timeout=seconds)]

    def _likely_tokens(self, content: GenerateContentRequest) -> int:
        texts = [part.text for each in (content.system_instruction, *content.contents) for part in each.parts]
        written = sum(len(self._tokenizer.token_starts(text)) for text in texts)
        return written + content.generation_config.max_output_tokens

    def _verified(self, answers: Sequence[_Answer], reply: Reply, passages: Sequence[Passage]) -> Generation:
        if not reply.answerable:
            return self._generation(answers, refusal=RefusalReason.NO_RELEVANT_CONTEXT)
        text, quotes = compose(reply.statements, passages)
        log.info("Answered", extra={"model": self._model, "statements": len(reply.statements), "quotes": len(quotes)})
        if not quotes:
            return self._generation(answers, refusal=RefusalReason.UNSUPPORTED_ANSWER)
        return replace(self._generation(answers), answer=text, quotes=quotes)

    def _generation(self, answers: Sequence[_Answer], refusal: RefusalReason | None = None) -> Generation:
        """What it took, be it used or not, since all of it is billed."""
        return Generation(
            answer="",
            quotes=(),
            refusal_reason=refusal,
            model=self._model,
            prompt_tokens=sum(answer.prompt_tokens for answer in answers),
            completion_tokens=sum(answer.completion_tokens for answer in answers),
        )


def _near_enough(passage: Passage, min_score: float | None) -> bool:
    return min_score is None or passage.score is None or passage.score >= min_score


def _gathered(responses: Sequence[GenerateContentResponse]) -> _Answer:
    candidates = [response.candidates[0] for response in responses if response.candidates]
    reasons = {candidate.finish_reason for candidate in candidates}
    parts = [part for candidate in candidates for part in candidate.content.parts if not part.thought]
    usages = [response.usage_metadata for response in responses]
    return _Answer(
        text="".join(part.text for part in parts),
        blocked=bool(reasons & _BLOCKED) or any(response.prompt_feedback.block_reason for response in responses),
        cut_off=_Finish.MAX_TOKENS in reasons,
        # Each piece of a stream states what was used so far.
        prompt_tokens=max((usage.prompt_token_count for usage in usages), default=0),
        completion_tokens=max((u.candidates_token_count + u.thoughts_token_count for u in usages), default=0),
    )
