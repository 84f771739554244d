"""Parts of the stack as processes: their output, their readiness, and that none of them stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.errors import StartError
from local.guard import watch
from local.ports import free_ports, wanted_port
from local.process import ChildProcess, Command, line_printed, port_answers, start

ENVIRONMENT = {"PATH": os.defpath}
ROOT = Path(__file__).resolve().parents[2]
SUPERVISOR = Path(__file__).with_name("supervisor_to_kill.py")


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class LifeLine:
    """A FIFO that processes keep open while they live: the system itself tells when the last one is gone."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def is_held(self) -> bool:
        try:
            return os.read(self._reading, 1) != b""
        except BlockingIOError:
            return True

    def close(self) -> None:
        os.close(self._reading)


@pytest.fixture
def life_line(tmp_path: Path) -> Iterator[LifeLine]:
    line = LifeLine(tmp_path / "life line")
    yield line
    line.close()


def shell(script: str, *arguments: str, name: str = "part", **environment: str) -> Command:
    return Command(name, ("/bin/sh", "-c", script, *arguments), ENVIRONMENT | environment, grace_seconds=5)


def test_output_goes_to_log_and_file_line_by_line(tmp_path: Path) -> None:
    log: list[str] = []
    child = ChildProcess(shell("echo one; echo two >&2; printf three"), logs=tmp_path / "logs", log=log.append)
    assert eventually(lambda: child.exit_code() == 0)
    assert child.stop() == 0
    assert log == ["part         | one", "part         | two", "part         | three"]
    assert (tmp_path / "logs" / "part.log").read_text() == "one\ntwo\nthree\n"


def test_an_earlier_log_is_kept(tmp_path: Path) -> None:
    for word in ("first", "second"):
        with ChildProcess(shell("echo $0", word), logs=tmp_path, log=lambda _: None) as child:
            assert eventually(lambda: child.exit_code() is not None)
    assert (tmp_path / "part.log").read_text() == "first\nsecond\n"


def test_the_environment_is_given_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKS", "yes")
    with ChildProcess(shell('echo "<$LEAKS$GIVEN>"', GIVEN="only this"), logs=tmp_path, log=lambda _: None) as child:
        assert eventually(lambda: child.lines() == ["<only this>"])


def test_a_part_does_not_read_the_pipe_that_guards_it(tmp_path: Path) -> None:
    with ChildProcess(shell("cat; echo end of input"), logs=tmp_path, log=lambda _: None) as child:
        assert eventually(lambda: child.lines() == ["end of input"])


def test_a_broken_log_does_not_stop_the_part(tmp_path: Path) -> None:
    def closed_terminal(_: str) -> None:
        raise BrokenPipeError("nobody reads")

    # More than a pipe holds: a part whose output is no longer read would stand still.
    command = shell("i=0; while [ $i -lt 3000 ]; do echo '" + "x" * 60 + "'; i=$((i+1)); done; echo done")
    with ChildProcess(command, logs=tmp_path, log=closed_terminal) as child:
        assert eventually(lambda: child.exit_code() == 0)
    assert "can no longer be shown: nobody reads" in (tmp_path / "part.log").read_text()
    assert (tmp_path / "part.log").read_text().endswith("done\n")


def test_ready_when_a_line_says_so(tmp_path: Path) -> None:
    command = shell("echo starting; echo it is listening now; exec sleep 600")
    with start(command, logs=tmp_path, log=lambda _: None, ready=line_printed("listening")) as child:
        assert child.lines() == ["starting", "it is listening now"]
        assert child.exit_code() is None
    assert child.exit_code() == -signal.SIGTERM


def test_ready_when_a_port_answers(tmp_path: Path) -> None:
    [port] = free_ports(1)
    script = (
        "import socket, signal; s = socket.create_server(('127.0.0.1', int(__import__('sys').argv[1]))); signal.pause()"
    )
    command = Command("part", (sys.executable, "-c", script, str(port)), ENVIRONMENT)
    with start(command, logs=tmp_path, log=lambda _: None, ready=port_answers(port)):
        with pytest.raises(StartError) as taken:
            wanted_port(port, "--port")
        assert taken.value.reason == "PORT_TAKEN"
    assert wanted_port(port, "--port") == port


def test_what_ends_before_it_is_ready_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"part ended with status 3 before it was ready") as failed:
        start(shell("echo no disk left; exit 3"), logs=tmp_path, log=lambda _: None, ready=lambda _: False)
    assert failed.value.reason == "PART_EXITED"
    assert "no disk left" in failed.value.message
    assert str(tmp_path / "part.log") in failed.value.message


def test_a_port_answered_by_somebody_else_does_not_make_a_dead_part_ready(tmp_path: Path) -> None:
    def answers_once_it_is_dead(child: ChildProcess) -> bool:
        return eventually(lambda: child.exit_code() is not None)

    with pytest.raises(StartError, match="ended with status 1"):
        start(shell("exit 1"), logs=tmp_path, log=lambda _: None, ready=answers_once_it_is_dead)


def test_a_missing_program_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="ended with status 127") as failed:
        start(Command("part", ("/no/such/program",), {}), logs=tmp_path, log=lambda _: None, ready=lambda _: False)
    assert "/no/such/program" in failed.value.message


def test_what_is_not_ready_in_time_is_ended(tmp_path: Path, life_line: LifeLine) -> None:
    command = shell('exec 3>"$0"; echo busy; exec sleep 600', str(life_line.path))

    def never(child: ChildProcess) -> bool:
        assert eventually(lambda: child.lines() == ["busy"])
        return False

    with pytest.raises(StartError, match=r"part was not ready within 0\.1 s") as failed:
        start(command, logs=tmp_path, log=lambda _: None, ready=never, seconds=0.1)
    assert failed.value.reason == "PART_NOT_READY"
    assert not life_line.is_held()


def test_a_part_may_end_in_its_own_way(tmp_path: Path) -> None:
    command = shell("trap 'echo tidying up; exit 7' TERM; echo up; while :; do sleep 0.01; done")
    child = start(command, logs=tmp_path, log=lambda _: None, ready=line_printed("up"))
    assert child.stop() == 7
    assert child.stop() == 7
    assert child.lines() == ["up", "tidying up"]


def test_what_ignores_the_signal_is_killed_with_what_it_started(tmp_path: Path, life_line: LifeLine) -> None:
    log: list[str] = []
    stubborn = Command(
        "part",
        ("/bin/sh", "-c", "trap '' TERM; exec 3>\"$0\"; sleep 600 & echo up; sleep 600", str(life_line.path)),
        ENVIRONMENT,
        grace_seconds=0.1,
    )
    child = start(stubborn, logs=tmp_path, log=log.append, ready=line_printed("up"))
    assert life_line.is_held()
    assert child.stop() == -signal.SIGKILL
    assert eventually(lambda: not life_line.is_held())
    assert "part         | did not end within 0.1 s and is killed" in log


def test_what_a_part_leaves_behind_when_it_ends_is_killed(tmp_path: Path, life_line: LifeLine) -> None:
    command = shell('exec 3>"$0"; sleep 600 & echo up; exit 0', str(life_line.path))
    child = ChildProcess(command, logs=tmp_path, log=lambda _: None)
    assert eventually(lambda: child.exit_code() == 0)
    assert eventually(lambda: not life_line.is_held())
    child.stop()


def test_a_part_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    started: list[ChildProcess] = []
    thread = threading.Thread(
        target=lambda: started.append(
            start(shell("echo up; read x <$0", str(tmp_path / "gate")), logs=tmp_path, log=lambda _: None,
                  ready=line_printed("up"))
        )
    )  # fmt: skip
    os.mkfifo(tmp_path / "gate")
    thread.start()
    thread.join()
    assert started[0].exit_code() is None
    (tmp_path / "gate").write_text("go\n")
    assert eventually(lambda: started[0].exit_code() == 0)
    started[0].stop()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_part_outlives_its_supervisor(tmp_path: Path, life_line: LifeLine, how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, SUPERVISOR, tmp_path / "logs", life_line.path],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as supervisor:  # fmt: skip
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "both parts run\n"
        assert life_line.is_held()
        supervisor.send_signal(how)
        assert supervisor.wait() == -how
        assert eventually(lambda: not life_line.is_held())
    # Asked to end before anything is killed.
    assert "tidying up" in (tmp_path / "logs" / "tidied").read_text()


def test_the_guard_kills_what_ignores_its_signal(life_line: LifeLine) -> None:
    with subprocess.Popen(
        ["/bin/sh", "-c", "trap '' TERM; exec 3>\"$0\"; echo up; sleep 600 & wait", life_line.path],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as stubborn:  # fmt: skip
        assert stubborn.stdout is not None
        assert stubborn.stdout.readline() == "up\n"
        watch([f"start {stubborn.pid} {int(signal.SIGTERM)}\n"], grace_seconds=0.1)
        assert stubborn.wait() == -signal.SIGKILL
        assert eventually(lambda: not life_line.is_held())


def test_the_guard_leaves_alone_what_was_stopped(life_line: LifeLine) -> None:
    with subprocess.Popen(["/bin/sh", "-c", "read x"], stdin=subprocess.PIPE, start_new_session=True) as other:
        watch([f"start {other.pid} {int(signal.SIGKILL)}\n", f"end {other.pid}\n"])
        other.communicate(b"go on\n")
    assert other.returncode == 0


def test_free_ports_differ_and_can_be_listened_on() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert wanted_port(ports[0], "--port") == ports[0]
    assert wanted_port(0, "--port") > 0


@pytest.mark.parametrize("impossible", [-1, 65536])
def test_an_impossible_port_is_refused_in_a_sentence(impossible: int) -> None:
    with pytest.raises(StartError, match=r"cannot be used .* Choose one from 1024 to 65535 with --api-port"):
        wanted_port(impossible, "--api-port")
