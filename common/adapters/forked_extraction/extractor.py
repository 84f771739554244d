"""`TextExtractor` by a child process for each document."""

from __future__ import annotations

import logging
import math
import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from common.adapters.forked_extraction import fork_server
from common.adapters.forked_extraction.ends import ServerGone, crashed
from common.adapters.forked_extraction.waiting import Waiting
from common.adapters.forked_extraction.wire import AssembleRanges, Read, ReadFile, ReadPages, Request, sent
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.pages import PageRange
from common.model.chunks import Extraction
from common.ports import PageReader

log = logging.getLogger(__name__)

READER = "common.extraction.reading"
READER_OF_SCANS = "common.adapters.reading_scans"
"""Also reads pages that are images; needs the packages of the group `ocr`."""
SCANS_BY_INSTANCE = "common.adapters.forked_extraction.scans_by_instance"
"""Asks this instance, which has to have a `page_reader`, what stands on pages that are images."""
# What an interpreter may need to start; nothing of it is the installation's.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "LANG", "LC_ALL", "TZ")
_END_SECONDS = 5.0


class ForkedExtractor:
    """See `common.ports.TextExtractor`. The fork server is started with the first document, and ends with this.

    A document gets `memory_bytes` of address space and `seconds`. `reader` names the module that reads it.
    """

    def __init__(
        self, *, memory_bytes: int, seconds: float, reader: str = READER, page_reader: PageReader | None = None
    ) -> None:
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        self._reader = reader
        self._page_reader = page_reader
        self._lock = Lock()
        self._server: _Server | None = None

    def read(
        self,
        path: Path,
        limits: ExtractionLimits,
        *,
        start: int = 0,
        seconds: float = math.inf,
        progress: Progress | None = None,
    ) -> Extraction | PageRange:
        finite = None if math.isinf(seconds) else seconds
        answer = self._answer(ReadFile(path=str(path), limits=limits, start=start, seconds=finite), progress)
        return answer.extraction if isinstance(answer, Read) else answer.pages

    def assemble(self, ranges: Sequence[Path], limits: ExtractionLimits) -> Extraction:
        answer = self._answer(AssembleRanges(paths=tuple(map(str, ranges)), limits=limits), None)
        if isinstance(answer, Read):
            return answer.extraction
        raise crashed()

    def _answer(self, request: Request, progress: Progress | None) -> Read | ReadPages:
        with self._child() as (channel, work, errors):
            with suppress(OSError):  # it has ended already: how, is told below
                sent(request, work)
            waiting = Waiting(channel, work, errors, memory_bytes=self._memory_bytes, seconds=self._seconds)
            return waiting.answer(progress, self._page_reader)

    @contextmanager
    def _child(self) -> Iterator[list[socket.socket]]:
        """Channel, work and errors of a new child. It ends with the block, by the fork server's hand if need be."""
        with ExitStack() as ours, ExitStack() as theirs:
            pairs = [socket.socketpair() for _ in range(3)]
            mine = [ours.enter_context(pair[0]) for pair in pairs]
            passed = [theirs.enter_context(pair[1]).fileno() for pair in pairs]
            server = self._running()
            try:
                server.ask(passed)
                theirs.close()
                yield mine
            except ServerGone:
                self._forget(server)
                raise

    def _running(self) -> _Server:
        with self._lock:
            if self._server is None:
                self._server = _Server.started(self._reader, self._memory_bytes, self._seconds)
                weakref.finalize(self, self._server.end)
            return self._server

    def _forget(self, server: _Server) -> None:
        """Another is started with the next document."""
        with self._lock:
            if self._server is server:
                self._server = None
                log.warning("The fork server is gone: with it went its children", extra={"event": "fork_server_gone"})
        server.end()


@dataclass(frozen=True, slots=True)
class _Server:
    """A fork server and the way to ask it."""

    process: subprocess.Popen[bytes]
    requests: socket.socket
    lock: Lock = field(default_factory=Lock)

    @classmethod
    def started(cls, reader: str, memory_bytes: int, seconds: float) -> _Server:
        """A new one. It inherits no descriptor and no setting, least of all a password."""
        requests, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        arguments = [reader, str(memory_bytes), str(math.ceil(seconds) + 1)]
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", fork_server.__name__, *arguments],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=environment,
            )
        return cls(process, requests)

    def ask(self, descriptors: Sequence[int]) -> None:
        """Ask for a child with these descriptors."""
        with self.lock:
            try:
                socket.send_fds(self.requests, [b"."], descriptors)
            except OSError as error:
                raise ServerGone from error

    def end(self) -> None:
        """It ends by itself once nobody can ask it any more."""
        self.requests.close()
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
