"""The first bytes of common files that hold no text for us, so that a refusal can name what came."""

from __future__ import annotations

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF87a", "a GIF image"),
    (0, b"GIF89a", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (0, b"BM", "a BMP image"),
    (0, b"\x00\x00\x01\x00", "an icon"),
    (40, b" EMF\x00\x00\x01\x00", "an EMF drawing"),
    (0, b"\xd7\xcd\xc6\x9a", "a WMF drawing"),
    (0, b"AT&TFORM", "a DjVu document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a Windows program"),
    (0, b"\xcf\xfa\xed\xfe", "a program"),
    (0, b"\xca\xfe\xba\xbe", "a program"),
    (0, b"\x00asm", "a WebAssembly module"),
    (0, b"ID3", "an MP3 recording"),
    (0, b"OggS", "an Ogg recording"),
    (0, b"fLaC", "a FLAC recording"),
    (8, b"WAVE", "a WAV recording"),
    (8, b"AVI ", "an AVI video"),
    (4, b"ftyp", "an MP4 video or HEIF image"),
    (0, b"\x1aE\xdf\xa3", "a Matroska video"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"PAR1", "a Parquet file"),
    (0, b"wOFF", "a font"),
    (0, b"wOF2", "a font"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
)
_IN_ZIP: tuple[tuple[bytes, str], ...] = (
    (b"word/", "a Word document"),
    (b"xl/", "an Excel workbook"),
    (b"ppt/", "a PowerPoint presentation"),
    (b"application/epub+zip", "an EPUB book"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file"),
    (b"META-INF/MANIFEST.MF", "a Java archive"),
    (b"[Content_Types].xml", "a Microsoft Office file"),
    (b"docProps/", "a Microsoft Office file"),
)
_PRINTABLE = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}


def name_of(beginning: bytes) -> str | None:
    """What a file that begins so is, with its article ("a PNG image"); None where nothing is recognised."""
    for offset, signature, name in _SIGNATURES:
        if beginning.startswith(signature, offset) and not _may_be_text(signature, beginning):
            return kind_of_zip(beginning) if name == "a ZIP archive" else name
    return None


def _may_be_text(signature: bytes, beginning: bytes) -> bool:
    """A prose text may well begin with "BM" or "MZ": a signature of a few letters needs binary bytes behind it."""
    if len(signature) > 4 or not _PRINTABLE.issuperset(signature):
        return False
    return signature != b"%!PS" and _PRINTABLE.issuperset(beginning[:64])


def kind_of_zip(beginning: bytes) -> str:
    """What a ZIP file that begins so is, with its article."""
    return next((name for mark, name in _IN_ZIP if mark in beginning), "a ZIP archive")
