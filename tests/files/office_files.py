"""Office files, XML and archives that no program writes."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.unit.packed_files import WORD, write_docx, write_office, write_zip

WORDS = "The keeper lights the lamp at dusk."
PARAGRAPH = f"<w:p><w:r><w:t>{WORDS}</w:t></w:r></w:p>"
_SECTOR = 512
_FREE, _END, _TABLE = b"\xff\xff\xff\xff", b"\xfe\xff\xff\xff", b"\xfd\xff\xff\xff"


def docx(body: str = PARAGRAPH) -> bytes:
    with TemporaryDirectory() as folder:
        return write_docx(Path(folder, "made"), body).read_bytes()


def docx_of(document: str) -> bytes:
    """A Word document whose main part is this XML."""
    with TemporaryDirectory() as folder:
        return write_office(Path(folder, "made"), "docx", {"word/document.xml": document}).read_bytes()


def packed(members: Mapping[str, str | bytes]) -> bytes:
    with TemporaryDirectory() as folder:
        return write_zip(Path(folder, "made"), members).read_bytes()


def laughs() -> str:
    """A document type whose last entity is a billion words."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE lolz [<!ENTITY l0 "lol">{entities}]>'


def laughing_docx() -> bytes:
    return docx_of(
        f'<?xml version="1.0"?>{laughs()}<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>&l9;</w:t></w:r></w:p>'
        "</w:body></w:document>"
    )


def laughing_xml() -> bytes:
    return f'<?xml version="1.0"?>\n{laughs()}\n<lolz>&l9;</lolz>\n'.encode()


def outside_entity_docx() -> bytes:
    """Wants a file of the machine that reads it."""
    return docx_of(
        '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>&x;</w:t></w:r></w:p></w:body></w:document>'
    )


def zip_bomb(size: int) -> bytes:
    """A Word document of so many spaces."""
    return docx_of(f'<w:document xmlns:w="{WORD}"><w:body>{" " * size}</w:body></w:document>')


def deep_docx(depth: int) -> bytes:
    """Tables within tables."""
    cell, end = "<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"
    return docx(cell * depth + PARAGRAPH + end * depth)


def locked_member() -> bytes:
    """A Word document whose main part is marked as encrypted, as a ZIP program does it."""
    whole = bytearray(docx())
    with zipfile.ZipFile(BytesIO(whole)) as archive:
        place = archive.getinfo("word/document.xml").header_offset
    central = whole.index(b"word/document.xml", whole.index(b"PK\x01\x02")) - 46
    whole[place + 6] |= 1
    whole[central + 8] |= 1
    return bytes(whole)


def compound(*streams: str) -> bytes:
    """An OLE2 file: a header, the table of its sectors, and a directory of these streams, all empty."""
    header = bytearray(_SECTOR)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    header[24:34] = b"\x3e\x00\x03\x00\xfe\xff\x09\x00\x06\x00"
    header[44:52] = (1).to_bytes(4, "little") + (1).to_bytes(4, "little")
    header[56:72] = (4096).to_bytes(4, "little") + _END + bytes(4) + _END
    header[76:] = bytes(4) + _FREE * 108
    table = _TABLE + _END + _FREE * 126
    entries = b"".join(_entry(name, 5 if name == "Root Entry" else 2) for name in ("Root Entry", *streams))
    return bytes(header) + table + entries.ljust(_SECTOR, b"\0")


def _entry(name: str, kind: int) -> bytes:
    encoded = f"{name}\0".encode("utf-16-le")
    links = _FREE * 3
    return (
        (encoded.ljust(64, b"\0") + len(encoded).to_bytes(2, "little") + bytes([kind, 1]) + links).ljust(116, b"\0")
        + _END
        + bytes(8)
    )
