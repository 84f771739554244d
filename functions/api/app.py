"""The Flask app of the API: its routes, its limits, its errors, and each request's id."""

from __future__ import annotations

import re
from contextlib import ExitStack
from uuid import uuid4

import flask

from common import telemetry, tracing
from common.tracing import TRACEPARENT
from functions.api import errors
from functions.api.context import ApiContext
from functions.api.deletions import deletion_routes
from functions.api.documents import document_routes
from functions.api.jobs import job_routes
from functions.api.projects import project_routes
from functions.api.questions import question_routes
from functions.api.ways_in import ways_in_routes

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def create_app(context: ApiContext) -> flask.Flask:
    """The API on these ports."""
    app = flask.Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = context.settings.max_request_bytes
    errors.register(app)
    for routes in (question_routes, document_routes, ways_in_routes, deletion_routes, job_routes, project_routes):
        app.register_blueprint(routes(context))

    @app.before_request
    def _identify() -> None:
        wanted = flask.request.headers.get("X-Request-Id", "")
        flask.g.request_id = wanted if _REQUEST_ID.fullmatch(wanted) else uuid4().hex
        trace = tracing.continued(flask.request.headers.get(TRACEPARENT))
        flask.g.work = ExitStack()
        flask.g.work.enter_context(telemetry.scope(trace, request_id=flask.g.request_id))

    @app.teardown_request
    def _end_work(_: BaseException | None) -> None:
        flask.g.work.close()

    @app.after_request
    def _say_id(response: flask.Response) -> flask.Response:
        response.headers["X-Request-Id"] = flask.g.request_id
        response.headers["Cache-Control"] = "no-store"
        return response

    # Not /healthz: Google's front end answers that itself, with 404.
    @app.get("/health")
    def _healthy() -> dict[str, str]:
        return {"status": "ok"}

    return app
