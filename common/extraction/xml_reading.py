"""XML read as a stream, without what makes it dangerous: no document type, no entities, and no address is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Protocol
from xml.parsers import expat

from common.errors import Permanent
from common.extraction.decoding import clean
from common.extraction.limits import ExtractionLimits

CORRUPT_FILE = "CORRUPT_FILE"

_PIECE = 65_536
_RELATIONSHIPS = "/relationships"

type Attributes = Mapping[str, str]


class XmlReader(Protocol):
    """What is told of each element, by its name without its namespace."""

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins. Attributes go by their local names, those of relationships as "r:id"."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Text, clean of control characters; it may come in several pieces."""


def read_xml(
    file: IO[bytes],
    reader: XmlReader,
    limits: ExtractionLimits,
    *,
    skip: frozenset[str] = frozenset(),
    document_type: bool = False,
) -> None:
    """Tell `reader` what is in the file, without the elements named in `skip` and all that is in them.

    A document type is allowed where `document_type` says so, and its entities never. Permanent: CORRUPT_FILE,
    NESTED_TOO_DEEPLY.
    """
    _Parse(reader, limits, skip, document_type=document_type).run(file)


class _Parse:
    def __init__(
        self, reader: XmlReader, limits: ExtractionLimits, skip: frozenset[str], *, document_type: bool
    ) -> None:
        self._reader = reader
        self._limits = limits
        self._skip = skip
        self._depth = 0
        self._skipped_from = 0  # the depth of the element that is skipped
        self._elements, self._attributes = _Names(_local_name), _Names(_attribute_name)
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = _PIECE
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = _refuse
        if not document_type:
            parser.StartDoctypeDeclHandler = _refuse
        self._parser = parser

    def run(self, file: IO[bytes]) -> None:
        try:
            while piece := file.read(_PIECE):
                self._parser.Parse(piece, False)
            self._parser.Parse(b"", True)
        except (expat.ExpatError, LookupError) as error:  # LookupError: it names an encoding that is none
            raise corrupt(f"the XML in it breaks off or is not well formed ({error})") from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._limits.check_depth(self._depth)
        if self._skipped_from:
            return
        local = self._elements[name]
        if local in self._skip:
            self._skipped_from = self._depth
            return
        if attributes:
            attributes = {self._attributes[each]: value for each, value in attributes.items()}
        self._reader.start(local, attributes)

    def _end(self, name: str) -> None:
        if not self._skipped_from:
            self._reader.end(self._elements[name])
        elif self._skipped_from == self._depth:
            self._skipped_from = 0
        self._depth -= 1

    def _text(self, text: str) -> None:
        if not self._skipped_from:
            self._reader.text(text if text.isascii() else clean(text))


def number_of(value: str) -> int | None:
    """A small whole number; None for anything else."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 6 else None


class _Names(dict[str, str]):
    """Names as they are told, each made once: a file has few that it uses all the time."""

    def __init__(self, made: Callable[[str], str]) -> None:
        super().__init__()
        self._made = made

    def __missing__(self, name: str) -> str:
        told = self[name] = self._made(name)
        return told


def _local_name(name: str) -> str:
    return name.rpartition(" ")[2]


def _attribute_name(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    return f"r:{local}" if namespace.endswith(_RELATIONSHIPS) else local


def _refuse(*_: object) -> None:
    raise corrupt("its XML declares entities or a document type, which no such file needs")


def corrupt(why: str) -> Permanent:
    """What a damaged file is refused with."""
    return Permanent(CORRUPT_FILE, f"The file is damaged: {why}. Save or export it again and upload the new file.")
