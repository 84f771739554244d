"""Comma- and tab-separated files: each record a row under the file's header."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from common.extraction.delimiters import delimiter_of
from common.extraction.headed_text import HeadedText
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import CSV, TSV
from common.extraction.plain import read_text
from common.extraction.rows import RowWriter
from common.extraction.xml_reading import corrupt
from common.model.chunks import Extraction

_SAMPLE = 65_536


def extract_delimited(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The records as rows of one page, their cells parted by " | "."""
    decoded = read_text(path, limits)
    beginning = decoded.text[:_SAMPLE]
    delimiter = delimiter_of(beginning, whole=len(decoded.text) <= _SAMPLE) or ","
    text = HeadedText()
    rows = RowWriter(text)
    csv.field_size_limit(limits.characters)
    try:
        for record in csv.reader(io.StringIO(decoded.text, newline=""), delimiter=delimiter, skipinitialspace=True):
            rows.row(record)
            limits.check_characters(text.length)
    except csv.Error as error:
        raise corrupt(f"it cannot be read as a table ({error})") from error
    rows.end()
    if progress:
        progress(1, 1)
    return Extraction(
        mime_type=TSV if delimiter == "\t" else CSV,
        text=text.whole(),
        page_starts=(0,),
        headings=tuple(text.headings),
        warnings=decoded.warnings,
    )
