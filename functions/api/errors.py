"""Errors of the API, in the shape of AIP-193 (https://google.aip.dev/193)."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping

import flask
import msgspec
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from common.errors import AiInfraError, ConfigurationError, Deferred, Permanent, Retryable

log = logging.getLogger(__name__)

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_PATH = re.compile(r"at (?:`key` in )?`\$\.?([^`]*)`")
_NAME = re.compile(r"(?:missing required|unknown) field `([^`]*)`")


class ApiError(AiInfraError):
    """An answer that is an error. `metadata` says what it is about, for machines."""

    def __init__(self, code: int, reason: str, message: str, **metadata: str) -> None:
        super().__init__(reason, message)
        self.code = code
        self.metadata = metadata


def not_found(kind: str, name: object) -> ApiError:
    """What is not there, and what is another team's, alike."""
    return ApiError(404, f"{kind.upper()}_NOT_FOUND", f"There is no {kind} {str(name)!r}.", **{kind: str(name)})


def invalid(field: str, message: str) -> ApiError:
    """A request that names something it cannot have."""
    return ApiError(400, "INVALID_FIELD", message, field=field)


def invalid_body(error: msgspec.DecodeError) -> ApiError:
    """A body that is not what the route takes, naming the field where there is one."""
    found = (pattern.search(str(error)) for pattern in (_PATH, _NAME))
    field = ".".join(match[1] for match in found if match)
    return ApiError(400, "INVALID_BODY", f"The request's body cannot be used: {error}", field=field or "body")


def response(code: int, reason: str, message: str, metadata: Mapping[str, str]) -> flask.Response:
    """The error as an answer."""
    body = {
        "error": {
            "code": code,
            "message": message,
            "status": _STATUSES.get(code, "UNKNOWN"),
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": reason,
                    "domain": "ai-infra",
                    "metadata": dict(metadata),
                }
            ],
        }
    }
    return flask.Response(msgspec.json.encode(body), status=code, mimetype="application/json")


def register(app: flask.Flask) -> None:
    """Let every error of the app leave in this shape."""

    @app.errorhandler(ApiError)
    def _api_error(error: ApiError) -> flask.Response:
        answer = response(error.code, error.reason, error.message, error.metadata)
        if error.code == 401:
            answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    @app.errorhandler(Retryable)
    def _unavailable(error: Retryable) -> flask.Response:
        log.warning("%s: %s", error.reason, error)
        return response(503, error.reason, "Something behind the API does not answer: try again shortly.", {})

    @app.errorhandler(Deferred)
    def _too_early(error: Deferred) -> flask.Response:
        log.warning("%s: %s", error.reason, error)
        answer = response(503, error.reason, "Too much is asked at once: try again after a while.", {})
        answer.headers["Retry-After"] = str(max(1, math.ceil(error.wait_seconds)))
        return answer

    @app.errorhandler(ConfigurationError)
    def _misconfigured(error: ConfigurationError) -> flask.Response:
        log.error("%s", error)
        return response(503, error.reason, "This installation is not set up rightly: its log says what to mend.", {})

    @app.errorhandler(Permanent)
    def _permanent(error: Permanent) -> flask.Response:
        return response(400, error.reason, error.message, {})

    @app.errorhandler(HTTPException)
    def _http_error(error: HTTPException) -> flask.Response:
        code = error.code or 500
        answer = response(code, error.name.upper().replace(" ", "_"), error.description or error.name, {})
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return answer

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> flask.Response:
        log.error("Unexpected error", exc_info=error)
        return response(500, "INTERNAL", "Something went wrong inside: the log has it under this request's id.", {})
