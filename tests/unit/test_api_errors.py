"""How the API answers where the parts behind it cannot answer for now."""

from __future__ import annotations

import flask
import pytest
from werkzeug.test import TestResponse

from common.errors import ConfigurationError, Deferred
from functions.api import errors


def answer_to(error: Exception) -> TestResponse:
    app = flask.Flask(__name__)
    errors.register(app)

    @app.get("/")
    def _fail() -> str:
        raise error

    return app.test_client().get("/")


def reason_of(answered: TestResponse) -> object:
    assert answered.json is not None
    assert (answered.json["error"]["code"], answered.json["error"]["status"]) == (503, "UNAVAILABLE")
    return answered.json["error"]["details"][0]["reason"]


@pytest.mark.parametrize(("wait_seconds", "told"), [(0.0, "1"), (0.2, "1"), (6.0, "6"), (6.1, "7")])
def test_a_question_without_quota_is_told_when_to_come_again(wait_seconds: float, told: str) -> None:
    answered = answer_to(Deferred("QUOTA", "The share is used up.", wait_seconds=wait_seconds))
    assert (answered.status_code, answered.headers["Retry-After"]) == (503, told)
    assert reason_of(answered) == "QUOTA"


def test_a_setting_that_cannot_be_used_is_told_to_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    error = ConfigurationError("Google Cloud refused predict: check AI_INFRA_GOOGLE_PROJECT.")
    answered = answer_to(error)
    assert answered.status_code == 503
    assert reason_of(answered) == "CONFIGURATION"
    assert "AI_INFRA" not in answered.text
    [record] = caplog.records
    assert (record.levelname, record.getMessage(), record.exc_info) == ("ERROR", error.message, None)
