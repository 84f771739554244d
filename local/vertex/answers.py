"""Gemini: the extractive generator's answers in Gemini's shape."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from uuid import UUID

import msgspec
from google.cloud.aiplatform_v1 import types
from grpc import StatusCode

from common.model.questions import Generation, GenerationRequest, Passage
from common.ports import Generator, Tokenizer
from common.prompting import QuotedWords, Reply, ShownPassage, Statement, read_prompt
from local.vertex.protocol import Proto, RefusedError, not_found, require
from local.vertex.quota import Quota
from local.vertex.settings import Settings

GenerateReply = types.GenerateContentResponse.pb()
Candidate = types.Candidate.pb()

_PIECES = 4
_JSON = "application/json"


class Answers:
    """`GenerateContent` for prompts that `common.prompting` wrote."""

    def __init__(self, settings: Settings, generator: Generator, tokenizer: Tokenizer) -> None:
        self._settings, self._generator, self._tokenizer = settings, generator, tokenizer
        self._quota = Quota(
            settings.generate_requests_per_minute, settings.generate_tokens_per_minute, settings.minute_seconds
        )

    def generate(self, request: Proto) -> Proto:
        """One candidate: the JSON of a `Reply`, cut where it is longer than `max_output_tokens`."""
        model = self._settings.model(request.model)
        if model not in self._settings.generation_models:
            raise not_found(f"Publisher Model `{request.model}`")
        prompt = _text(request.contents)
        tokens = self._count(_text([request.system_instruction])) + self._count(prompt)
        self._quota.take(tokens)
        limit = request.generation_config.max_output_tokens
        answer = self._answer(request, prompt, limit)
        starts = self._tokenizer.token_starts(answer)
        is_whole = not limit or len(starts) <= limit
        return self._reply(model, answer if is_whole else answer[: starts[limit]], tokens, is_whole=is_whole)

    def _answer(self, request: Proto, prompt: str, limit: int) -> str:
        require(request.generation_config.response_mime_type == _JSON, f"response_mime_type must be {_JSON} here.")
        try:
            question, shown = read_prompt(prompt)
        except ValueError as error:
            raise RefusedError(StatusCode.UNIMPLEMENTED, str(error)) from error
        # Each sentence of the answer stands in the JSON twice, as statement and as quote.
        max_tokens = limit // 3 or None
        asked = GenerationRequest(question=question, passages=tuple(map(_passage, shown)), max_tokens=max_tokens)
        return msgspec.json.encode(_said(self._generator.generate(asked), asked.passages)).decode()

    def _reply(self, model: str, answer: str, prompt_tokens: int, *, is_whole: bool) -> Proto:
        tokens = self._count(answer)
        reply = GenerateReply(model_version=model)
        reason = Candidate.STOP if is_whole else Candidate.MAX_TOKENS
        candidate = reply.candidates.add(finish_reason=reason)
        candidate.content.role = "model"
        candidate.content.parts.add(text=answer)
        usage = reply.usage_metadata
        usage.prompt_token_count, usage.candidates_token_count = prompt_tokens, tokens
        usage.total_token_count = prompt_tokens + tokens
        return reply

    def _count(self, text: str) -> int:
        return len(self._tokenizer.token_starts(text))


def pieces(reply: Proto) -> Iterator[Proto]:
    """The reply as a stream: its text in some pieces, reason and usage with the last."""
    candidates = reply.candidates
    text = candidates[0].content.parts[0].text if candidates and candidates[0].content.parts else ""
    step = ceil(len(text) / _PIECES)
    starts = range(0, len(text), step) if step else ()
    for start in starts[:-1]:
        piece = GenerateReply(model_version=reply.model_version)
        piece.candidates.add().content.CopyFrom(candidates[0].content)
        piece.candidates[0].content.parts[0].text = text[start : start + step]
        yield piece
    last = GenerateReply()
    last.CopyFrom(reply)
    if starts:
        last.candidates[0].content.parts[0].text = text[starts[-1] :]
    yield last


def _text(contents: Proto) -> str:
    return "\n".join(part.text for content in contents for part in content.parts)


def _passage(shown: ShownPassage) -> Passage:
    return Passage(
        number=shown.number,
        chunk_id=UUID(int=shown.number),
        document_id=UUID(int=0),
        title=shown.title,
        heading_path=shown.heading_path,
        text=shown.text,
        char_start=0,
        page_start=1,
        page_breaks=(),
        score=None,
    )


def _said(generation: Generation, passages: tuple[Passage, ...]) -> Reply:
    """A statement for each quote; none for a refusal."""
    texts = {passage.number: passage.text for passage in passages}
    statements = [
        Statement(
            text=generation.answer[quote.start_index : quote.end_index],
            quotes=(QuotedWords(quote.passage, texts[quote.passage][quote.char_start : quote.char_end]),),
        )
        for quote in generation.quotes
    ]
    return Reply(answerable=generation.refusal_reason is None, statements=tuple(statements))
