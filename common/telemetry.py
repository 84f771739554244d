"""Logs: one line an event, structured for Cloud Logging, plain for a terminal."""

from __future__ import annotations

import json
import logging
import sys

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


def _extra(record: logging.LogRecord) -> dict[str, str]:
    return {key: str(value) for key, value in record.__dict__.items() if key not in _STANDARD}


class CloudFormatter(logging.Formatter):
    """https://cloud.google.com/logging/docs/structured-logging"""

    def format(self, record: logging.LogRecord) -> str:
        entry = {"severity": record.levelname, "message": record.getMessage(), **_extra(record)}
        if record.exc_info:
            entry["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(entry)  # escaped, so that not even a lone surrogate stops a log


class TerminalFormatter(logging.Formatter):
    """Level, message and fields on a line."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{key}={value}" for key, value in _extra(record).items())
        return f"{super().format(record)} {fields}".rstrip()


def configure(*, structured: bool) -> None:
    """Send the project's logs to standard output; libraries speak from warnings up."""
    stream = logging.StreamHandler(sys.stdout)
    stream.setFormatter(CloudFormatter() if structured else TerminalFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[stream], force=True)
    for package in ("common", "functions"):
        logging.getLogger(package).setLevel(logging.INFO)
