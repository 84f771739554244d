"""`./dev up` in processes of its own, all of which can be killed at once, and started again on the same data folder."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGSTOP, SIGTERM, Signals
from types import TracebackType
from typing import Self

import msgspec

from cli.api import Api
from local.data_folder import DataFolder
from local.errors import StartError
from local.settings import read_script
from local.stack import CHECKOUT

STOP_SECONDS = 60.0
_SHOWN_LINES = 20
_POLL_SECONDS = 0.02


class Described(msgspec.Struct, frozen=True):
    """The line that `./dev up` prints when it is ready."""

    api: str
    bucket: str
    storage_endpoint: str
    team: str
    project: str
    api_key: str

    def connect(self) -> Api:
        """The API as the holder of the key sees it."""
        return Api(self.api, self.api_key)

    def object_name(self, name: str) -> str:
        """The name in the bucket of a file that belongs to the project."""
        return f"{self.team}/{self.project}/{name}"


class Incarnation(msgspec.Struct, frozen=True):
    """The stack from when it was ready until it is killed; they count from 1."""

    number: int
    described: Described


class KillableStack:
    """One thread starts, kills and stops it; any may ask for it. `settings` are those of `common.config`."""

    def __init__(self, data: Path, settings: Mapping[str, str]) -> None:
        self._folder = DataFolder(data)
        self._settings = settings
        self._number = 0
        self._incarnation: Incarnation | None = None
        self._changed = threading.Condition()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> float:
        """Return when it is ready, with the seconds that it took. Raises `StartError` (STACK_DIED)."""
        begun = time.monotonic()
        self._process = self._run()
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: a pipe was asked for
        line = self._process.stdout.readline()
        if not line:
            raise self._death()
        with self._changed:
            self._number += 1
            self._incarnation = Incarnation(self._number, msgspec.json.decode(line, type=Described))
            self._changed.notify_all()
        return time.monotonic() - begun

    def kill(self) -> None:
        """End every process of it by SIGKILL and return when none is left.

        What is committed survives: `./dev up` lets Postgres write each commit out, which elsewhere tests do without.
        """
        with self._changed:
            self._incarnation = None
        if self._process is None:
            return
        # All are stood still first: none can start another one meanwhile, or do anything about the end of another.
        stopped = set[int]()
        while found := self.processes() - stopped:
            _signal(found, SIGSTOP)
            stopped |= found
        _signal(stopped, SIGKILL)
        self._close()
        while stopped & _parents().keys():
            time.sleep(_POLL_SECONDS)

    def processes(self) -> set[int]:
        """The ids of all its processes."""
        return {self._process.pid, *_descendants(self._process.pid)} if self._process else set()

    def stop(self) -> None:
        """Stop it as Ctrl-C does. Raises `StartError` (STACK_DIED) where that goes wrong."""
        assert self._process is not None  # noqa: S101 - for the type checker: it was started
        with self._changed:
            self._incarnation = None
        self._process.send_signal(SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            if self._process.wait(STOP_SECONDS) == 0:
                self._close()
                return
        raise self._death()

    def check(self) -> None:
        """Raises `StartError` (STACK_DIED) where it ended unasked."""
        if self._process is not None and self._process.poll() is not None:
            raise self._death()

    def when_up(self, seconds: float) -> Incarnation | None:
        """The running incarnation, as soon as there is one; None where there is none for so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._incarnation is not None, seconds)
            return self._incarnation

    def is_over(self, incarnation: Incarnation) -> bool:
        """Whether this incarnation has been killed, or is just being killed."""
        with self._changed:
            return self._incarnation is not incarnation

    def operator_environment(self) -> dict[str, str]:
        """What `ai-infra admin` finds in its environment while the stack runs."""
        return read_script(self._folder.admin_environment.read_text(encoding="utf-8"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def _log_file(self) -> Path:
        return self._folder.path / "up.log"

    def _run(self) -> subprocess.Popen[str]:
        settings = (f"--set={name}={value}" for name, value in self._settings.items())
        command = [sys.executable, "-P", "-m", "local", "up", f"--data={self._folder.path}", "--quiet", *settings]
        with self._log_file.open("a", encoding="utf-8") as log:
            # In a session of its own: Ctrl-C is for whoever kills and stops it.
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True, env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            )  # fmt: skip

    def _close(self) -> None:
        assert self._process is not None  # noqa: S101 - for the type checker
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def _death(self) -> StartError:
        last = self._log_file.read_text(encoding="utf-8").splitlines()[-_SHOWN_LINES:]
        said = "\n".join(f"    {line}" for line in last) or "    nothing"
        return StartError("STACK_DIED", f"The stack did not run or end as it should. Its last lines:\n{said}")


def _descendants(pid: int) -> set[int]:
    parents = _parents()
    found, generation = set[int](), {pid}
    while generation := {child for child, parent in parents.items() if parent in generation} - found:
        found |= generation
    return found


def _signal(pids: Iterable[int], number: Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _parents() -> dict[int, int]:
    """Each running process's parent."""
    return {pid: parent for pid, state, parent in _processes() if not state.startswith("Z")}


def _processes() -> Iterator[tuple[int, str, int]]:
    if not Path("/proc/self/stat").exists():
        command = ["ps", "-A", "-o", "pid=", "-o", "stat=", "-o", "ppid="]
        for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
            pid, state, parent = line.split()
            yield int(pid), state, int(parent)
        return
    for entry in Path("/proc").iterdir():
        # Of those that end meanwhile nothing can be read.
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                yield int(entry.name), state, int(parent)
