"""What a run found, as it is shown and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from statistics import median

import msgspec


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of the questions that were answered while documents came in."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latencies:
        """By nearest rank; nought where nothing was answered."""
        ordered = sorted(seconds) or [0.0]
        p50, p95, p99 = (1000 * ordered[ceil(len(ordered) * percent / 100) - 1] for percent in (50, 95, 99))
        return cls(p50=p50, p95=p95, p99=p99)

    def __str__(self) -> str:
        return f"p50 {self.p50:.0f} ms, p95 {self.p95:.0f} ms, p99 {self.p99:.0f} ms"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What was put in and what became of it.

    `seconds` run from the first upload until everything was ready, `down_seconds` of them while the stack was killed;
    what is a second is told with these in it. `restarts` are the seconds from each start until it was ready.
    """

    seed: int
    documents: int
    pages: int
    chunks: int
    kills: int
    seconds: float
    down_seconds: float
    at_rest_seconds: float
    documents_per_second: float
    pages_per_second: float
    restarts: tuple[float, ...]
    uploads_repeated: int
    answered: int
    cut_short: int
    latency_ms: Latencies
    attempts_burned: int
    failed_messages: int
    faults: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """The result for a person; the last line sums up."""
        yield (
            f"{self.documents} small documents and one of {self.pages} pages, {self.chunks} chunks: ready after"
            f" {self.seconds:.0f} s, {self.down_seconds:.0f} s of them down; at rest {self.at_rest_seconds:.0f} s later"
        )
        yield f"{self.documents_per_second:.1f} documents/s, and {self.pages_per_second:.1f} pages/s of the large one"
        yield f"{self.answered} questions answered, {self.latency_ms}; {self.cut_short} cut short by a kill"
        if self.restarts:
            yield (
                f"{self.kills} kills, each time ready again after {median(self.restarts):.1f} s, at most"
                f" {max(self.restarts):.1f} s; {self.uploads_repeated} uploads repeated"
            )
        yield f"{self.attempts_burned} attempts burned, {self.failed_messages} failed messages"
        yield (
            f"load: documents={self.documents + 1} pages={self.pages} kills={self.kills} questions={self.answered}"
            f" documents/s={self.documents_per_second:.1f} p99={self.latency_ms.p99:.0f}ms wrong={len(self.faults)}"
            f" seed={self.seed} seconds={self.seconds:.0f}"
        )
