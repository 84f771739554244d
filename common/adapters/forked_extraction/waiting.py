"""Waiting for a child: for its answer, for its end, and for no longer than it may take."""

from __future__ import annotations

import logging
import selectors
import socket
import time
from contextlib import suppress

import msgspec

from common.adapters.forked_extraction.ends import Death, Interrupted, ServerGone, crashed, out_of_time
from common.adapters.forked_extraction.wire import (
    END,
    NOT_STARTED,
    START,
    Answer,
    Incoming,
    PageLines,
    Progressed,
    Read,
    ReadPages,
    Refused,
    Scanned,
    sent,
)
from common.errors import AiInfraError, Permanent
from common.extraction.limits import Progress
from common.extraction.pages import PageImage
from common.ports import PageReader

log = logging.getLogger(__name__)

_START_SECONDS = 60.0  # for the fork server to load the parsers
_LAST_WORDS_BYTES = 4096


class Waiting:
    """Waits for one child, which may hold `memory_bytes` and take `seconds` from its start."""

    def __init__(
        self, channel: socket.socket, work: socket.socket, errors: socket.socket, *, memory_bytes: int, seconds: float
    ) -> None:
        self._channel, self._work, self._errors = channel, work, errors
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        self._deadline = time.monotonic() + _START_SECONDS
        self._started = False
        self._end: tuple[int, int] | None = None
        self._last_words = b""
        self._incoming = Incoming()
        self._answer: Answer | None = None

    def answer(self, progress: Progress | None, page_reader: PageReader | None = None) -> Read | ReadPages:
        """The child's answer; meanwhile it may ask what stands on pages that are images.

        `Permanent` if it refuses, or if the document cost it its life or its time; what `page_reader` raises of the
        project's errors.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ, self._follow)
            selector.register(self._work, selectors.EVENT_READ, self._take)
            selector.register(self._errors, selectors.EVENT_READ, self._hear)
            while True:
                ready = selector.select(self._left())
                for key, _ in ready:
                    if not key.data():
                        selector.unregister(key.fileobj)
                match self._answer:
                    case Progressed(done, total) if progress is not None:
                        progress(done, total)
                    case Scanned(image) if page_reader is not None:
                        self._read_page(page_reader, image)
                    case Refused() as refused:
                        raise _refusal(refused)
                    case Read() | ReadPages() as answer:
                        return answer
                self._answer = None
                if not ready or not self._left():
                    self._give_up(more=bool(ready))

    def _read_page(self, page_reader: PageReader, image: PageImage) -> None:
        """Tell the child what stands on the page. The time that this takes is not the document's."""
        begun = time.monotonic()
        try:
            lines = page_reader(image)
        except AiInfraError:
            raise
        except Exception as error:  # of a library, which nobody can list: it costs the page
            log.warning("A page could not be read: %s: %s", type(error).__qualname__, error)
            lines = None
        self._deadline += time.monotonic() - begun
        with suppress(OSError):  # it has ended: how, is told below
            sent(PageLines(lines), self._work)

    def _left(self) -> float:
        """How long to wait: once the child has ended, for nothing but what it has sent before."""
        return 0.0 if self._end else max(0.0, self._deadline - time.monotonic())

    def _give_up(self, *, more: bool) -> None:
        """Say how it ended, once nothing more comes from it; or that its time is over."""
        if self._end and not more:
            status, peak_bytes = self._end
            death = Death(status=status, peak_bytes=peak_bytes, last_words=self._last_words)
            log.warning("A child died at its document: %s", death)
            raise death.error(self._memory_bytes)
        if time.monotonic() >= self._deadline:
            raise out_of_time() if self._started else ServerGone

    def _follow(self) -> bool:
        """The child's start and its end, as the fork server tells them."""
        told = self._channel.recv(END.size if self._started else START.size)
        if not told:
            raise ServerGone
        if self._started:
            self._end = END.unpack(told)
            return False
        if told == NOT_STARTED:
            raise Interrupted
        self._started = True
        self._deadline = time.monotonic() + self._seconds
        return True

    def _take(self) -> bool:
        try:
            body = self._incoming.receive(self._work, most=self._memory_bytes)
            if body is not None:
                self._answer = msgspec.msgpack.decode(body, type=Answer)
        except (EOFError, ConnectionError):
            return False  # how it ended is still to be told
        except ValueError:  # of a length, of msgspec, or of UTF-8
            raise crashed() from None
        return True

    def _hear(self) -> bool:
        heard = self._errors.recv(_LAST_WORDS_BYTES)
        self._last_words = (self._last_words + heard)[-_LAST_WORDS_BYTES:]
        return bool(heard)


def _refusal(refused: Refused) -> Permanent:
    if refused.cause is not None:
        log.warning("%s: the parser raised %s", refused.reason, refused.cause)
    return Permanent(refused.reason, refused.message)
