"""Reading a document whatever its parser does: what that raises is the document's fault, and has a name."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from common.errors import Permanent
from common.extraction.by_type import extract
from common.extraction.detection import detect_type
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import PDF
from common.extraction.pages import PageRange, Until, decoded
from common.model.chunks import Extraction
from common.ports import PageReader

PAGED = {PDF: "common.extraction.pdf"}
"""Types whose pages are read some at a time, each with its module."""


def read(
    path: Path,
    limits: ExtractionLimits,
    *,
    start: int = 0,
    seconds: float = math.inf,
    progress: Progress | None = None,
    page_reader: PageReader | None = None,
) -> Extraction | PageRange:
    """See `common.ports.TextExtractor`, of which this module is the one without a child.

    Pages that are images are read by `page_reader`, if there is one.
    """
    ends_at = time.monotonic() + seconds
    with _refusing():
        mime_type = detect_type(path)
        if mime_type not in PAGED:
            return extract(path, limits=limits, progress=progress)
        pages = _paged(mime_type).read_range(
            path, limits, start, lambda: time.monotonic() >= ends_at, progress, page_reader=page_reader
        )
        return _paged(mime_type).assemble_ranges([pages], limits) if pages.whole else pages


def assemble(ranges: Sequence[Path], limits: ExtractionLimits) -> Extraction:
    """See `common.ports.TextExtractor`."""
    with _refusing():
        pages = [decoded(each.read_bytes()) for each in ranges]
        return _paged(pages[0].mime_type).assemble_ranges(pages, limits)


class _Paged(Protocol):
    """What a module in `PAGED` offers: see `common.extraction.pdf`."""

    def read_range(
        self,
        path: Path,
        limits: ExtractionLimits,
        start: int,
        until: Until,
        progress: Progress | None,
        *,
        page_reader: PageReader | None,
    ) -> PageRange: ...

    def assemble_ranges(self, ranges: Sequence[PageRange], limits: ExtractionLimits) -> Extraction: ...


def _paged(mime_type: str) -> _Paged:
    module: Any = import_module(PAGED[mime_type])
    paged: _Paged = module
    return paged


@contextmanager
def _refusing() -> Iterator[None]:
    """Every exception is `Permanent`: see `refusal`."""
    try:
        yield
    except Permanent:
        raise
    except Exception as error:
        raise refusal(error) from error


def refusal(error: Exception) -> Permanent:
    """What an exception of a parser means for its document.

    NESTED_TOO_DEEPLY for a RecursionError, EXTRACTION_MEMORY for a MemoryError, else CORRUPT_FILE.
    """
    if isinstance(error, Permanent):
        return error
    if isinstance(error, RecursionError):
        return Permanent(
            "NESTED_TOO_DEEPLY",
            "The document's parts are nested more deeply than can be read. Simplify it and upload it again.",
        )
    if isinstance(error, MemoryError):
        return too_large_for_memory()
    return Permanent(
        "CORRUPT_FILE", "The file is damaged and cannot be read. Save or export it again and upload the new file."
    )


def too_large_for_memory() -> Permanent:
    """The document takes more memory than one may have."""
    return Permanent(
        "EXTRACTION_MEMORY",
        "Reading the document takes more memory than one document may have. Split it into parts, or leave out what is"
        " large in it.",
    )


def told(error: BaseException) -> str:
    """The error's type and where it came from; what it says may quote the document."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__module__}.{type(error).__qualname__}{where}"
