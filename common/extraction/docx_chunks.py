"""Documents of other types within a Word document (`altChunk`): some exporters write all of it so."""

from __future__ import annotations

from collections.abc import Mapping
from email import policy
from email.parser import BytesParser

from common.errors import Permanent
from common.extraction.containers import Container
from common.extraction.decoding import decode
from common.extraction.detection import SAMPLE_BYTES, type_of
from common.extraction.html import read_page
from common.extraction.html_walk import Content
from common.extraction.limits import ExtractionLimits
from common.extraction.mail import charset_of, content_of
from common.extraction.mime_types import EML, HTML, MARKDOWN, PLAIN
from common.extraction.office import Relationship

_KIND = "aFChunk"


def read_chunks(
    container: Container, related: Mapping[str, Relationship], limits: ExtractionLimits
) -> tuple[dict[str, Content], tuple[str, ...]]:
    """The text of each such part by its relationship's id, and a warning for each that cannot be read."""
    found: dict[str, Content] = {}
    warnings: list[str] = []
    for reference, relationship in related.items():
        if relationship.kind == _KIND:
            content = _content(container.read(relationship.target), limits)
            if content is None:
                warnings.append(
                    f"The part {relationship.target[:200]} is of a type that is not read within a document."
                )
            else:
                found[reference] = content
    return found, tuple(warnings)


def _content(data: bytes, limits: ExtractionLimits) -> Content | None:
    try:
        kind = type_of(data[:SAMPLE_BYTES])
    except Permanent:
        return None
    if kind == HTML:
        return read_page(data, limits, keep_surroundings=True).content
    if kind == EML:  # a page with its pictures, packed as a message (MHTML)
        return _page_of_message(data, limits)
    return Content(decode(data).text.strip(), (), 0) if kind in {PLAIN, MARKDOWN} else None


def _page_of_message(data: bytes, limits: ExtractionLimits) -> Content | None:
    parts = BytesParser(policy=policy.compat32).parsebytes(data).walk()
    page = next((part for part in parts if part.get_content_type() == HTML), None)
    if page is None:
        return None
    return read_page(content_of(page), limits, encoding=charset_of(page), keep_surroundings=True).content
