"""The functions, each in a functions-framework process of its own; one that ends is started again, as on Cloud Run."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from local.errors import StartError
from local.ports import LOOPBACK
from local.process import POLL_SECONDS, ChildProcess, Command, Log, named, port_answers
from local.topology import Function

START_SECONDS = 60.0
# As on Cloud Run: for the requests that a function still serves when it is asked to end, and for the interpreter.
GRACE_SECONDS = 10.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
# A function that ran this long before it ended is started again without a pause that grows.
STEADY_SECONDS = 60.0


def function_command(
    name: str, function: Function, *, port: int, checkout: Path, settings: Mapping[str, str]
) -> Command:
    """How the function runs here: as Cloud Run would run it, on a port of loopback."""
    source = checkout / "functions" / name / "main.py"
    return Command(
        name=name,
        # -P: the working directory is not a place to import from.
        arguments=(
            sys.executable, "-P", "-m", "functions_framework", "--target", "main", "--source", str(source),
            "--host", LOOPBACK, "--port", str(port),
        ),
        environment={
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(checkout),
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            "THREADS": str(function.concurrency),
            "CLOUD_RUN_TIMEOUT_SECONDS": str(function.timeout_seconds),
            "AI_INFRA_CONCURRENCY": str(function.concurrency),
            # The functions share the machine's processors; each computes on one.
            "OMP_NUM_THREADS": "1",
            **settings,
        },
        grace_seconds=GRACE_SECONDS,
    )  # fmt: skip


@dataclass
class _Instance:
    command: Command
    port: int
    child: ChildProcess
    started: float = field(default_factory=time.monotonic)
    pause: float = FIRST_PAUSE_SECONDS
    # When to start it again (monotonic seconds), while it does not run.
    due: float | None = None


class Functions:
    """All functions of a stack, running from the creation of this object until they are stopped."""

    def __init__(self, commands: Mapping[int, Command], *, logs: Path, log: Log) -> None:
        """Starts each command; it has to listen on the port that it stands under."""
        self._logs, self._log, self._say = logs, log, named("stack", log)
        self._lock = threading.Lock()
        self._instances: dict[str, _Instance] = {}
        for port, command in commands.items():
            self._instances[command.name] = _Instance(command, port, ChildProcess(command, logs=logs, log=log))

    def wait_until_ready(self) -> None:
        """Return when all answer. Raises `StartError` (PART_EXITED, PART_NOT_READY) with the last lines of one."""
        deadline = time.monotonic() + START_SECONDS
        waiting = list(self._instances.values())
        while waiting:
            waiting = [instance for instance in waiting if not self._is_ready(instance)]
            if waiting and time.monotonic() >= deadline:
                child = waiting[0].child
                raise StartError(
                    "PART_NOT_READY", f"{child.name} was not ready within {START_SECONDS:g} s. {child.evidence()}"
                )
            time.sleep(POLL_SECONDS)

    @staticmethod
    def _is_ready(instance: _Instance) -> bool:
        child = instance.child
        answers = port_answers(instance.port)(child)
        # Asked afterwards, so that another program on the same port does not pass for this one.
        if child.exit_code() is not None:
            raise StartError("PART_EXITED", f"{child.name} ended before it was ready. {child.evidence()}")
        return answers

    def restart_ended(self) -> None:
        """Start those again that have ended, each after a pause that doubles while it keeps ending soon."""
        with self._lock:
            for instance in self._instances.values():
                if instance.due is None:
                    self._note_end(instance)
                elif time.monotonic() >= instance.due:
                    instance.child = ChildProcess(instance.command, logs=self._logs, log=self._log)
                    instance.started, instance.due = time.monotonic(), None

    def _note_end(self, instance: _Instance) -> None:
        code = instance.child.exit_code()
        if code is None:
            return
        now = time.monotonic()
        steady = now - instance.started >= STEADY_SECONDS
        instance.pause = FIRST_PAUSE_SECONDS if steady else instance.pause
        self._say(
            f"the function {instance.command.name} ended unasked (status {code}; see {instance.child.log_file}) "
            f"and is started again in {instance.pause:g} s"
        )
        instance.due = now + instance.pause
        instance.pause = min(2 * instance.pause, LONGEST_PAUSE_SECONDS)

    def stop(self, names: Iterable[str] | None = None) -> None:
        """End these functions, or all, together; they are not started again."""
        with self._lock:
            leaving = [self._instances.pop(name) for name in list(names or self._instances) if name in self._instances]
        if leaving:
            with ThreadPoolExecutor(len(leaving)) as threads:
                list(threads.map(lambda instance: instance.child.stop(), leaving))

    def children(self) -> dict[str, ChildProcess]:
        """The functions' processes by name."""
        with self._lock:
            return {name: instance.child for name, instance in self._instances.items()}

    def __enter__(self) -> Functions:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def processes_of(child: ChildProcess) -> list[int]:
    """The ids of a part's processes, itself and those that it started; read from /proc, which is Linux's."""
    running = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in running if _group(pid) == child.pid]


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
