"""Ends the parts of a stack whose supervisor died without stopping them, by SIGKILL for example.

One small process for each supervisor reads a pipe that only the supervisor holds open for long: whatever becomes of the
supervisor, the kernel closes it, and the guard stops what is still registered. This works wherever there is a POSIX
shell. Linux's parent-death signal was not chosen: macOS has none, it fires when the *thread* that started a child ends,
a change of credentials clears it, and it reaches the child alone, not the processes which that one started.

Protocol, a line each: `start PID SIGNAL`, written by the child itself before it becomes the part's program, so that no
moment is left in which it runs unknown; `end PID`, written by the supervisor when the child is gone.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

# Arguments: the signal that stops the part, then the part's command. The pipe stands in as standard input.
REGISTER_AND_RUN = 'echo "start $$ $0" >&0 && exec "$@" </dev/null'

GRACE_SECONDS = 10.0
POLL_SECONDS = 0.02


class Guard:
    """The supervisor's end of the pipe."""

    def __init__(self) -> None:
        reading, self.pipe = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=reading, stdout=subprocess.DEVNULL, cwd="/",
            start_new_session=True,
        )  # fmt: skip
        os.close(reading)

    def forget(self, pid: int) -> None:
        """The child is gone and its id may be given to another process."""
        # A guard that was itself killed can promise nothing any more; stopping the other parts comes first.
        with suppress(BrokenPipeError):
            os.write(self.pipe, f"end {pid}\n".encode())

    def close(self) -> None:
        """Let the guard end, and with it every part that is still registered."""
        os.close(self.pipe)
        self._process.wait()


_starting = threading.Lock()


def guard() -> Guard:
    """This process's guard, started at the first call and closed when the interpreter ends."""
    with _starting:
        return _guard()


@cache
def _guard() -> Guard:
    only = Guard()
    atexit.register(only.close)
    return only


def signal_group(pid: int, number: int) -> bool:
    """Signal the process group that `pid` leads; false where nobody is left in it."""
    # macOS answers "not permitted" for a group of nothing but ended processes.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
        return True
    return False


def watch(lines: Iterable[str], grace_seconds: float = GRACE_SECONDS) -> None:
    """Follow the registrations until the pipe closes, then stop the parts: their signal, a grace, SIGKILL."""
    registered: dict[int, int] = {}
    for line in lines:
        match line.split():
            case ["start", child, stop_signal]:
                registered[int(child)] = int(stop_signal)
            case ["end", child]:
                registered.pop(int(child), None)
    left = [pid for pid, number in registered.items() if signal_group(pid, number)]
    deadline = time.monotonic() + grace_seconds
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        left = [pid for pid in left if signal_group(pid, 0)]
    for pid in left:
        signal_group(pid, signal.SIGKILL)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watch(sys.stdin)
