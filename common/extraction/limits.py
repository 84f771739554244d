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
    `compression_ratio`: how many times smaller than itself a large part may be packed; a sheet of one word repeated
    comes to about 200, deflate itself to 1,032.
    `parts`: members of a packed file, parts of a message.
    `depth`: XML elements, JSON values or RTF groups within each other.
    """

    pages: int = 20_000
    characters: int = 50_000_000
    markup_bytes: int = 32_000_000
    decompressed_bytes: int = 1_000_000_000
    compression_ratio: int = 300
    parts: int = 100_000
    depth: int = 2_000

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

    def check_parts(self, parts: int) -> None:
        """Refuse a packed file or a message of more parts than the limit (TOO_MANY_PARTS)."""
        if parts > self.parts:
            raise Permanent(
                "TOO_MANY_PARTS",
                f"The file is made of more than {self.parts:,} parts. Split it, or save it in another format.",
            )

    def check_depth(self, depth: int) -> None:
        """Refuse what stands deeper within other such than the limit (NESTED_TOO_DEEPLY)."""
        if depth > self.depth:
            raise Permanent(
                "NESTED_TOO_DEEPLY",
                f"What is in the file is nested more than {self.depth:,} deep. Save it again or convert it to PDF.",
            )

    def check_markup(self, size: int) -> None:
        """Refuse an HTML file larger than the limit (TOO_MUCH_TEXT)."""
        if size > self.markup_bytes:
            raise Permanent(
                "TOO_MUCH_TEXT",
                f"The HTML file has {size:,} bytes; at most {self.markup_bytes:,} are taken. Split it into parts.",
            )
