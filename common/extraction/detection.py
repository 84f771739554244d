"""What a file is, told by its content, never by its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from common.errors import Permanent
from common.extraction.container_kinds import COMPOUND_BEGINNING, ZIP_BEGINNING, kind_of_container, name_of_compound
from common.extraction.decoding import Decoded, decode_beginning
from common.extraction.mime_types import PDF, RTF
from common.extraction.signatures import kind_of_zip, name_of
from common.extraction.text_kinds import OTHER, kind_of_text

SAMPLE_BYTES = 65_536
# At a file's beginning the header is enough; further on an object has to follow, or prose about PDF would be one.
_PDF_BEGINNING = re.compile(rb"\s*%PDF-")
_PDF_FURTHER_ON = re.compile(rb"%PDF-\d\.\d\s*(?:%[^\r\n]*[\r\n]\s*)*\d+ \d+ obj\b")
_PDF_FIRST_OBJECT_WITHIN = 256
_PDF_HEADER_WITHIN = 1024  # where PDF readers look for the header (ISO 32000-1, appendix H, note 13)
_RTF_BEGINNING = b"{\\rtf"
# A block of NULs counts once: it is where a disk was full, or a log had room left.
_CONTROL_BYTES = re.compile(rb"\x00+|[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_MOST_CONTROL = 0.02


def detect_type(path: Path) -> str:
    """The file's MIME type, one of `mime_types`.

    Permanent: EMPTY_FILE, UNSUPPORTED_TYPE; ENCRYPTED_FILE and CORRUPT_FILE for what shows in the file as a whole.
    """
    with path.open("rb") as file:
        beginning = file.read(SAMPLE_BYTES)
    if beginning.startswith(ZIP_BEGINNING):
        return kind_of_container(path, beginning) or _refuse(f"looks like {kind_of_zip(beginning)}")
    if beginning.startswith(COMPOUND_BEGINNING):
        _refuse(f"looks like {name_of_compound(path)}")
    return type_of(beginning)


def type_of(beginning: bytes) -> str:
    """The MIME type of a file that begins so and is not packed; see `detect_type`."""
    if not beginning:
        raise Permanent("EMPTY_FILE", "The file is empty. Upload it again with its content.")
    if _PDF_BEGINNING.match(beginning, 0, _PDF_HEADER_WITHIN):
        return PDF
    if beginning.startswith(_RTF_BEGINNING):
        return RTF
    if named := name_of(beginning):  # in a picture may be a PDF file
        _refuse(f"looks like {named}")
    if _PDF_FURTHER_ON.search(beginning, 0, _PDF_HEADER_WITHIN + _PDF_FIRST_OBJECT_WITHIN):
        return PDF
    decoded = decode_beginning(beginning)
    if _is_binary(beginning, decoded):
        _refuse("is neither text nor a type that is known")
    kind = kind_of_text(decoded.text, whole=len(beginning) < SAMPLE_BYTES)
    return _refuse(f"looks like {OTHER[kind]}") if kind in OTHER else kind


def _refuse(what: str) -> NoReturn:
    raise Permanent(
        "UNSUPPORTED_TYPE",
        f"The file {what}; supported are PDF, Word, Excel, PowerPoint, EPUB, RTF, e-mail, HTML, Markdown, CSV, JSON, "
        "XML and plain text. Convert it to one of these.",
    )


def _is_binary(data: bytes, decoded: Decoded) -> bool:
    """True if too much of it is control characters, or no characters at all."""
    if decoded.wide:
        text = decoded.text
        readable = sum(map(str.isprintable, text)) + text.count("\n") + text.count("\t")
        return readable < (1 - _MOST_CONTROL) * len(text)
    controls, others = len(_CONTROL_BYTES.findall(data)), len(data) - data.count(0)
    return controls > max(1, _MOST_CONTROL * others) or not others
