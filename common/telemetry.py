"""Logs: one line an event, structured for Cloud Logging, plain for a terminal.

`event` is a line's stable name, which metrics filter on: infra/metrics.tf. Lines also carry what they are about, as
far as the work that they are of is bound to it, and the trace of that work.
"""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from common import tracing
from common.tracing import Trace

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
# Of what a line is about, as much as a terminal's line has room for.
_SHOWN = ("document_id", "job_id")

_about: ContextVar[Mapping[str, object]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def scope(trace: Trace, **about: object) -> Iterator[None]:
    """Work of this trace, and what its lines are about; what is None is left out."""
    token = _about.set(_known(about))
    try:
        with tracing.scope(trace):
            yield
    finally:
        _about.reset(token)


def bind(**about: object) -> None:
    """Add to what the lines of the innermost `scope` are about."""
    _about.set({**_about.get(), **_known(about)})


def _known(about: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in about.items() if value is not None}


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: _plain(value) for name, value in record.__dict__.items() if name not in _STANDARD}


def _plain(value: object) -> object:
    """Numbers stay numbers, for metrics to add up; what JSON has no word for becomes its text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)


class CloudFormatter(logging.Formatter):
    """https://cloud.google.com/logging/docs/structured-logging

    A trace is known in its project only; without one it is a field like any other.
    """

    def __init__(self, *, project: str = "", function: str = "") -> None:
        super().__init__()
        self._project = project
        self._function = {"function": function} if function else {}

    def format(self, record: logging.LogRecord) -> str:
        about = {name: _plain(value) for name, value in _about.get().items()}
        entry = {**self._function, **about, **_extra(record), **self._trace()}
        entry |= {"severity": record.levelname, "message": record.getMessage()}
        if record.exc_info:
            entry["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(entry)  # escaped, so that not even a lone surrogate stops a log

    def _trace(self) -> dict[str, object]:
        trace = tracing.current()
        if trace is None:
            return {}
        return {
            "logging.googleapis.com/trace": f"projects/{self._project}/traces/{trace.trace_id}",
            "logging.googleapis.com/spanId": trace.span_id,
            "logging.googleapis.com/trace_sampled": trace.sampled,
        }


class TerminalFormatter(logging.Formatter):
    """Level, message and fields on a line."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        about = {name: value for name, value in _about.get().items() if name in _SHOWN}
        fields = " ".join(f"{name}={value}" for name, value in {**about, **_extra(record)}.items())
        return f"{super().format(record)} {fields}".rstrip()


def configure(*, structured: bool, project: str, function: str) -> None:
    """Send the project's logs to standard output; libraries speak from warnings up."""
    stream = logging.StreamHandler(sys.stdout)
    stream.setFormatter(CloudFormatter(project=project, function=function) if structured else TerminalFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[stream], force=True)
    for package in ("common", "functions"):
        logging.getLogger(package).setLevel(logging.INFO)
