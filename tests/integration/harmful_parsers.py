"""What documents may do to who reads them. A document's text names what it does."""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from common.errors import Permanent
from common.extraction import ExtractionLimits, reading
from common.extraction.limits import Progress
from common.extraction.pages import PageRange
from common.model.chunks import Extraction

MEMORY_BYTES = 512 << 20
SECRET = "what the document says"


def read(
    path: Path,
    limits: ExtractionLimits,
    *,
    start: int = 0,
    seconds: float = math.inf,
    progress: Progress | None = None,
) -> Extraction | PageRange:
    """Do what the document says, or read it."""
    told = path.read_bytes().decode(errors="replace")
    if told.startswith("await "):
        _await(told)
    harm = HARMS.get(told)
    if progress:
        progress(0, 1)
    if harm is None:
        return reading.read(path, limits, start=start, seconds=seconds, progress=progress)
    return harm()


assemble = reading.assemble


def _await(told: str) -> None:
    """Wait for somebody to open the pipe that is named for writing."""
    with Path(told.removeprefix("await ")).open() as pipe:
        pipe.read()


def _crash() -> Extraction:
    ctypes.string_at(0)
    raise AssertionError("it has not crashed")


def _exit() -> Extraction:
    os._exit(0)


def _hang() -> Extraction:
    threading.Event().wait()
    raise AssertionError("it has not hung")


def _spin() -> Extraction:
    while True:
        pass


def _take_memory() -> Extraction:
    taken = []
    while True:
        taken.append(bytearray(1 << 20))


def _take_native_memory() -> Extraction:
    """As a library does that cannot go on without."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while place := libc.malloc(1 << 20):
        ctypes.memset(place, 1, 1 << 20)
    os.abort()


def _hide_want_of_memory() -> Extraction:
    """As a library does that has an error of its own for everything."""
    try:
        return _take_memory()
    except MemoryError:
        raise ValueError("cannot parse") from None


def _find_no_memory() -> Extraction:
    """As C++ does, at a single request for more than there is."""
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def _raise() -> Extraction:
    raise ValueError(SECRET)


def _refuse() -> Extraction:
    raise Permanent("EMPTY_FILE", "The file is empty.")


def _nest() -> Extraction:
    return _nest()


def _write() -> Extraction:
    Path("/tmp", f"written-{os.getpid()}").write_text(SECRET)  # noqa: S108
    raise AssertionError("it was written")


def _babble() -> Extraction:
    os.write(3, b"\xff" * 4096)
    return _hang()


def _chatter() -> Extraction:
    while True:
        os.write(2, b"never at a loss for words\n" * 100)


def _kill_server() -> Extraction:
    os.kill(os.getppid(), signal.SIGKILL)
    return _hang()


def _be_ended() -> Extraction:
    os.kill(os.getpid(), signal.SIGTERM)
    return _hang()


def _be_killed() -> Extraction:
    """As the system does that has no more memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    return _hang()


def _look_around() -> Extraction:
    seen = {
        "environment": dict(os.environ),
        "descriptors": sorted(int(each.name) for each in Path("/dev/fd").iterdir()),
        "limits": {
            name: resource.getrlimit(getattr(resource, name))
            for name in ("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_CPU")
        },
        "pids": [os.getpid(), os.getppid()],
        "first_to_go": Path("/proc/self/oom_score_adj").read_text() if Path("/proc/self").exists() else "",
        "threads": threading.active_count(),
        "server_threads": len(list(Path(f"/proc/{os.getppid()}/task").iterdir())) if Path("/proc/self").exists() else 1,
        "server_environment": Path("/proc/self/environ").read_text() if Path("/proc/self").exists() else "",
    }
    return Extraction(mime_type="application/json", text=json.dumps(seen), page_starts=(0,))


HARMS: dict[str, Callable[[], Extraction]] = {
    name.removeprefix("_"): harm
    for name, harm in list(globals().items())
    if name.startswith("_") and not name.startswith("__") and name != "_await"
}
