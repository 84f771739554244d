"""An HTTP server that answers what a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import make_server

from local.ports import LOOPBACK


@dataclass
class AnsweringServer:
    """Gives its answers in order, the last one again and again."""

    url: str = ""
    answers: list[Response] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)

    def answer(self, *answers: Response) -> None:
        self.answers = list(answers)
        for kept in (self.asked, self.bodies, self.ranges):
            kept.clear()

    def __call__(self, **_path: str) -> Response:
        self.asked.append((request.method, request.environ["REQUEST_URI"]))
        self.keys.append(request.headers.get("Authorization", ""))
        self.identities.append(request.headers.get("X-Serverless-Authorization", ""))
        self.bodies.append(request.get_data())
        self.ranges.append(request.headers.get("Content-Range", ""))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def said(content: Any, code: int = 200) -> Response:
    """An answer in JSON."""
    return Response(json.dumps(content), status=code, mimetype="application/json")


def refusal(code: int, reason: str) -> Response:
    """An error as the API says it."""
    return said({"error": {"code": code, "message": "A sentence.", "details": [{"reason": reason}]}}, code)


@contextmanager
def answering() -> Iterator[AnsweringServer]:
    answers = AnsweringServer()
    app = Flask("answers")
    app.add_url_rule("/", "root", answers, defaults={"path": ""}, methods=["GET", "POST", "PUT", "DELETE"])
    app.add_url_rule("/<path:path>", "answers", answers, methods=["GET", "POST", "PUT", "DELETE"])
    server = make_server(LOOPBACK, 0, app)
    answers.url = f"http://{LOOPBACK}:{server.server_port}"
    with ThreadPoolExecutor(1) as threads:
        threads.submit(server.serve_forever)
        try:
            yield answers
        finally:
            server.shutdown()
    server.server_close()
