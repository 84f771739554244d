"""Questions on Google Cloud's parts: an answer that is asked for as a stream comes as one, and is the same answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.conftest import TestDatabase
from tests.functions.caller import Caller
from tests.functions.cloud import CloudInstallation, cloud_installed
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Topics

TALL = "How tall is the tower?"
OWN = ("id", "latency_ms")
"""What is each answer's own."""


@pytest.fixture(scope="module")
def cloud(database: TestDatabase, function_topics: Topics, function_storage: str) -> Iterator[CloudInstallation]:
    with cloud_installed(database, function_topics, function_storage, "cloud-questions") as parts:
        parts.project("acme", "docs")
        parts.ingest("acme/docs/handbook.md", HANDBOOK)
        yield parts


@pytest.fixture(scope="module")
def acme(cloud: CloudInstallation) -> Caller:
    return cloud.caller("acme")


def asked(acme: Caller, **options: object) -> TestResponse:
    answered = acme("POST", "/v1/projects/docs:query", json={"question": TALL, **options})
    assert answered.status_code == 200, answered.text
    return answered


def common_to_all(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in OWN}


@pytest.mark.parametrize(
    ("options", "method"),
    [({}, "GenerateContent"), ({"stream": False}, "GenerateContent"), ({"stream": True}, "StreamGenerateContent")],
)
def test_the_model_is_asked_for_a_stream_where_the_caller_asks_for_one(
    cloud: CloudInstallation, acme: Caller, options: dict[str, bool], method: str
) -> None:
    cloud.mend()
    asked(acme, **options)
    counts = {name: cloud.calls(name) for name in ("GenerateContent", "StreamGenerateContent")}
    assert counts == {"GenerateContent": 0, "StreamGenerateContent": 0} | {method: 1}


def test_a_stream_is_the_answer_in_pieces_and_then_the_whole_of_it(acme: Caller) -> None:
    whole = asked(acme).json
    assert whole is not None
    assert (whole["grounded"], bool(whole["citations"])) == (True, True)
    streamed = asked(acme, stream=True)
    assert streamed.mimetype == "text/event-stream"
    *deltas, (last, result) = re.findall(r"event: (\w+)\ndata: (.*)\n\n", streamed.text)
    assert {name for name, _ in deltas} == {"delta"}
    pieces = [json.loads(data) for _, data in deltas]
    assert all(piece.keys() == {"text"} for piece in pieces)
    assert "".join(piece["text"] for piece in pieces) == whole["answer"]
    answer = json.loads(result)
    assert (last, answer.keys()) == ("result", whole.keys())
    assert common_to_all(answer) == common_to_all(whole)
