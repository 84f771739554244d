"""EPUB books: a chapter is a page, in reading order."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import unquote

from common.extraction.containers import Container, encrypted, open_container
from common.extraction.headed_text import HeadedText
from common.extraction.html import read_page
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import EPUB
from common.extraction.titles import stated_title
from common.extraction.xml_reading import Attributes, corrupt
from common.model.chunks import Extraction

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"})
_FOR_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def extract_epub(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The chapters as they follow each other, without the table of contents; the title is the book's.

    Permanent: ENCRYPTED_FILE for a book under copy protection, besides what any packed file may end in.
    """
    text = HeadedText()
    warnings: list[str] = []
    with open_container(path, limits) as container:
        _check_protection(container)
        book = _read_book(container)
        chapters = [book.pages[each] for each in book.spine if each in book.pages]
        if not chapters:
            raise corrupt("it names no chapter")
        limits.check_pages(len(chapters))
        for number, chapter in enumerate(chapters):
            if number:
                text.page()
            if chapter not in container:
                warnings.append(f"Page {number + 1} is missing from the book and is empty.")
                continue
            page = read_page(container.read(chapter), limits, xhtml=True, keep_surroundings=True)
            text.inset(page.content.text, page.content.headings)
            limits.check_characters(text.length)
            if progress:
                progress(number + 1, len(chapters))
    return Extraction(
        mime_type=EPUB,
        text=text.whole(),
        page_starts=text.page_starts,
        headings=tuple(text.headings),
        title=stated_title(book.title),
        warnings=tuple(warnings),
    )


def _check_protection(container: Container) -> None:
    """Refuse a book whose chapters are encrypted; fonts often are, and do not matter."""
    if _ENCRYPTION in container:
        methods = _Methods()
        container.read_xml(_ENCRYPTION, methods)
        if any(not method.startswith(_FOR_FONTS) for method in methods.found):
            raise encrypted()


def _read_book(container: Container) -> _Book:
    root = _Root()
    container.read_xml(_CONTAINER, root)
    if not root.path:
        raise corrupt("it does not say where its book begins")
    book = _Book(posixpath.dirname(root.path))
    container.read_xml(root.path, book, document_type=True)
    return book


class _Methods:
    def __init__(self) -> None:
        self.found: list[str] = []
        self._of_data = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "EncryptedData":
            self._of_data = True
        elif name == "EncryptionMethod" and self._of_data:
            self._of_data = False
            self.found.append(attributes.get("Algorithm", ""))

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...


class _Root:
    def __init__(self) -> None:
        self.path = ""

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "rootfile" and not self.path:
            self.path = attributes.get("full-path", "")

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...


class _Book:
    """The part that names title, chapters and their order."""

    def __init__(self, folder: str) -> None:
        self.title = ""
        self.pages: dict[str, str] = {}
        self.spine: list[str] = []
        self._folder = folder
        self._titles = 0
        self._in_title = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "title":
            self._titles += 1
            self._in_title = self._titles == 1
        elif name == "item":
            is_contents = "nav" in attributes.get("properties", "").split()
            if attributes.get("media-type") in _PAGES and not is_contents:
                path = posixpath.normpath(posixpath.join(self._folder, unquote(attributes.get("href", ""))))
                self.pages[attributes.get("id", "")] = path
        elif name == "itemref" and attributes.get("idref", "") not in self.spine[-1:]:
            self.spine.append(attributes.get("idref", ""))

    def end(self, name: str) -> None:
        self._in_title = False

    def text(self, text: str) -> None:
        if self._in_title:
            self.title += text
