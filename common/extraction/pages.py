"""Pages that were read, before they are put together: of a long document, some at a time."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence

import msgspec

from common.extraction.outline import OutlineEntry

type Until = Callable[[], bool]
"""Whether it is time to stop: asked between two pages."""

EDGE_LINES = 5
"""How many lines at each edge of a page are told the place of, at most."""
MARGIN = 0.14
"""The share of a page's height, at its top and bottom, that running heads stand in."""


class PageImage(msgspec.Struct, frozen=True, kw_only=True):
    """A page as it is seen: `width * height` bytes of grey, 0 for black, row by row from the top left."""

    width: int
    height: int
    pixels: bytes


class LinePlace(msgspec.Struct, frozen=True, array_like=True):
    """Where a line's first character stands, in tenths of a point from the page's left and lower edge as it is seen.

    `height` is that of its font.
    """

    left: int
    bottom: int
    height: int


class PageTable(msgspec.Struct, frozen=True, array_like=True):
    """A table among a page's lines: `lines[first:last]` are its rows. `columns` are the left ends of its columns."""

    first: int
    last: int
    columns: tuple[float, ...]


class LargeLine(msgspec.Struct, frozen=True, array_like=True):
    """A line of a page that is larger than its text, `height` tenths of a point."""

    line: int
    height: int


class PageLayout(msgspec.Struct, frozen=True, array_like=True):
    """How a page looks, `height` tenths of a point high: its tables, and where its first and last lines stand.

    `top[i]` is the place of the line i, `bottom[i]` that of the line -1 - i: up to the first line outside of the margin
    or in a table. `large` are lines that may be headings, since they are larger than the text, whose lines are `body`
    tenths of a point high; neither is told of a document that has an outline.
    """

    height: int
    top: tuple[LinePlace, ...] = ()
    bottom: tuple[LinePlace, ...] = ()
    tables: tuple[PageTable, ...] = ()
    body: int = 0
    large: tuple[LargeLine, ...] = ()


class PageRange(msgspec.Struct, frozen=True, kw_only=True):
    """The pages from `start`, counted from 0, up to and without `end`, of `total`.

    `pages[i]` holds the lines of page start + i, None if it could not be read, `layouts[i]` how it looks, None where
    that is not known (no layouts at all: of none). `outline` and `title` are the
    document's, in each of its ranges. `unread_images` are the pages, counted from 0, that show an image, have no text
    layer, and of which no text was read; `failures` name the errors at which that was so, each once. `filled_in` holds,
    by page counted from 0, the lines of what was filled into forms.
    """

    mime_type: str
    start: int
    total: int
    pages: tuple[list[str] | None, ...]
    layouts: tuple[PageLayout | None, ...] = ()
    outline: tuple[OutlineEntry, ...] = ()
    title: str | None = None
    unread_images: tuple[int, ...] = ()
    failures: tuple[str, ...] = ()
    filled_in: dict[int, Sequence[str]] = {}

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
