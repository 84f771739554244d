"""How well the passages support an answer: which windows are worth a look, which is best, and whether it is enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from common.model.questions import Passage
from common.windows import Window, windows
from common.wording import Asked, heading_match, stems

# A logistic regression; docs/decisions/0005-extractive-answers.md has its data and its fit.
_INTERCEPT = -1.8
_SIMILARITY = 4.4
_FIRST_SIMILARITY = 3.0
_HEADING = 1.7
_ABSENT = -1.7
_MISSING = -1.3
_NAMES_MISSING = -1.7
_UNMET = 3.4

_UNKNOWN_PASSAGE_SCORE = 0.3
"""What a passage counts for that was found by its words alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A window with what its words have in common with the question.

    `coverage` is the share of the question's content words found in the window, its headings and title;
    `heading_match` is how nearly its heading is the question; `missing` are the content words found neither here nor
    in the rest of its passage; `names_missing` counts the names and numbers among them.
    """

    window: Window
    coverage: float
    heading_match: float
    missing: frozenset[str]
    names_missing: int

    @property
    def promise(self) -> float:
        """What orders candidates before their vectors are compared."""
        score = self.window.passage.score
        passage = _UNKNOWN_PASSAGE_SCORE if score is None else score
        return 0.5 * self.coverage + 0.5 * self._heading_bonus + passage

    def score(self, similarity: float) -> float:
        """What orders candidates once their similarity to the question is known."""
        rank = self.window.passage.number
        return similarity + 0.6 * self._heading_bonus + 0.15 * self.coverage - 0.015 * rank

    @property
    def _heading_bonus(self) -> float:
        """The answer to a question that is a heading begins right below it."""
        position = self.window.position
        nearness = 1.0 if position == 0 else 0.8 if position in {1, 2} else 0.6
        return self.heading_match * nearness


def candidates(question: Asked, passages: Sequence[Passage], limit: int) -> list[Candidate]:
    """At most `limit` windows that share most with the question or stand in the nearest passages, best first."""
    found = [candidate for passage in passages for candidate in _candidates(question, passage)]
    found.sort(key=lambda it: (-it.promise, it.window.passage.number, it.window.char_start))
    return found[:limit]


def _candidates(question: Asked, passage: Passage) -> list[Candidate]:
    place = stems(f"{passage.title}\n{'\n'.join(passage.heading_path)}")
    missing = question.words.keys() - place - stems(passage.text)
    return [
        Candidate(
            window=window,
            coverage=_share(question, stems(f"{window.heading}\n{window.text}") | place),
            heading_match=heading_match(question.text, window.heading),
            missing=frozenset(missing),
            names_missing=len(question.names & missing),
        )
        for window in windows(passage)
    ]


def _share(question: Asked, found: frozenset[str]) -> float:
    return len(question.words.keys() & found) / len(question.words) if question.words else 0.0


def absent(question: Asked, passages: Sequence[Passage]) -> float:
    """The share of the question's content words that no passage has, nor any title or heading."""
    found = stems("\n".join(f"{it.title}\n{'\n'.join(it.heading_path)}\n{it.text}" for it in passages))
    return 1.0 - _share(question, found)


def evidence_score(
    question: Asked, candidate: Candidate, *, similarity: float, first_similarity: float, absent: float, unmet: float
) -> float:
    """How sure it is that the candidate answers the question, 0 to 1.

    `similarity` is the window's to the question, `first_similarity` that of its first sentence alone. `unmet` is how
    much nearer the window would be to the question without the words it is missing, as a number ≤ 0: a missing
    paraphrase costs nothing, a missing subject much.
    """
    missing = len(candidate.missing) / len(question.words) if question.words else 0.0
    logit = (
        _INTERCEPT
        + _SIMILARITY * similarity
        + _FIRST_SIMILARITY * first_similarity
        + _HEADING * candidate.heading_match
        + _ABSENT * absent
        + _MISSING * missing
        + _NAMES_MISSING * min(2, candidate.names_missing)
        + _UNMET * min(0.0, unmet)
    )
    return 1.0 / (1.0 + math.exp(-logit))
