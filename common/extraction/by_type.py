"""One file to its extraction, by the type that its content shows."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from common.extraction import mime_types
from common.extraction.detection import detect_type
from common.extraction.limits import ExtractionLimits, Progress
from common.model.chunks import Extraction

type Extractor = Callable[[Path, ExtractionLimits, Progress | None], Extraction]

EXTRACTORS = {
    mime_types.PDF: "pdf:extract_pdf",
    mime_types.HTML: "html:extract_html",
    mime_types.MARKDOWN: "markdown:extract_markdown",
    mime_types.PLAIN: "plain:extract_plain",
    mime_types.DOCX: "docx:extract_docx",
    mime_types.XLSX: "xlsx:extract_xlsx",
    mime_types.PPTX: "pptx:extract_pptx",
    mime_types.EPUB: "epub:extract_epub",
    mime_types.RTF: "rtf:extract_rtf",
    mime_types.EML: "mail:extract_mail",
    mime_types.CSV: "delimited:extract_delimited",
    mime_types.TSV: "delimited:extract_delimited",
    mime_types.JSON: "source:extract_json",
    mime_types.JSON_LINES: "source:extract_json",
    mime_types.XML: "source:extract_xml",
}
"""Each type's module and function. They are imported one by one, so that a text never pays for loading pdfium."""


def extract(path: Path, *, limits: ExtractionLimits, progress: Progress | None = None) -> Extraction:
    """The text of the file with its pages and headings; a text of nothing but white space comes back as it is.

    `progress(pages_done, pages_total)` is called at least every 32 pages of a PDF, and once at the end of anything.
    Permanent: EMPTY_FILE, UNSUPPORTED_TYPE, CORRUPT_PDF, CORRUPT_FILE, ENCRYPTED_PDF, ENCRYPTED_FILE, TOO_MANY_PAGES,
    TOO_MUCH_TEXT, DECOMPRESSED_TOO_LARGE, TOO_MANY_PARTS, NESTED_TOO_DEEPLY.
    """
    return load_extractor(detect_type(path))(path, limits, progress)


def load_extractor(mime_type: str) -> Extractor:
    """The extractor of a type that `detect_type` gives."""
    module, _, name = EXTRACTORS[mime_type].partition(":")
    extractor: Extractor = getattr(import_module(f"common.extraction.{module}"), name)
    return extractor
