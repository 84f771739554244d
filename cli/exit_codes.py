"""What a script learns from the exit code."""

from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus
from typing import Self

from cli.api import ApiFailure
from common.errors import AiInfraError, ConfigurationError, Deferred, Retryable

_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class ExitCode(IntEnum):
    """Every exit code of `ai-infra`, with what it says."""

    meaning: str

    OK = 0, "done"
    FAILED = 1, "refused or failed; the message says why, and that repeating alone does not help"
    USAGE = 2, "the command line or the environment is not as it has to be"
    NOT_FOUND = 3, "what was named is not there, or is another team's"
    NOT_AUTHORISED = 4, "the key or account is unknown, revoked, expired or may not do this"
    UNAVAILABLE = 5, "something did not answer or was too busy: try again"
    NO_ANSWER = 6, "ask: the documents do not answer the question"
    INGESTION_FAILED = 7, "the document that was waited for, or the job that was watched, failed"
    VIOLATED = 8, "admin check: something that always has to hold does not"

    def __new__(cls, value: int, meaning: str) -> Self:
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


def exit_code(error: AiInfraError) -> ExitCode:
    """The exit code of a command that ended by this error."""
    if isinstance(error, ApiFailure):
        return _of_answer(error)
    if isinstance(error, ConfigurationError):
        return ExitCode.USAGE
    if isinstance(error, Retryable | Deferred):
        return ExitCode.UNAVAILABLE
    return {
        "NOT_FOUND": ExitCode.NOT_FOUND,
        "BUCKET_NOT_FOUND": ExitCode.NOT_FOUND,
        "UPLOAD_FORBIDDEN": ExitCode.NOT_AUTHORISED,
    }.get(error.reason, ExitCode.FAILED)


def _of_answer(failure: ApiFailure) -> ExitCode:
    if failure.passing or (failure.code is not None and failure.code >= HTTPStatus.INTERNAL_SERVER_ERROR):
        return ExitCode.UNAVAILABLE
    if failure.code in _REFUSED:
        return ExitCode.NOT_AUTHORISED
    # An address that leads elsewhere answers 404 too: only the API's own word says that the resource is not there.
    return ExitCode.NOT_FOUND if failure.reason.endswith("_NOT_FOUND") else ExitCode.FAILED
