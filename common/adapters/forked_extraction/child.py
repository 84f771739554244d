"""The child: confined before it looks at the document, and gone after its answer."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.adapters.forked_extraction.ends import MAXRSS_BYTES, wanted_memory
from common.adapters.forked_extraction.wire import (
    AssembleRanges,
    Progressed,
    Read,
    ReadPages,
    Refused,
    Request,
    received,
    sent,
)
from common.errors import Permanent
from common.extraction.limits import Progress
from common.extraction.reading import refusal, told, too_large_for_memory
from common.model.chunks import Extraction
from common.ports import TextExtractor

WORK = 3
"""The child's only descriptor beside the standard ones."""
_CPU_GRACE_SECONDS = 5  # from the signal that says that the time is over to the one that cannot be ignored
_PR_SET_PDEATHSIG = 1
_OOM_SCORE = Path("/proc/self/oom_score_adj")
_FIRST_TO_GO = "1000"  # proc_pid_oom_score_adj(5)


@dataclass(frozen=True, slots=True)
class Confinement:
    """The most that a child may take: bytes of address space, whole seconds of processor time."""

    memory_bytes: int
    cpu_seconds: int


def run(reader: TextExtractor, confinement: Confinement, work: int, errors: int) -> None:
    """Read one document in this process, which is the child: to be followed by its exit."""
    _keep_only(work, errors)
    _confine(confinement)
    with socket.socket(fileno=WORK) as channel:
        _answer(reader, confinement, channel)


def _answer(reader: TextExtractor, confinement: Confinement, work: socket.socket) -> None:
    request: Request = received(work, Request)

    def progress(done: int, total: int) -> None:
        sent(Progressed(done, total), work)

    try:
        sent(_read(reader, request, progress), work)
    except ConnectionError:  # nobody waits any more
        return
    except Exception as error:
        refused = _refusal(error, confinement)
        cause = error.__cause__ if error is refused else error
        sent(Refused(reason=refused.reason, message=refused.message, cause=told(cause) if cause else None), work)


def _refusal(error: Exception, confinement: Confinement) -> Permanent:
    """As `refusal`; but not every library says what it failed for when there was no more memory."""
    refused = refusal(error)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES
    unnamed = not isinstance(error, Permanent) or error.__cause__ is not None
    return too_large_for_memory() if unnamed and wanted_memory(peak, confinement.memory_bytes) else refused


def _read(reader: TextExtractor, request: Request, progress: Progress) -> Read | ReadPages:
    if isinstance(request, AssembleRanges):
        return Read(reader.assemble([Path(path) for path in request.paths], request.limits))
    seconds = math.inf if request.seconds is None else request.seconds
    read = reader.read(Path(request.path), request.limits, start=request.start, seconds=seconds, progress=progress)
    return Read(read) if isinstance(read, Extraction) else ReadPages(read)


def _keep_only(work: int, errors: int) -> None:
    """Close every descriptor but the child's own ones, which become 2 and 3; the first three are never among them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for mine, number in ((nothing, 0), (nothing, 1), (errors, 2), (work, WORK)):
        os.dup2(mine, number, inheritable=False)
    os.closerange(WORK + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _confine(confinement: Confinement) -> None:
    """The child writes no file, dumps no core, ends with its fork server, and takes no more than it may.

    Where the machine has no more memory, the system ends it before any other process.
    """
    seconds, memory = confinement.cpu_seconds, confinement.memory_bytes
    limits = {resource.RLIMIT_FSIZE: (0, 0), resource.RLIMIT_CORE: (0, 0)}
    limits[resource.RLIMIT_CPU] = (seconds, seconds + _CPU_GRACE_SECONDS)
    if sys.platform == "linux":  # others take no such limit
        limits[resource.RLIMIT_AS] = (memory, memory)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with suppress(OSError):  # where the system has no such file
            _OOM_SCORE.write_text(_FIRST_TO_GO, encoding="ascii")
    for kind, wanted in limits.items():
        allowed = resource.getrlimit(kind)[1]
        soft, hard = (most if allowed == resource.RLIM_INFINITY else min(most, allowed) for most in wanted)
        resource.setrlimit(kind, (soft, hard))
