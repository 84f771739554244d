"""One file to its extraction, by the type that its content shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from common.extraction import detection
from common.extraction.detection import detect_type
from common.extraction.limits import ExtractionLimits, Progress
from common.model.chunks import Extraction

type Extractor = Callable[[Path, ExtractionLimits, Progress | None], Extraction]


def extract(path: Path, *, limits: ExtractionLimits, progress: Progress | None = None) -> Extraction:
    """The text of the file with its pages and headings; a text of nothing but white space comes back as it is.

    `progress(pages_done, pages_total)` is called at least every 32 pages of a PDF, and once at the end of anything.
    Permanent: EMPTY_FILE, UNSUPPORTED_TYPE, CORRUPT_PDF, ENCRYPTED_PDF, TOO_MANY_PAGES, TOO_MUCH_TEXT,
    NESTED_TOO_DEEPLY.
    """
    return _extractor(detect_type(path))(path, limits, progress)


def _extractor(mime_type: str) -> Extractor:
    """Imported one by one, so that a text never pays for loading pdfium."""
    if mime_type == detection.PDF:
        from common.extraction.pdf import extract_pdf  # noqa: PLC0415

        return extract_pdf
    if mime_type == detection.HTML:
        from common.extraction.html import extract_html  # noqa: PLC0415

        return extract_html
    if mime_type == detection.MARKDOWN:
        from common.extraction.markdown import extract_markdown  # noqa: PLC0415

        return extract_markdown
    from common.extraction.plain import extract_plain  # noqa: PLC0415

    return extract_plain
