"""PDF by pdfium, page by page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from common.errors import Permanent
from common.extraction.decoding import clean
from common.extraction.detection import PDF
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.outline import OutlineEntry
from common.extraction.page_assembly import Page, assemble
from common.extraction.page_text import raw_lines
from common.model.chunks import Extraction

_PDFIUM = Lock()  # pdfium may be called by one thread at a time, whatever the document
_PROGRESS_EVERY = 16
_MOST_WARNINGS = 20
_MOST_OUTLINE_ENTRIES = 50_000
_NO_TITLE = re.compile(
    r"untitled\b|no title|document\d*|slide \d+|(?:microsoft (?:word|powerpoint|excel)|print|powerpoint presentation)\b"
    r"|.*\.(?:pdf|docx?|pptx?|xlsx?|odt|tex|dvi|ps|indd|qxd|rtf|html?|md|txt|xml|fm)$|.*[\\/].*[\\/]|[\W\d_]*$",
    re.IGNORECASE,
)


def extract_pdf(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The PDF's text by page, its outline's headings and its title; an unreadable page is empty and warned of."""
    with closing(_Document(path)) as document:
        limits.check_pages(len(document))
        entries, title = document.outline(), document.title()
        pages, warnings = _read_pages(document, limits, progress)
    text, page_starts, headings = assemble(pages, entries)
    limits.check_characters(len(text))
    return Extraction(
        mime_type=PDF,
        text=text,
        page_starts=page_starts,
        headings=headings,
        title=title,
        warnings=warnings,
    )


def _read_pages(
    document: _Document, limits: ExtractionLimits, progress: Progress | None
) -> tuple[list[Page], tuple[str, ...]]:
    pages: list[Page] = []
    unreadable: list[int] = []
    characters = 0
    for number in range(len(document)):
        text = document.page_text(number)
        if text is None:
            unreadable.append(number + 1)
        lines = raw_lines(text or "")
        characters += sum(map(len, lines))
        limits.check_characters(characters)
        pages.append(lines)
        if progress and ((number + 1) % _PROGRESS_EVERY == 0 or number + 1 == len(document)):
            progress(number + 1, len(document))
    if pages and len(unreadable) == len(pages):
        raise _corrupt("none of its pages can be read")
    return pages, tuple(_warnings(unreadable))


def _warnings(unreadable: list[int]) -> Iterator[str]:
    for page in unreadable[:_MOST_WARNINGS]:
        yield f"Page {page} could not be read and is empty."
    if len(unreadable) > _MOST_WARNINGS:
        yield f"{len(unreadable) - _MOST_WARNINGS} more pages could not be read and are empty."


def _corrupt(why: str) -> Permanent:
    return Permanent("CORRUPT_PDF", f"The PDF is damaged: {why}. Save or export it again and upload the new file.")


def _words(read: Callable[[], str]) -> str:
    """A title as pdfium reads it, cleaned; nothing where its UTF-16 is broken."""
    try:
        return " ".join(clean(read()).split())
    except UnicodeDecodeError:
        return ""


class _Document:
    """One PDF; each call holds pdfium's lock, so that documents read at once take turns."""

    def __init__(self, path: Path) -> None:
        with _PDFIUM:
            try:
                self._pdf: Any = pypdfium2.PdfDocument(path)
            except pypdfium2.PdfiumError as error:
                if error.err_code in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}:
                    raise Permanent(
                        "ENCRYPTED_PDF",
                        "The PDF is protected by a password. Save it without one and upload the new file.",
                    ) from None
                raise _corrupt("it cannot be opened") from error
            self._pages = len(self._pdf)

    def __len__(self) -> int:
        return self._pages

    def close(self) -> None:
        with _PDFIUM:
            self._pdf.close()

    def title(self) -> str | None:
        """The title in the metadata, unless it is what a program put there for want of one."""
        with _PDFIUM:
            title = _words(lambda: self._pdf.get_metadata_value("Title"))
        return title if 3 <= len(title) <= 300 and not _NO_TITLE.match(title) else None

    def outline(self) -> list[OutlineEntry]:
        entries: list[OutlineEntry] = []
        with _PDFIUM:
            for bookmark in self._pdf.get_toc():
                title, target = _words(bookmark.get_title), bookmark.get_dest()
                page = target.get_index() if target else None
                if title and page is not None:
                    entries.append(OutlineEntry(bookmark.level + 1, title, page))
                if len(entries) == _MOST_OUTLINE_ENTRIES:
                    break
        return entries

    def page_text(self, number: int) -> str | None:
        """The page's text as pdfium reads it; None if the page cannot be loaded."""
        with _PDFIUM:
            try:
                with closing(self._pdf[number]) as page, closing(page.get_textpage()) as textpage:
                    text: str = textpage.get_text_range()
                    return text
            except pypdfium2.PdfiumError:
                return None
