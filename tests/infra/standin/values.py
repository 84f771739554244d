"""Values of resources: to and from the wire, and filling in what a provider computes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgpack  # type: ignore[import-untyped]
from tfplugin_proto import tfplugin5_5_pb2 as protocol

from tests.infra.standin.schema import Attribute, Block, NestedBlock

type Path = tuple[str, ...]
type Leaf = Callable[[Path, Attribute, Any], Any]

UNKNOWN = msgpack.ExtType(0, b"\x00")


def decode(value: protocol.DynamicValue) -> Any:
    """The value that Terraform sent; what is not known yet is `UNKNOWN`."""
    if value.json:
        return json.loads(value.json)
    return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)


def encode(value: Any) -> protocol.DynamicValue:
    """`value` for Terraform."""
    return protocol.DynamicValue(msgpack=msgpack.packb(value, use_bin_type=True))


def is_unknown(value: Any) -> bool:
    """Whether `value` is not known before the apply."""
    return isinstance(value, msgpack.ExtType)


def with_leaves(block: Block, value: Any, leaf: Leaf, path: Path = ()) -> Any:
    """`value` with each attribute replaced by what `leaf` makes of its path, its attribute and what it held."""
    if not isinstance(value, dict):
        return value
    attributes = {name: leaf((*path, name), attribute, value.get(name)) for name, attribute in block.attributes.items()}
    blocks = {name: _nested(nested, value.get(name), leaf, (*path, name)) for name, nested in block.blocks.items()}
    return attributes | blocks


def _nested(nested: NestedBlock, value: Any, leaf: Leaf, path: Path) -> Any:
    if isinstance(value, list):
        return [with_leaves(nested.block, item, leaf, path) for item in value]
    if isinstance(value, dict) and nested.nesting == "map":
        return {key: with_leaves(nested.block, item, leaf, path) for key, item in value.items()}
    return with_leaves(nested.block, value, leaf, path)
