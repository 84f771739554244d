"""PDF by pdfium, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from common.errors import Permanent
from common.extraction.decoding import clean
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import PDF
from common.extraction.outline import OutlineEntry
from common.extraction.page_assembly import Page, assemble
from common.extraction.page_fields import filled_in
from common.extraction.page_images import page_image
from common.extraction.page_reading import PageLines, page_lines
from common.extraction.page_text import raw_lines
from common.extraction.pages import PageImage, PageLayout, PageRange, Until
from common.extraction.titles import stated_title
from common.model.chunks import Extraction
from common.ports import PageReader

_PDFIUM = Lock()  # pdfium may be called by one thread at a time, whatever the document
_PROGRESS_EVERY = 16
_MOST_WARNINGS = 20
_MOST_OUTLINE_ENTRIES = 50_000


def extract_pdf(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The PDF's text by page, its outline's headings and its title; an unreadable page is empty and warned of."""
    return assemble_ranges([read_range(path, limits, 0, lambda: False, progress)], limits)


def read_range(
    path: Path,
    limits: ExtractionLimits,
    start: int,
    until: Until,
    progress: Progress | None,
    *,
    page_reader: PageReader | None = None,
) -> PageRange:
    """The PDF's pages from `start`, at least one if there is one, up to the last or until it is time to stop.

    A page that shows an image and has no text layer is read by `page_reader`, if there is one.
    """
    with closing(_Document(path)) as document:
        total = len(document)
        limits.check_pages(total)
        pages = list(_read_pages(document, limits, start, until, progress, page_reader=page_reader))
        return PageRange(
            mime_type=PDF,
            start=start,
            total=total,
            pages=tuple(page.lines for page in pages),
            layouts=tuple(page.layout for page in pages),
            outline=document.outline,
            title=document.title(),
            unread_images=tuple(start + index for index, page in enumerate(pages) if page.image and not page.lines),
            failures=tuple(dict.fromkeys(page.failure for page in pages if page.failure)),
            filled_in={start + index: page.filled_in for index, page in enumerate(pages) if page.filled_in},
        )


def assemble_ranges(ranges: Sequence[PageRange], limits: ExtractionLimits) -> Extraction:
    """The text of ranges that follow each other from the first page to the last."""
    read = [lines for each in ranges for lines in each.pages]
    pages: list[Page] = [lines or [] for lines in read]
    unreadable = {number for number, lines in enumerate(read) if lines is None}
    unread_images = {number for each in ranges for number in each.unread_images}
    failures = dict.fromkeys(failure for each in ranges for failure in each.failures)
    if pages and len(unreadable) == len(pages):
        raise _corrupt("none of its pages can be read")
    layouts = [layout for each in ranges for layout in each.layouts or [None] * len(each.pages)]
    filled = {number: lines for each in ranges for number, lines in each.filled_in.items()}
    text, page_starts, headings = assemble(pages, ranges[0].outline, layouts, filled)
    limits.check_characters(len(text))
    if failures and not text.strip():
        raise Permanent(
            "OCR_FAILED",
            f"The pages are images, and reading them failed ({', '.join(failures)}). Save or scan them again and upload"
            " the new file.",
        )
    return Extraction(
        mime_type=PDF,
        text=text,
        page_starts=page_starts,
        headings=headings,
        title=ranges[0].title,
        warnings=(*_warnings(unreadable, unread_images), *map(_failed, failures)),
    )


class _ReadPage(NamedTuple):
    """A page's lines, None if it could not be read, and how it looks; whether it is an image without a text layer, and
    what OCR met."""

    lines: Page | None
    layout: PageLayout | None = None
    image: bool = False
    failure: str | None = None
    filled_in: Sequence[str] = ()


def _read_pages(
    document: _Document,
    limits: ExtractionLimits,
    start: int,
    until: Until,
    progress: Progress | None,
    *,
    page_reader: PageReader | None,
) -> Iterator[_ReadPage]:
    characters, total = 0, len(document)
    former: PageLayout | None = None
    for number in range(start, total):
        page = _read_page(document, number, former, page_reader)
        former = page.layout
        characters += sum(map(len, page.lines or ()))
        limits.check_characters(characters)
        yield page
        if progress and (page.image or (number + 1) % _PROGRESS_EVERY == 0 or number + 1 == total):
            progress(number + 1, total)
        if until():
            return


def _read_page(
    document: _Document, number: int, former: PageLayout | None, page_reader: PageReader | None
) -> _ReadPage:
    read = document.page_lines(number, former)
    if read is None:
        return _ReadPage(None)
    if read.lines or not document.shows_image(number):
        return _ReadPage(read.lines, read.layout, filled_in=read.filled_in)
    image = document.image(number) if page_reader else None
    if page_reader is None or image is None:
        return _ReadPage([], image=True, filled_in=read.filled_in)
    return _read_image(page_reader, image)._replace(filled_in=read.filled_in)


def _read_image(page_reader: PageReader, image: PageImage) -> _ReadPage:
    try:
        return _ReadPage(raw_lines("\n".join(page_reader(image))), image=True)
    except MemoryError:
        raise
    except Exception as error:  # of a library, which nobody can list; the document goes on, and its warnings say so
        return _ReadPage([], image=True, failure=type(error).__qualname__)


def _warnings(unreadable: set[int], unread_images: set[int]) -> Iterator[str]:
    """A sentence for each page of these, which are counted from 0; in sum for those behind the first ones."""
    without_text = sorted(unreadable | unread_images)
    for page in without_text[:_MOST_WARNINGS]:
        why = "could not be read" if page in unreadable else "is an image of which no text was read"
        yield f"Page {page + 1} {why}{' and is empty' if page in unreadable else ''}."
    if len(without_text) > _MOST_WARNINGS:
        yield f"{len(without_text) - _MOST_WARNINGS} more pages could not be read and are empty."


def _failed(failure: str) -> str:
    return f"OCR failed at pages that are images ({failure}): what they show is missing."


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
            if self._pdf.get_formtype() == pdfium.FORMTYPE_ACRO_FORM:
                self._pdf.init_forms()
            self._pages = len(self._pdf)
        self.outline = tuple(self._outline())

    def __len__(self) -> int:
        return self._pages

    def close(self) -> None:
        with _PDFIUM:
            self._pdf.close()

    def title(self) -> str | None:
        """The title in the metadata, unless it is what a program put there for want of one."""
        with _PDFIUM:
            title = _words(lambda: self._pdf.get_metadata_value("Title"))
        return stated_title(title)

    def _outline(self) -> list[OutlineEntry]:
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

    def page_lines(self, number: int, former: PageLayout | None) -> PageLines | None:
        """The lines of the page's text layer; None if the page cannot be loaded. `former` is the page before."""
        with _PDFIUM:
            try:
                with closing(self._pdf[number]) as page:
                    lines = page_lines(page, headings=not self.outline, former=former)
                    return lines._replace(filled_in=filled_in(page, self._pdf.formenv))
            except pypdfium2.PdfiumError:
                return None

    def shows_image(self, number: int) -> bool:
        """Whether there is an image on the page."""
        with _PDFIUM:
            try:
                with closing(self._pdf[number]) as page:
                    return any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]))
            except pypdfium2.PdfiumError:
                return False

    def image(self, number: int) -> PageImage | None:
        """The page as it is seen; None if it cannot be drawn."""
        with _PDFIUM:
            try:
                with closing(self._pdf[number]) as page:
                    return page_image(page)
            except pypdfium2.PdfiumError:
                return None
