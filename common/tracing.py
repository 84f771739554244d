"""A name for log lines that belong together: one trace from an object to its answering document, one for a question.

It is handed on as W3C trace context (https://www.w3.org/TR/trace-context/): a header of requests, an attribute of
messages, and metadata of an object where whoever uploads it has a trace to go on with.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID, uuid5

TRACEPARENT = "traceparent"

# An id of zeros names nothing, and ff is no version. What a later version adds to the end is not understood here.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?")
_NAMES = UUID("5b7f4a52-8f0e-4c55-9d0c-6a1b0d3f7f21")


@dataclass(frozen=True, slots=True)
class Trace:
    """A span of a trace. `sampled` is what whoever began it decided about recording it."""

    trace_id: str
    span_id: str
    sampled: bool = False

    @property
    def traceparent(self) -> str:
        """As it is handed on."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current() -> Trace | None:
    """The trace that this work belongs to."""
    return _current.get()


def bind(trace: Trace) -> None:
    """Let what remains of the innermost `scope` belong to this trace."""
    _current.set(trace)


@contextmanager
def scope(trace: Trace) -> Iterator[None]:
    """Work that belongs to this trace."""
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)


def continued(traceparent: str | None) -> Trace:
    """A span of its own in the trace that was handed on; in a new trace if there is none in the text."""
    return parsed(traceparent or "") or Trace(os.urandom(16).hex(), _span_id())


def parsed(traceparent: str) -> Trace | None:
    """A span of its own in the trace that was handed on, if the text is as the standard says."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or (match[1] == "00" and match[4]):
        return None
    return Trace(match[2], _span_id(), sampled=bool(int(match[3], 16) & 1))


def named(name: str) -> Trace:
    """A span of its own in the trace of this name: the same trace whoever asks, and whenever."""
    return Trace(uuid5(_NAMES, name).hex, _span_id())


def _span_id() -> str:
    return os.urandom(8).hex()
