"""`./dev load` in small: nothing is lost, and what is wrong is told."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from bench.load.documents import LARGE
from bench.load.run import LoadTest
from bench.load.stack import KillableStack
from tests.conftest import show
from tests.e2e.team import eventually

DOCUMENTS, PAGES, KILLS = 40, 40, 2
# A lease of the killed stack is waited for; here not for as long as one is usually good for.
SETTINGS = {"lease_seconds": "5"}

pytestmark = pytest.mark.full


def running(processes: set[int]) -> set[int]:
    """Those that have not ended; one that has may wait to be noticed by its new parent."""
    states = {pid: Path(f"/proc/{pid}/stat") for pid in processes if Path(f"/proc/{pid}").exists()}
    return {pid for pid, file in states.items() if file.read_text().rpartition(")")[2].split()[0] != "Z"}


def test_everything_is_ready_and_answers_after_kills_of_the_whole_stack(tmp_path: Path) -> None:
    test = LoadTest(
        data=tmp_path, documents=DOCUMENTS, pages=PAGES, kills=KILLS, seed=1, asked=5, settings=SETTINGS, log=show
    )
    result = test.run()
    assert result.faults == ()
    assert (result.kills, len(result.restarts)) == (KILLS, KILLS)
    assert result.chunks > DOCUMENTS
    assert result.answered > 0
    assert (result.attempts_burned, result.failed_messages) == (0, 0)
    log = (tmp_path / "logs" / "postgres.log").read_text()
    assert (log.count("was not properly shut down"), log.count("received fast shutdown request")) == (KILLS, 1)


def test_a_document_that_fails_and_a_question_that_it_leaves_unanswered_are_told(tmp_path: Path) -> None:
    settings = {"max_document_pages": "1"}
    test = LoadTest(data=tmp_path, documents=2, pages=2, kills=0, seed=1, asked=1, settings=settings, log=show)
    faults = test.run().faults
    assert any(fault.endswith(f"{LARGE} is not ready") for fault in faults)
    assert any("barrels" in fault for fault in faults)
    assert not any("crates" in fault for fault in faults)


def test_every_process_of_a_killed_stack_ends_and_the_next_one_takes_over_its_data(tmp_path: Path) -> None:
    with KillableStack(tmp_path, SETTINGS) as stack:
        stack.start()
        first = stack.when_up(0)
        processes = stack.processes()
        stack.kill()
        assert first is not None
        assert stack.is_over(first)
        assert len(processes) > 10
        assert running(processes) == set()
        stack.start()
        second = stack.when_up(0)
        assert second is not None
        assert (second.number, second.described) == (first.number + 1, first.described)
        assert not stack.is_over(second)
        stack.stop()


def test_the_command_ends_cleanly_when_it_is_interrupted(root: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([str(root / "dev"), "load", "--kills", "0"], env=environment) as process:
        eventually(lambda: next(tmp_path.glob("ai-infra-load-*/ports.json"), None), "the stack to be started")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
    assert list(tmp_path.glob("ai-infra-load-*")) == []
