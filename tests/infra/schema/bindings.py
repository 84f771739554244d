"""Reads the schema out of a provider's bindings for JavaScript, which say of each argument what it is.

The bindings are generated from the schema: a class a resource, with a comment that tells whether an argument is
computed, optional or required, and a table of the arguments' types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+)", re.MULTILINE)
_TABLE = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(
    r"^ +(\w+): \{\n +value: .*\n +isBlock: (true|false),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\"",
    re.MULTILINE,
)
_MEMBER = re.compile(r"^    // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n", re.MULTILINE)
_MADE = re.compile(r'= new (cdktn\.)?(?:\w+\.)?(\w+)\(this, "\w+"(?:, (true|false))?\)')
_READ = re.compile(r"this\.get(\w+)Attribute\(")
_RESOURCE_TYPE = re.compile(r"terraformResourceType: ['\"](\w+)['\"]")
_VERSION = re.compile(r"providerVersion: '([\d.]+)'")

_KINDS = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
_COLLECTIONS = ("List", "Map")


@dataclass(frozen=True)
class _Entry:
    """A row of a table of types: `shape` is simple, list, set, map or struct."""

    is_block: bool
    shape: str
    storage: str


@dataclass(frozen=True)
class _Class:
    base: str
    body: str


class Bindings:
    """The bindings of one resource, data source or provider: the text of its file."""

    def __init__(self, source: str) -> None:
        starts = list(_CLASS.finditer(source))
        ends = [start.start() for start in starts[1:]] + [len(source)]
        self._classes = {
            start[1]: _Class(start[2], source[start.start() : end]) for start, end in zip(starts, ends, strict=False)
        }
        self._tables = {table[1].lower(): _entries(table[2]) for table in _TABLE.finditer(source)}

    def schemas(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Base class (such as TerraformResource), resource type and block of what the file is about."""
        for name, found in self._classes.items():
            kind = _RESOURCE_TYPE.search(found.body)
            if kind is not None:
                yield found.base, kind[1], self._block(name)

    def version(self) -> str | None:
        """The provider's version that the bindings were made from."""
        versions = (_VERSION.search(found.body) for found in self._classes.values())
        return next((version[1] for version in versions if version), None)

    def _block(self, name: str) -> Mapping[str, Any]:
        body = self._classes[name].body
        # A struct's types stand in a function beside its class, a resource's in a method of it.
        struct = name.removesuffix("OutputReference")
        table = _entries(body) if struct == name else self._tables.get(struct.lower(), {})
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for member, flags, text in _members(body):
            entry = table.get(member)
            made = _MADE.search(text)
            if made and not made[1]:
                inner, single = _struct(made[2])
                shape = _shape(made, entry)
                if "computed" in flags:
                    attributes[member] = {"type": [shape, self._object(inner)], **flags}
                else:
                    blocks[member] = _nested(shape, flags, self._block(inner), single=single)
            elif made is None and entry and entry.is_block:
                blocks[member] = _nested(entry.shape, flags, self._table(entry.storage), single=True)
            else:
                attributes[member] = {"type": _kind(member, made, entry, text), **flags}
        return {"attributes": attributes} | ({"block_types": blocks} if blocks else {})

    def _table(self, storage: str) -> Mapping[str, Any]:
        """The block of a provider's own: it has a table, and no word on what is needed."""
        entries = self._tables[storage.removesuffix("List").lower()]
        return {"attributes": {name: {"type": _stored(entry), "optional": True} for name, entry in entries.items()}}

    def _object(self, name: str) -> Any:
        return _as_object(self._block(name))


def _as_object(block: Mapping[str, Any]) -> Any:
    fields = {name: attribute["type"] for name, attribute in block["attributes"].items()}
    for name, nested in block.get("block_types", {}).items():
        fields[name] = [nested["nesting_mode"], _as_object(nested["block"])]
    return ["object", fields]


def _entries(text: str) -> dict[str, _Entry]:
    return {found[1]: _Entry(found[2] == "true", found[3], found[4]) for found in _ENTRY.finditer(text)}


def _members(body: str) -> Iterator[tuple[str, dict[str, bool], str]]:
    found = list(_MEMBER.finditer(body))
    ends = [member.start() for member in found[1:]] + [len(body)]
    for member, end in zip(found, ends, strict=False):
        said = zip(("computed", "optional", "required"), member.groups()[1:], strict=True)
        yield member[1], {flag: True for flag, word in said if word == "true"}, body[member.end() : end]


def _struct(made: str) -> tuple[str, bool]:
    """The class of a block's content, and whether the block stands once at most."""
    if made.endswith("OutputReference"):
        return made, True
    return re.sub(r"(List|Map)$", "", made) + "OutputReference", False


def _shape(made: re.Match[str], entry: _Entry | None) -> str:
    if made[2].endswith("Map"):
        return "map"
    if entry is not None:
        return "single" if entry.shape == "struct" else entry.shape
    return "set" if made[3] == "true" else "list"


def _nested(shape: str, flags: Mapping[str, bool], block: Mapping[str, Any], *, single: bool) -> Mapping[str, Any]:
    mode = "single" if shape == "struct" else shape
    least = {"min_items": 1} if "required" in flags and mode != "single" else {}
    most = {"max_items": 1} if single and mode != "single" else {}
    return {"nesting_mode": mode, **least, **most, "block": block}


def _kind(member: str, made: re.Match[str] | None, entry: _Entry | None, text: str) -> Any:
    """The type of an attribute, by its class, by the table, or by how it is read."""
    if made:
        return _collection(made[2])
    if entry is not None:
        return _stored(entry)
    read = _READ.search(text)
    if read is None:
        if "interpolationForAttribute" in text:
            return "dynamic"
        raise ValueError(f"The bindings do not tell the type of {member}: their form has changed.")
    kind = _collection(read[1])
    return ["set", *kind[1:]] if "Fn.tolist" in text else kind


def _collection(name: str) -> Any:
    """`StringMapList` is a list of maps of strings; `List` alone is one of strings."""
    for collection in _COLLECTIONS:
        if name.endswith(collection):
            return [collection.lower(), _collection(name.removesuffix(collection) or "String")]
    return _KINDS[name.lower()]


def _stored(entry: _Entry) -> Any:
    kind = _collection(entry.storage)
    return ["set", *kind[1:]] if entry.shape == "set" else kind
