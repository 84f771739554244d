"""A client of the API with its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


@dataclass(frozen=True)
class Caller:
    """Asks with one key, unless a call brings another header."""

    client: FlaskClient
    key: str

    def __call__(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **body: Any
    ) -> TestResponse:
        sent = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        return self.client.open(path, method=method, headers=sent, **body)

    def get(self, path: str, **query: object) -> Any:
        """What a request that must succeed answers."""
        answered = self("GET", path, query_string={name: str(value) for name, value in query.items()})
        assert answered.status_code == 200, answered.text
        return answered.json

    def post(self, path: str, **body: object) -> Any:
        """What a request with this body, which must succeed, answers."""
        answered = self("POST", path, json=body)
        assert answered.status_code in {200, 202}, answered.text
        return answered.json

    def ask(self, project: str, question: str, **asked: object) -> dict[str, Any]:
        answered = self("POST", f"/v1/projects/{project}:query", json={"question": question, **asked})
        assert answered.status_code == 200, answered.text
        assert answered.json is not None
        return dict(answered.json)
