"""A provider's schema, as `terraform providers schema -json` writes it, and as the plugin protocol carries it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tfplugin_proto import tfplugin5_5_pb2 as protocol

SCHEMA_FOLDER = Path(__file__).parents[1] / "schema"
_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}


@dataclass(frozen=True)
class Attribute:
    """An argument or a computed value; `kind` is Terraform's type in its JSON form, such as `["list", "string"]`."""

    kind: Any
    required: bool
    optional: bool
    computed: bool


@dataclass(frozen=True)
class NestedBlock:
    """A block inside another; `nesting` is single, list, set or map."""

    nesting: str
    least: int
    most: int
    block: Block


@dataclass(frozen=True)
class Block:
    """What may stand between two braces."""

    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, NestedBlock]


@dataclass(frozen=True)
class ProviderSchema:
    """All that a provider knows the form of."""

    version: str
    provider: Block
    resources: Mapping[str, Block]
    data_sources: Mapping[str, Block]


@cache
def provider_schema() -> ProviderSchema:
    """The kept part of hashicorp/google's schema."""
    kept = json.loads((SCHEMA_FOLDER / "google.json").read_text(encoding="utf-8"))
    return ProviderSchema(
        version=kept["version"],
        provider=_block(kept["provider"]),
        resources={name: _block(block) for name, block in kept["resource_schemas"].items()},
        data_sources={name: _block(block) for name, block in kept["data_source_schemas"].items()},
    )


def _block(block: Mapping[str, Any]) -> Block:
    return Block(
        attributes={
            name: Attribute(
                kind=attribute["type"],
                required=attribute.get("required", False),
                optional=attribute.get("optional", False),
                computed=attribute.get("computed", False),
            )
            for name, attribute in block.get("attributes", {}).items()
        },
        blocks={
            name: NestedBlock(
                nesting=nested["nesting_mode"],
                least=nested.get("min_items", 0),
                most=nested.get("max_items", 0),
                block=_block(nested["block"]),
            )
            for name, nested in block.get("block_types", {}).items()
        },
    )


def schema_message(block: Block) -> protocol.Schema:
    """`block` as the message that tells Terraform of it."""
    return protocol.Schema(version=0, block=_block_message(block))


def _block_message(block: Block) -> protocol.Schema.Block:
    return protocol.Schema.Block(
        attributes=[
            protocol.Schema.Attribute(
                name=name,
                type=json.dumps(attribute.kind).encode(),
                required=attribute.required,
                optional=attribute.optional,
                computed=attribute.computed,
            )
            for name, attribute in block.attributes.items()
        ],
        block_types=[
            protocol.Schema.NestedBlock(
                type_name=name,
                nesting=protocol.Schema.NestedBlock.NestingMode.Name(_NESTING[nested.nesting]),
                min_items=nested.least,
                max_items=nested.most,
                block=_block_message(nested.block),
            )
            for name, nested in block.blocks.items()
        ],
    )
