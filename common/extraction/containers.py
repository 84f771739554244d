"""ZIP files that documents are packed in, read within limits."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from common.errors import Permanent
from common.extraction.limits import ExtractionLimits
from common.extraction.xml_reading import XmlReader, corrupt, read_xml

_SUSPICIOUS_BYTES = 16_000_000  # a part that is smaller may be packed as well as it likes
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    UnicodeError,
    ValueError,
    RuntimeError,
)


class Container:
    """An open ZIP file. What is read of it in all stays under the limit of decompressed bytes.

    Permanent, from any call: CORRUPT_FILE, ENCRYPTED_FILE, DECOMPRESSED_TOO_LARGE, TOO_MANY_PARTS.
    """

    def __init__(self, file: zipfile.ZipFile, limits: ExtractionLimits) -> None:
        members = file.infolist()
        limits.check_parts(len(members))
        self._file = file
        self._limits = limits
        self._read = 0
        # Some programs write backslashes; names differ in nothing but case in no Office file.
        self._members = {member.filename.replace("\\", "/").lstrip("/").lower(): member for member in members}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._members

    def names(self) -> Iterator[str]:
        """The members' names in lower case."""
        return iter(self._members)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A member as a file of its own, decompressed while it is read."""
        member = self._members.get(name.lower())
        if member is None:
            raise corrupt(f"it has no part {name[:200]}")
        if member.flag_bits & _ENCRYPTED:
            raise encrypted()
        if member.compress_type not in _METHODS:
            raise corrupt(f"its part {name[:200]} is compressed in a way that no document is")
        self._count(member)
        with _damage(), self._file.open(member) as content:
            yield content

    def read(self, name: str) -> bytes:
        """A member's bytes."""
        with self.open(name) as content:
            return content.read()

    def read_xml(
        self, name: str, reader: XmlReader, *, skip: frozenset[str] = frozenset(), document_type: bool = False
    ) -> None:
        """`read_xml` of a member."""
        with self.open(name) as content:
            read_xml(content, reader, self._limits, skip=skip, document_type=document_type)

    def _count(self, member: zipfile.ZipInfo) -> None:
        """zipfile gives no more bytes of a member than it states, so that they can be counted before they come."""
        self._read += member.file_size
        if self._read > self._limits.decompressed_bytes:
            raise _too_large(f"it holds more than {self._limits.decompressed_bytes:,} bytes")
        ratio = self._limits.compression_ratio
        if member.file_size > max(_SUSPICIOUS_BYTES, member.compress_size * ratio):
            raise _too_large(f"it is packed to less than 1/{ratio:,} of its size")


@contextmanager
def open_container(path: Path, limits: ExtractionLimits) -> Iterator[Container]:
    """The ZIP file at `path`; Permanent CORRUPT_FILE where it is none or is damaged."""
    with _damage():
        file = zipfile.ZipFile(path)
    with file:
        yield Container(file, limits)


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise corrupt("it breaks off, or its parts cannot be unpacked") from error


def encrypted() -> Permanent:
    """What a file that needs a password is refused with."""
    return Permanent(
        "ENCRYPTED_FILE", "The file is protected by a password. Save it without one and upload the new file."
    )


def _too_large(why: str) -> Permanent:
    return Permanent(
        "DECOMPRESSED_TOO_LARGE", f"The file is too large once it is unpacked: {why}. Split it into parts."
    )
