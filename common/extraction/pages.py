"""Pages that were read, before they are put together: of a long document, some at a time."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import msgspec

from common.extraction.outline import OutlineEntry

type Until = Callable[[], bool]
"""Whether it is time to stop: asked between two pages."""


class PageImage(msgspec.Struct, frozen=True, kw_only=True):
    """A page as it is seen: `width * height` bytes of grey, 0 for black, row by row from the top left."""

    width: int
    height: int
    pixels: bytes


class PageRange(msgspec.Struct, frozen=True, kw_only=True):
    """The pages from `start`, counted from 0, up to and without `end`, of `total`.

    `pages[i]` holds the lines of page start + i; None if it could not be read. `outline` and `title` are the
    document's, in each of its ranges. `unread_images` are the pages, counted from 0, that show an image, have no text
    layer, and of which no text was read; `failures` name the errors at which that was so, each once.
    """

    mime_type: str
    start: int
    total: int
    pages: tuple[list[str] | None, ...]
    outline: tuple[OutlineEntry, ...] = ()
    title: str | None = None
    unread_images: tuple[int, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The page that the next range begins with."""
        return self.start + len(self.pages)

    @property
    def whole(self) -> bool:
        """True if there is nothing before it and nothing behind it."""
        return len(self.pages) == self.total


def encoded(pages: PageRange) -> bytes:
    """The range as it is stored."""
    return gzip.compress(msgspec.msgpack.encode(pages), compresslevel=4, mtime=0)


def decoded(content: bytes) -> PageRange:
    """The range that was stored so."""
    return msgspec.msgpack.decode(gzip.decompress(content), type=PageRange)
