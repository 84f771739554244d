"""The fork server: a process of one thread, with every parser loaded, that forks a child for each document.

It is no part of the instance's own process, whose threads and connections survive no fork. It looks at no document. It
ends when the instance does, and so does each child when nobody waits for it any more.
"""

from __future__ import annotations

import gc
import os
import pkgutil
import selectors
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module

from common import extraction
from common.adapters.forked_extraction import child
from common.adapters.forked_extraction.child import Confinement
from common.adapters.forked_extraction.ends import MAXRSS_BYTES
from common.adapters.forked_extraction.wire import END, NOT_STARTED, START
from common.ports import TextExtractor

_REQUESTS = 0  # the descriptor that it is started with


class ForkServer:
    """Children by their process ids, each with the channel of who waits for it."""

    def __init__(self, requests: socket.socket, reader: TextExtractor, confinement: Confinement) -> None:
        self._requests = requests
        self._reader = reader
        self._confinement = confinement
        self._channels: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Serve until nobody can ask any more."""
        woken, waking = socket.socketpair()
        for end in (woken, waking):
            end.setblocking(False)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the instance
        self._selector.register(self._requests, selectors.EVENT_READ)
        self._selector.register(woken, selectors.EVENT_READ)
        asked = True
        while asked:
            for key, _ in self._selector.select():
                if key.fileobj is self._requests:
                    asked = self._fork_one()
                elif key.fileobj is woken:
                    woken.recv(4096)
                else:
                    self._abandon(key.data)
            self._reap()
        signal.set_wakeup_fd(-1)
        for pid in self._channels:
            os.kill(pid, signal.SIGKILL)

    def _fork_one(self) -> bool:
        """Fork a child for the next request; False if there will be none."""
        asked, descriptors, _, _ = socket.recv_fds(self._requests, 1, 3)
        if not asked:
            return False
        channel, work, errors = descriptors
        waiting = socket.socket(fileno=channel)
        try:
            pid = os.fork()
        except OSError:
            _tell(waiting, NOT_STARTED)
            waiting.close()
        else:
            if pid == 0:
                self._be_child(work, errors)
            self._watch(pid, waiting)
        os.close(work)
        os.close(errors)
        return True

    def _be_child(self, work: int, errors: int) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        code = 1
        try:
            child.run(self._reader, self._confinement, work, errors)
            code = 0
        finally:
            os._exit(code)

    def _watch(self, pid: int, channel: socket.socket) -> None:
        self._channels[pid] = channel
        self._selector.register(channel, selectors.EVENT_READ, data=pid)
        _tell(channel, START.pack(pid))

    def _abandon(self, pid: int) -> None:
        """Nobody waits for this child any more. It is not reaped yet, so the id is its own."""
        if pid in self._channels:
            self._selector.unregister(self._channels[pid])
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self._channels:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            with self._channels.pop(pid) as channel:
                with suppress(KeyError):  # it was abandoned
                    self._selector.unregister(channel)
                _tell(channel, END.pack(status, usage.ru_maxrss * MAXRSS_BYTES))


def _tell(channel: socket.socket, what: bytes) -> None:
    with suppress(OSError):  # whoever waited is gone
        channel.send(what)


def load_parsers() -> None:
    """Import every module of `common.extraction`, and with them the parsers, so that no child has to."""
    for module in pkgutil.iter_modules(extraction.__path__, f"{extraction.__name__}."):
        __import__(module.name)


def main(reader: str, memory_bytes: str, cpu_seconds: str) -> None:
    """Serve on standard input. `reader` names the module that does what a `TextExtractor` does."""
    load_parsers()
    found: TextExtractor = import_module(reader)
    gc.collect()
    gc.freeze()  # so that no child's collection copies the pages that it shares with the others
    ForkServer(socket.socket(fileno=_REQUESTS), found, Confinement(int(memory_bytes), int(cpu_seconds))).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
