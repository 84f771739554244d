"""What a ZIP file or an old Microsoft compound file is, told by what is in it."""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

from common.errors import Permanent
from common.extraction.containers import encrypted, open_container
from common.extraction.limits import ExtractionLimits
from common.extraction.mime_types import DOCX, EPUB, PPTX, XLSX
from common.extraction.signatures import kind_of_zip
from common.extraction.xml_reading import corrupt

ZIP_BEGINNING = b"PK\x03\x04"
COMPOUND_BEGINNING = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_CONTENT_TYPES = "[Content_Types].xml"
_MAIN_TYPES = (  # macros, templates and shows are written in the same way as documents
    (
        re.compile(
            rb"(?:wordprocessingml|ms-word)\.(?:document|template)(?:\.macroenabled(?:template)?)?\.main\+xml", re.I
        ),
        DOCX,
    ),
    (re.compile(rb"(?:spreadsheetml|ms-excel)\.(?:sheet|template)(?:\.macroenabled)?\.main\+xml", re.I), XLSX),
    (
        re.compile(
            rb"(?:presentationml|ms-powerpoint)\.(?:presentation|template|slideshow)(?:\.macroenabled)?\.main\+xml",
            re.I,
        ),
        PPTX,
    ),
)
_BY_FOLDER = (("word/document", DOCX), ("xl/workbook.xml", XLSX), ("ppt/presentation", PPTX))
_BINARY_WORKBOOK = b"sheet.binary.macroenabled.main"
_EPUB = b"application/epub+zip"
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument"
# For what tells the type, which names each part; how many there may be is looked at by who reads them.
_FOR_THE_TYPE = ExtractionLimits(decompressed_bytes=100_000_000, parts=sys.maxsize)

_SECTOR_SHIFT_AT, _DIRECTORY_AT = 30, 48
_DIRECTORY_BYTES = 4096
_OLD_STREAMS = (
    ("EncryptedPackage", ""),
    ("WordDocument", "an old Word document (.doc)"),
    ("Workbook", "an old Excel workbook (.xls)"),
    ("Book", "an old Excel workbook (.xls)"),
    ("PowerPoint Document", "an old PowerPoint presentation (.ppt)"),
    ("__properties_version1.0", "an Outlook message (.msg)"),
)


def kind_of_container(path: Path, beginning: bytes) -> str:
    """The MIME type of a ZIP file that is a document; "" for any other archive.

    Permanent: CORRUPT_FILE for a document whose ZIP file is damaged.
    """
    try:
        with open_container(path, _FOR_THE_TYPE) as container:
            names = set(container.names())
            kind = container.read("mimetype")[:100] if "mimetype" in names else b""
            types = container.read(_CONTENT_TYPES) if _CONTENT_TYPES in container else b""
    except Permanent:
        if not zipfile.is_zipfile(path) and kind_of_zip(beginning) == "a ZIP archive":
            return ""  # whatever was in it
        raise
    if kind.startswith(_EPUB) or "meta-inf/container.xml" in names:
        return EPUB if not kind.startswith(_OPEN_DOCUMENT) else ""
    if _BINARY_WORKBOOK in types.lower():
        return ""
    by_type = (mime_type for pattern, mime_type in _MAIN_TYPES if pattern.search(types))
    by_folder = (mime_type for folder, mime_type in _BY_FOLDER if any(name.startswith(folder) for name in names))
    return next(by_type, next(by_folder, ""))


def name_of_compound(path: Path) -> str:
    """What an old Microsoft file is, with its article; Permanent ENCRYPTED_FILE for a new one with a password."""
    with path.open("rb") as file:
        header = file.read(512)
        if len(header) < 512:
            raise corrupt("it breaks off")
        shift = int.from_bytes(header[_SECTOR_SHIFT_AT : _SECTOR_SHIFT_AT + 2], "little")
        sector = int.from_bytes(header[_DIRECTORY_AT : _DIRECTORY_AT + 4], "little")
        file.seek((sector + 1) << min(shift, 12))
        directory = file.read(_DIRECTORY_BYTES)
    for stream, name in _OLD_STREAMS:
        if f"{stream}\0".encode("utf-16-le") in directory:
            if not name:
                raise encrypted()
            return name
    return "an old Microsoft Office document"
