"""`./dev up` as a person uses it: one line of JSON, copies into the drop folder, Ctrl-C, and again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.cloud import storage

from cli.api import Api
from tests.e2e.team import eventually

# As many paragraphs as keep the embedder busy for some seconds.
LONG = "\n\n".join(
    f"Paragraph {number}: the lighthouse keeper of island {number} writes down the wind, the tide and the ships that"
    f" pass at {number % 24} o'clock, and sends the page to the harbour office with the next boat."
    for number in range(400)
)
START_SECONDS = 120.0
STOP_SECONDS = 60.0
LINES = ("api", "bucket", "storage_endpoint", "drop_folder", "team", "project", "project_id", "api_key")


@dataclass(frozen=True)
class Up:
    """A running `./dev up` and the line that it printed."""

    process: subprocess.Popen[str]
    described: dict[str, Any]

    @property
    def api(self) -> Api:
        return Api(self.described["api"], self.described["api_key"])

    @property
    def folder(self) -> Path:
        return Path(self.described["drop_folder"], self.described["team"], self.described["project"])

    def stop(self, number: signal.Signals) -> None:
        stop(self.process, number)


@contextmanager
def started(root: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [str(root / "dev"), "up", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr.fileno(), text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(STOP_SECONDS)


@contextmanager
def up(root: Path, data: Path, *arguments: str) -> Iterator[Up]:
    with started(root, "--data", str(data), *arguments) as process:
        assert process.stdout is not None
        yield Up(process, json.loads(process.stdout.readline()))


def stop(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Signal it and wait for its end, and that of all its processes: the last are the system's to take note of."""
    everyone = descendants(process.pid)
    process.send_signal(number)
    assert process.wait(STOP_SECONDS) == 0
    eventually(lambda: None if any(Path(f"/proc/{pid}").exists() for pid in everyone) else True, "nothing to be left")


def descendants(pid: int) -> list[int]:
    """All processes that descend from this one, read from /proc."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(fields[1])
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


@pytest.mark.full
def test_an_ingestion_cut_short_by_ctrl_c_is_finished_by_the_next_run(root: Path, tmp_path: Path) -> None:
    with up(root, tmp_path) as first:
        assert tuple(first.described) == LINES
        (first.folder / "log.txt").write_text(LONG)

        def begun() -> str | None:
            documents = first.api.documents("docs")
            job = documents[0]["job_id"] if documents else None
            return job if job and first.api.job(job)["chunks_created"] > 0 else None

        job = eventually(begun, "the first chunks")
        first.stop(signal.SIGINT)
    with up(root, tmp_path) as second:
        assert second.described["api_key"] == first.described["api_key"]
        eventually(lambda: True if second.api.job(job)["status"] == "succeeded" else None, "the interrupted job")
        (document,) = second.api.documents("docs")
        assert (document["title"], document["status"]) == ("log.txt", "ready")
        second.stop(signal.SIGTERM)


@pytest.mark.full
def test_googles_own_client_uploads_by_the_emulators_variable(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with up(root, tmp_path, "--quiet") as running:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", running.described["storage_endpoint"])
        client = storage.Client(project="any")
        name = f"{running.described['team']}/{running.described['project']}/notes/leave.txt"
        client.bucket(running.described["bucket"]).blob(name).upload_from_string("Leave lasts eighteen weeks.")
        eventually(lambda: running.api.documents("docs", status="ready") or None, "the document")


def test_a_signal_before_it_is_ready_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    with started(root, "--data", str(tmp_path)) as process:
        eventually(lambda: True if (tmp_path / "postgres").exists() else None, "Postgres to be made")
        stop(process, signal.SIGINT)


def test_a_port_that_is_taken_is_told_in_a_sentence(root: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [str(root / "dev"), "up", "--data", str(tmp_path), "--port", str(taken.getsockname()[1])]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    assert ended.returncode == 1
    assert "is in use by another program" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unknown_setting_is_told_in_a_sentence(root: Path, tmp_path: Path) -> None:
    command = [str(root / "dev"), "up", "--data", str(tmp_path), "--set", "chunk_sise=100"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AI_INFRA_")}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False, env=environment)
    assert ended.returncode == 1
    assert "There is no setting chunk_sise" in ended.stderr
    assert "Traceback" not in ended.stderr
