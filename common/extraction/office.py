"""What Word, Excel and PowerPoint files have in common: parts that point to each other, and stated properties."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from common.errors import Permanent
from common.extraction.containers import Container
from common.extraction.titles import stated_title
from common.extraction.xml_reading import CORRUPT_FILE, Attributes, corrupt

# A drawing comes twice, for new and for old programs; changes keep what was before them.
REPEATED = frozenset({"Fallback"})
_MAIN = "officeDocument"
_PROPERTIES = "docProps/core.xml"
_MOST_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class Relationship:
    """A part that another points to; `kind` is the last word of its type, as in "notesSlide"."""

    kind: str
    target: str


def relationships(container: Container, part: str) -> dict[str, Relationship]:
    """What the part points to inside the container, by id; "" for the container as a whole."""
    folder, name = posixpath.split(part)
    listing = posixpath.join(folder, "_rels", f"{name}.rels")
    if listing not in container:
        return {}
    reader = _Relationships(folder)
    container.read_xml(listing, reader)
    return reader.found


def main_part(container: Container) -> str:
    """The part that the file is about; Permanent CORRUPT_FILE without one."""
    for relationship in relationships(container, "").values():
        if relationship.kind == _MAIN:
            return relationship.target
    raise corrupt("it does not say which of its parts is the document")


def parts_of_kind(found: Mapping[str, Relationship], kind: str) -> list[str]:
    """The targets of one kind, in the file's order."""
    return [each.target for each in found.values() if each.kind == kind]


class Damage:
    """What is lost of a file whose main parts are whole: each damaged part costs itself, and a warning says so."""

    def __init__(self) -> None:
        self._warnings: list[str] = []

    def spared[T](self, read: Callable[[], T], otherwise: T, warning: str) -> T:
        """What `read` gives; `otherwise`, and the warning, where a part is damaged or missing.

        What is over a limit is refused all the same.
        """
        try:
            return read()
        except Permanent as error:
            if error.reason != CORRUPT_FILE:
                raise
            self._warnings.append(warning)
            return otherwise

    def warnings(self) -> tuple[str, ...]:
        """A sentence each; in sum for those behind the first ones."""
        more = len(self._warnings) - _MOST_WARNINGS
        behind = (f"{more} more parts could not be read.",) if more > 0 else ()
        return (*self._warnings[:_MOST_WARNINGS], *behind)


def properties_title(container: Container, damage: Damage) -> str | None:
    """The title in the file's properties, unless a program put it there."""
    if _PROPERTIES not in container:
        return None
    warning = "The file's properties are damaged; if it has a title, it is not used."
    return damage.spared(partial(_properties_title, container), None, warning)


def _properties_title(container: Container) -> str | None:
    reader = _Title()
    container.read_xml(_PROPERTIES, reader)
    return stated_title(reader.title)


class _Relationships:
    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.found: dict[str, Relationship] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "").replace("\\", "/")
            kind = attributes.get("Type", "").rpartition("/")[2]
            path = posixpath.normpath(posixpath.join("/", self._folder, target)).lstrip("/")
            self.found[attributes.get("Id", "")] = Relationship(kind, path)

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...


class _Title:
    def __init__(self) -> None:
        self.title = ""
        self._inside = False

    def start(self, name: str, attributes: Attributes) -> None:
        self._inside = name == "title"

    def end(self, name: str) -> None:
        self._inside = False

    def text(self, text: str) -> None:
        if self._inside:
            self.title += text
