"""What Word, Excel and PowerPoint files have in common: parts that point to each other, and stated properties."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from common.errors import Permanent
from common.extraction.containers import Container
from common.extraction.titles import stated_title
from common.extraction.xml_reading import CORRUPT_FILE, Attributes, corrupt

# A drawing comes twice, for new and for old programs; changes keep what was before them.
REPEATED = frozenset({"Fallback"})
_MAIN = "officeDocument"
_PROPERTIES = "docProps/core.xml"


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


def parts_of_kind(found: dict[str, Relationship], kind: str) -> list[str]:
    """The targets of one kind, in the file's order."""
    return [each.target for each in found.values() if each.kind == kind]


def properties_title(container: Container) -> tuple[str | None, tuple[str, ...]]:
    """The title in the file's properties, unless a program put it there; and a warning where they are damaged."""
    reader = _Title()
    try:
        if _PROPERTIES in container:
            container.read_xml(_PROPERTIES, reader)
    except Permanent as error:
        if error.reason != CORRUPT_FILE:
            raise
        return None, ("The file's properties are damaged; if it has a title, it is not used.",)
    return stated_title(reader.title), ()


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
