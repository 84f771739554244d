"""What answers a question: where it may look, what is found there, and what is said from it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Scope:
    """The only place that a search may look in: a project, or only these documents of it."""

    team_id: UUID
    project_id: UUID
    document_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search found. `score`: cosine similarity to the question, None where no vector was compared."""

    chunk_id: UUID
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A chunk as it enters a prompt. `number` counts from 1 and is what an answer cites."""

    number: int
    chunk_id: UUID
    document_id: UUID
    title: str
    heading_path: tuple[str, ...]
    text: str
    char_start: int
    page_start: int
    page_breaks: tuple[int, ...]
    score: float | None
    document_url: str | None = None

    def page_of(self, char: int) -> int:
        """The page on which a character of the passage's text stands."""
        return self.page_start + bisect_right(self.page_breaks, self.char_start + char)


class RefusalReason(StrEnum):
    """Why a question was not answered."""

    NO_RELEVANT_CONTEXT = "NO_RELEVANT_CONTEXT"
    PROJECT_EMPTY = "PROJECT_EMPTY"
    UNSUPPORTED_ANSWER = "UNSUPPORTED_ANSWER"
    SAFETY_BLOCKED = "SAFETY_BLOCKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Words of a passage that support part of an answer.

    `passage.text[char_start:char_end]` is the quote; `answer[start_index:end_index]` is what it supports.
    """

    passage: int
    char_start: int
    char_end: int
    start_index: int
    end_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What a generator made of a question and its passages: an answer with quotes, or a refusal with neither."""

    answer: str
    quotes: tuple[Quote, ...]
    refusal_reason: RefusalReason | None
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """A question with the passages that may answer it. None leaves a parameter to the generator's default.

    `stream` says that the caller reads the answer in pieces: a generator may fetch it so, and returns the same.
    """

    question: str
    passages: tuple[Passage, ...]
    system_prompt: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    min_score: float | None = None
    stream: bool = False
