"""Asks all the time what a document that is known to be ready answers, and looks at what comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from types import TracebackType
from typing import Any, Self

from bench.load.documents import Prepared, Question
from bench.load.stack import KillableStack
from cli.api import ApiFailure

_WAIT_SECONDS = 0.2


class Questions:
    """Asks from when its context is entered until it is left, `pause_seconds` from one question to the next."""

    def __init__(self, stack: KillableStack, random: Random, pause_seconds: float) -> None:
        self._stack, self._random, self._pause_seconds = stack, random, pause_seconds
        self._ready: list[Prepared] = []
        self._thread = ThreadPoolExecutor(1)
        self._asking: Future[None] | None = None
        self._stop = threading.Event()
        self.latencies: list[float] = []
        """Seconds, of those that were answered."""
        self.cut_short = 0
        """Questions that went without an answer because the stack was killed."""
        self.faults: list[str] = []

    def __enter__(self) -> Self:
        self._asking = self._thread.submit(self._ask_on)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.shutdown()
        if self._asking is not None and error is None:
            self._asking.result()

    def became_ready(self, files: Iterable[Prepared]) -> None:
        """From now on, whatever happens, these have to answer."""
        self._ready += files

    def ask(self, question: Question) -> None:
        """Ask, if the stack is up, and look at the answer."""
        incarnation = self._stack.when_up(_WAIT_SECONDS)
        if incarnation is None:
            return
        described = incarnation.described
        begun = time.monotonic()
        try:
            answer = described.connect().ask(described.project, question.text)
        except ApiFailure as failure:
            if self._stack.is_over(incarnation):
                self.cut_short += 1
            else:
                self.faults.append(f"{question.text!r} failed: {failure.code} {failure.reason}: {failure.message}")
        else:
            self.latencies.append(time.monotonic() - begun)
            self.faults += wrong(question, answer)

    def _ask_on(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(due - time.monotonic()):
            due = max(due + self._pause_seconds, time.monotonic())
            if self._ready:
                self.ask(self._random.choice(self._random.choice(self._ready).questions))


def wrong(question: Question, answer: Mapping[str, Any]) -> list[str]:
    """What is wrong with an answer, if anything is: it has to quote the fact from its page."""
    if not answer["grounded"]:
        return [f"{question.text!r} was refused, {answer['refusal_reason']}, though {question.document} was ready"]
    if any(_is_the_fact(question, citation) for citation in answer["citations"]):
        return []
    cited = ", ".join(f"{each['title']}, page {each['page_start']}" for each in answer["citations"])
    return [f"{question.text!r} was answered from {cited} instead of {question.document}, page {question.page}"]


def _is_the_fact(question: Question, citation: Mapping[str, Any]) -> bool:
    return (
        citation["title"] == question.document
        and citation["page_start"] <= question.page <= citation["page_end"]
        and question.expected in " ".join(citation["quote"].split())
    )
