"""How much a document may hold before it is refused, and how its reading is followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common.errors import Permanent

type Progress = Callable[[int, int], None]
"""Called now and then with the pages read so far and the pages there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionLimits:
    """The most that is taken from one document. What is over a limit is refused whole, never cut.

    `pages`: pages of a PDF, slides, sheets, chapters.
    `characters`: characters of the extracted text; 50 million are about 100 books.
    `markup_bytes`: bytes of an HTML file, whose parsed tree takes some fifteen times as much memory.
    `decompressed_bytes`: bytes of all parts of a packed file (Office, EPUB) that are read.
    """

    pages: int = 20_000
    characters: int = 50_000_000
    markup_bytes: int = 32_000_000
    decompressed_bytes: int = 1_000_000_000

    def check_pages(self, pages: int) -> None:
        """Refuse a document of more pages than the limit (TOO_MANY_PAGES)."""
        if pages > self.pages:
            raise Permanent(
                "TOO_MANY_PAGES",
                f"The document has {pages:,} pages; at most {self.pages:,} are taken. Split it into parts.",
            )

    def check_characters(self, characters: int) -> None:
        """Refuse a text longer than the limit (TOO_MUCH_TEXT)."""
        if characters > self.characters:
            raise Permanent(
                "TOO_MUCH_TEXT",
                f"The document holds more than {self.characters:,} characters of text. Split it into parts.",
            )

    def check_markup(self, size: int) -> None:
        """Refuse an HTML file larger than the limit (TOO_MUCH_TEXT)."""
        if size > self.markup_bytes:
            raise Permanent(
                "TOO_MUCH_TEXT",
                f"The HTML file has {size:,} bytes; at most {self.markup_bytes:,} are taken. Split it into parts.",
            )
