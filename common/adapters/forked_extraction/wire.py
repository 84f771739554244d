"""What the instance, its fork server and a child say to each other.

The instance asks the fork server for a child with three descriptors: a `channel`, on which the server tells of the
child's start and end and sees when nobody waits for it any more; the `work`, over which the instance sends one request
and the child its answers, of which some may ask for something back; and what becomes the child's standard error.
"""

from __future__ import annotations

import socket
import struct
from typing import TypeAliasType

import msgspec

from common.extraction.limits import ExtractionLimits
from common.extraction.pages import PageImage, PageRange
from common.model.chunks import Extraction

_LENGTH = struct.Struct("!Q")
START = struct.Struct("!q")
"""The child's process id."""
NOT_STARTED = START.pack(0)
"""In its place: there is no room for a child."""
END = struct.Struct("!iq")
"""The child's wait status, and the most memory that it held, in bytes."""


class ReadFile(msgspec.Struct, frozen=True, kw_only=True, tag="read file"):
    """Read this file: see `TextExtractor.read`. Without `seconds` there is all the time."""

    path: str
    limits: ExtractionLimits
    start: int
    seconds: float | None


class AssembleRanges(msgspec.Struct, frozen=True, kw_only=True, tag="assemble ranges"):
    """Put these files together: see `TextExtractor.assemble`."""

    paths: tuple[str, ...]
    limits: ExtractionLimits


type Request = ReadFile | AssembleRanges


class PageLines(msgspec.Struct, frozen=True, tag="page lines"):
    """What stands on the page that was asked about; None if it could not be read."""

    lines: list[str] | None


class Progressed(msgspec.Struct, frozen=True, tag="progressed"):
    """Pages read so far, of those there are."""

    done: int
    total: int


class Scanned(msgspec.Struct, frozen=True, tag="scanned"):
    """The question what stands on this page: the child waits for its `PageLines`."""

    image: PageImage


class Read(msgspec.Struct, frozen=True, tag="read"):
    """A whole document."""

    extraction: Extraction


class ReadPages(msgspec.Struct, frozen=True, tag="read pages"):
    """Some pages of one."""

    pages: PageRange


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The document cannot be read. `cause` names the parser's own error and its place, never what it says."""

    reason: str
    message: str
    cause: str | None


type Answer = Progressed | Scanned | Read | ReadPages | Refused


def sent(message: Request | PageLines | Answer, over: socket.socket) -> None:
    """Send a message, its length before it."""
    body = msgspec.msgpack.encode(message)
    over.sendall(_LENGTH.pack(len(body)))
    over.sendall(body)


def received[T](over: socket.socket, kind: type[T] | TypeAliasType) -> T:
    """What comes from the instance; `EOFError` where it is gone."""
    incoming = Incoming()
    while (body := incoming.receive(over, most=1 << 20)) is None:
        pass
    message: T = msgspec.msgpack.decode(body, type=kind)
    return message


class Incoming:
    """A message as it arrives, in a buffer of its own length from the beginning."""

    def __init__(self) -> None:
        self._buffer = bytearray(_LENGTH.size)
        self._filled = 0
        self._headed = False

    def receive(self, over: socket.socket, *, most: int) -> bytearray | None:
        """Take what has come; the body once it is whole, and the next message begins.

        `EOFError` at the end, ValueError for a message of more than `most` bytes.
        """
        count = over.recv_into(memoryview(self._buffer)[self._filled :])
        if count == 0:
            raise EOFError
        self._filled += count
        if self._filled < len(self._buffer):
            return None
        whole = self._buffer
        self._headed = not self._headed
        self._filled = 0
        if not self._headed:
            self._buffer = bytearray(_LENGTH.size)
            return whole
        (length,) = _LENGTH.unpack(whole)
        if not 0 < length <= most:
            raise ValueError(f"a message of {length} bytes")
        self._buffer = bytearray(length)
        return None
