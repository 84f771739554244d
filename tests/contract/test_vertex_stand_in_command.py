"""The stand-in for Vertex AI as the one-machine stack runs it: `python -m local.vertex`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from google.api_core.exceptions import ServiceUnavailable

from common.adapters.minilm import MiniLmEmbedder
from local.vertex.faults import FaultSpec
from tests.contract.vertex_clients import (
    SETTINGS,
    Stand,
    point,
    standing,
    vertex_clients,
)

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(*options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "local.vertex", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


@contextmanager
def serving(*options: str, stop: signal.Signals = signal.SIGTERM) -> Iterator[Stand]:
    """The command's stand-in with clients; it has to end by itself when it is told to stop."""
    with process("--settings", '{"index_dimensions": 3}', *options) as started:
        assert started.stdout is not None
        ready, host = started.stdout.readline().split()
        assert ready == "ready"
        with vertex_clients(host) as clients:
            yield Stand(SETTINGS, clients)
        started.send_signal(stop)
        assert started.wait(timeout=30) == (0 if stop is signal.SIGTERM else -stop)


def test_what_was_upserted_outlives_the_process(tmp_path: Path) -> None:
    data = str(tmp_path / "vertex.sqlite")
    with serving("--data", data, stop=signal.SIGKILL) as stand:
        stand.upsert(point("a", 1, 0, 0))
    with serving("--data", data) as stand:
        assert stand.found(1, 0, 0) == ["a"]


def test_the_command_lets_go_wrong_what_it_is_told() -> None:
    fault = {"method": "UpsertDatapoints", "times": 2, "code": "UNAVAILABLE", "after": True}
    with serving("--faults", json.dumps([{**fault, "request": "half_the_datapoints"}])) as stand:
        for names in ("abcd", "efgh"):
            with pytest.raises(ServiceUnavailable):
                stand.upsert(*(point(name, 1, 0, 0) for name in names))
        stand.upsert(point("i", 1, 0, 0))
        assert set(stand.found(1, 0, 0)) == set("abefi")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--settings", '{"dimension": 3}'], "--settings or --faults cannot be read"),
        (["--faults", '[{"method": "Predicted"}]'], "Predicted is none of"),
    ],
)
def test_the_command_says_in_a_sentence_what_it_cannot_do(options: list[str], sentence: str) -> None:
    with process(*options) as started:
        _, errors = started.communicate(timeout=30)
    assert started.returncode == 1
    assert sentence in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("field", ["code", "request", "reply"])
def test_a_fault_s_code_and_alterations_are_known_ones(field: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="BROKEN is none of "):
        msgspec.json.decode(json.dumps({"method": "Predict", field: "BROKEN"}), type=FaultSpec)


def test_a_file_or_a_port_in_use_is_told_in_a_sentence(minilm_embedder: MiniLmEmbedder, tmp_path: Path) -> None:
    data = tmp_path / "vertex.sqlite"
    with standing(minilm_embedder, data) as stand:
        stand.upsert(point("a", 1, 0, 0))
        port = stand.stand_in.host.rpartition(":")[2]
        for options, sentence in (
            (("--data", str(data)), "Does another stand-in run on it?"),
            (("--port", port), f"Port {port} cannot be bound: choose another with --port."),
        ):
            with process(*options) as started:
                _, errors = started.communicate(timeout=30)
            assert started.returncode == 1
            assert sentence in errors
            assert "Traceback" not in errors
