"""The local generator: it answers with sentences of the passages as they stand, or refuses. It invents nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.evidence import Candidate, absent, candidates, evidence_score
from common.model.chunks import Vector
from common.model.questions import Generation, GenerationRequest, Passage, Quote, RefusalReason
from common.ports import Embedder, Tokenizer
from common.windows import Window
from common.wording import Asked, asked

MODEL = "extractive-1"
MIN_SCORE = 0.7
"""The evidence score from which on a question is answered; how it was chosen is in docs/decisions/0005."""

_CANDIDATES = 24
_QUOTES = 3
_NEARLY_AS_GOOD = 0.08

type Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    candidate: Candidate
    score: float
    similarity: float
    vector: Vector


class ExtractiveGenerator:
    """`Generator` that picks windows of up to three sentences by the words and the meaning of the question.

    `min_score` of a request is the least evidence score (see `common.evidence`), 0 to 1, that is answered;
    `MIN_SCORE` if it has none. `max_tokens` leaves quotes out, then sentences; one whole sentence always stays, since a
    cut one could say something else. `system_prompt` and `temperature` mean nothing to it: nothing is written.
    """

    def __init__(self, embedder: Embedder, tokenizer: Tokenizer) -> None:
        self._embedder = embedder
        self._tokenizer = tokenizer

    @property
    def model(self) -> str:
        """`extractive-1`."""
        return MODEL

    def generate(self, request: GenerationRequest) -> Generation:
        """The best windows as they stand, each with its passage's number, or NO_RELEVANT_CONTEXT."""
        question = asked(request.question)
        target = np.asarray(self._embedder.embed_question(question.text))
        scored = self._scored(question, target, request.passages)
        least = MIN_SCORE if request.min_score is None else request.min_score
        if not scored or self._evidence(question, target, request.passages, scored[0]) < least:
            return self._generation(request, "", (), RefusalReason.NO_RELEVANT_CONTEXT)
        answer, quotes = self._answer(_worth_quoting(scored), request.max_tokens)
        return self._generation(request, answer, quotes, None)

    def _scored(self, question: Asked, target: Array, passages: Sequence[Passage]) -> list[_Scored]:
        """The candidates, best first."""
        found = candidates(question, passages, _CANDIDATES)
        vectors = self._embedder.embed_documents([self._fitting(_with_heading(each.window)) for each in found])
        scored = []
        for candidate, vector in zip(found, vectors, strict=True):
            similarity = float(np.dot(target, np.asarray(vector)))
            score = candidate.score(similarity)
            scored.append(_Scored(candidate=candidate, score=score, similarity=similarity, vector=vector))
        return sorted(scored, key=lambda it: -it.score)

    def _fitting(self, text: str) -> str:
        """The text as far as the embedder takes it: for comparing, a long window's beginning will do."""
        starts = self._tokenizer.token_starts(text)
        limit = self._tokenizer.max_tokens
        return text if len(starts) <= limit else text[: starts[limit]]

    def _evidence(self, question: Asked, target: Array, passages: Sequence[Passage], best: _Scored) -> float:
        first = best.candidate.window.first(1).text
        (vector,) = self._embedder.embed_documents([self._fitting(first)])
        return evidence_score(
            question,
            best.candidate,
            similarity=best.similarity,
            first_similarity=float(np.dot(target, np.asarray(vector))),
            absent=absent(question, passages),
            unmet=self._unmet(question, best),
        )

    def _unmet(self, question: Asked, best: _Scored) -> float:
        """The question's similarity less that of the question without the words it misses here; ≤ 0, 0 if none."""
        rest = question.without(best.candidate.missing)
        if not best.candidate.missing or not rest:
            return 0.0
        vector = np.asarray(self._embedder.embed_question(rest))
        return min(0.0, best.similarity - float(np.dot(vector, np.asarray(best.vector))))

    def _answer(self, windows: Sequence[Window], max_tokens: int | None) -> tuple[str, tuple[Quote, ...]]:
        """The answer within `max_tokens`: all windows, else fewer, else fewer sentences of the best one."""
        shorter = [windows[:count] for count in range(len(windows), 0, -1)]
        shorter += [[windows[0].first(count)] for count in range(len(windows[0].bounds) - 1, 0, -1)]
        for chosen in shorter:
            answer, quotes = _compose(chosen)
            if max_tokens is None or self._count(answer) <= max_tokens:
                break
        return answer, quotes

    def _generation(
        self, request: GenerationRequest, answer: str, quotes: tuple[Quote, ...], refusal: RefusalReason | None
    ) -> Generation:
        return Generation(
            answer=answer,
            quotes=quotes,
            refusal_reason=refusal,
            model=MODEL,
            prompt_tokens=self._count(request.question) + sum(self._count(it.text) for it in request.passages),
            completion_tokens=self._count(answer),
        )

    def _count(self, text: str) -> int:
        return len(self._tokenizer.token_starts(text))


def _with_heading(window: Window) -> str:
    return f"{window.heading}\n{window.text}" if window.heading else window.text


def _worth_quoting(scored: Sequence[_Scored]) -> list[Window]:
    """The best window, and what is nearly as good and stands elsewhere."""
    chosen: list[Window] = []
    for each in scored:
        window = each.candidate.window
        if each.score < scored[0].score - _NEARLY_AS_GOOD or len(chosen) == _QUOTES:
            break
        if not any(window.overlaps(other) for other in chosen):
            chosen.append(window)
    return chosen


def _compose(windows: Sequence[Window]) -> tuple[str, tuple[Quote, ...]]:
    """The windows' sentences on one line each, white space evened out, with their passages' numbers behind."""
    answer = ""
    quotes = []
    for window in windows:
        answer += "\n" if answer else ""
        start = len(answer)
        answer += " ".join(window.text.split())
        quotes.append(
            Quote(
                passage=window.passage.number,
                char_start=window.char_start,
                char_end=window.char_end,
                start_index=start,
                end_index=len(answer),
            )
        )
        answer += f" [{window.passage.number}]"
    return answer, tuple(quotes)
