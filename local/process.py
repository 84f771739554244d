"""Starting and stopping the programs that the stack consists of.

Each runs as the leader of a session and process group of its own: Ctrl-C in a terminal reaches the supervisor alone,
which then stops the parts in order, and what a part itself started goes with it. None outlives the supervisor, however
that one ends (see `guard`).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from local.errors import StartError
from local.guard import REGISTER_AND_RUN, guard, signal_group
from local.ports import LOOPBACK

KEPT_LINES = 1000
SHOWN_LINES = 15
POLL_SECONDS = 0.02
CLOSING_SECONDS = 1.0

type Log = Callable[[str], None]


@dataclass(frozen=True)
class Command:
    """A program to run: `name` is the part's, as its log lines and log file show it.

    The environment is given whole; nothing is inherited. `stop_signal` asks the program to end; what is left of it
    after `grace_seconds` is killed.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path = Path("/")
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0


class ChildProcess:
    """A running part. Its output, both streams, goes line by line to the log and to `logs/NAME.log`."""

    def __init__(self, command: Command, *, logs: Path, log: Log) -> None:
        self.command = command
        self.log_file = logs / f"{command.name}.log"
        self._log = log
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._lines_lock = threading.Lock()
        self._end_lock = threading.Lock()
        logs.mkdir(parents=True, exist_ok=True)
        self._child = subprocess.Popen(
            ["/bin/sh", "-c", REGISTER_AND_RUN, str(int(command.stop_signal)), *command.arguments],
            stdin=guard().pipe, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=command.directory, env=dict(command.environment), start_new_session=True,
        )  # fmt: skip
        assert self._child.stdout is not None  # noqa: S101 - for the type checker: a pipe was asked for
        self._reader = threading.Thread(
            target=self._read, args=(self._child.stdout,), name=f"log of {command.name}", daemon=True
        )
        self._reader.start()

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int:
        return self._child.pid

    def lines(self) -> list[str]:
        """The latest lines of output, without the part's name."""
        with self._lines_lock:
            return list(self._lines)

    def exit_code(self) -> int | None:
        """None while the program runs; then its status, negative for the signal that ended it.

        When the program is found to have ended, whatever it left behind in its group is killed.
        """
        with self._end_lock:
            if self._child.returncode is None and _has_ended(self.pid):
                # Before it is waited for: until then its id cannot belong to anybody else.
                signal_group(self.pid, signal.SIGKILL)
                self._child.wait()
                guard().forget(self.pid)
            return self._child.returncode

    def stop(self) -> int:
        """End the program and everything in its group; returns its status. Stopping it again changes nothing."""
        self._signal_once(self.command.stop_signal)
        if not self._ends_within(self.command.grace_seconds):
            self._log(_prefixed(self.name, f"did not end within {self.command.grace_seconds:g} s and is killed"))
            with self._end_lock:
                if self._child.returncode is None:
                    signal_group(self.pid, signal.SIGKILL)
        while (code := self.exit_code()) is None:
            time.sleep(POLL_SECONDS)
        self._reader.join(CLOSING_SECONDS)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def evidence(self) -> str:
        """The last lines and where the rest is, for an error's text."""
        self._reader.join(0 if self._child.returncode is None else CLOSING_SECONDS)
        last = self.lines()[-SHOWN_LINES:]
        said = "It said nothing." if not last else "Its last lines:\n" + "\n".join(f"    {line}" for line in last)
        return f"{said}\nThe whole log is in {self.log_file}."

    def _signal_once(self, number: signal.Signals) -> None:
        with self._end_lock:
            if self._child.returncode is None:
                os.kill(self.pid, number)

    def _ends_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.exit_code() is None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _read(self, output: BinaryIO) -> None:
        with output, self.log_file.open("a", encoding="utf-8") as file:
            shown = True
            for raw in output:
                line = raw.decode(errors="replace").rstrip("\r\n")
                with self._lines_lock:
                    self._lines.append(line)
                file.write(line + "\n")
                file.flush()
                if shown:
                    try:
                        self._log(_prefixed(self.name, line))
                    except (OSError, ValueError) as error:
                        # The terminal is gone. A part whose output nobody reads would soon stand still.
                        shown = False
                        file.write(f"(log lines can no longer be shown: {error})\n")


type Ready = Callable[[ChildProcess], bool]


def start(command: Command, *, logs: Path, log: Log, ready: Ready, seconds: float = 30.0) -> ChildProcess:
    """Start a part and wait until it is ready.

    Raises `StartError` (PART_EXITED, PART_NOT_READY) with its last lines when it ends, or is not ready in `seconds`;
    nothing of it runs on then.
    """
    child = ChildProcess(command, logs=logs, log=log)
    try:
        _wait_until_ready(child, ready, seconds)
    except BaseException:
        child.stop()
        raise
    return child


def port_answers(port: int) -> Ready:
    """Ready when something listens on the port of loopback."""

    def answers(_: ChildProcess) -> bool:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            return False
        return True

    return answers


def line_printed(text: str) -> Ready:
    """Ready when a line of output contains the text."""
    return lambda child: any(text in line for line in child.lines())


def _wait_until_ready(child: ChildProcess, ready: Ready, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        is_ready = ready(child)
        # Asked afterwards, so that another program on the same port does not pass for this one.
        if (code := child.exit_code()) is not None:
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
            raise StartError("PART_EXITED", f"{child.name} {how} before it was ready. {child.evidence()}")
        if is_ready:
            return
        if time.monotonic() >= deadline:
            raise StartError("PART_NOT_READY", f"{child.name} was not ready within {seconds:g} s. {child.evidence()}")
        time.sleep(POLL_SECONDS)


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def named(name: str, log: Log) -> Log:
    """The log of one part: its lines show the part's name."""
    return lambda line: log(_prefixed(name, line))


def _prefixed(name: str, line: str) -> str:
    return f"{name:<12} | {line}"
