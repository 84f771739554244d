"""What the stand-in knows of the provider is what infra/ uses of it, no less and no more."""

from __future__ import annotations

import json
from typing import Any

from tests.infra.schema.refresh import SCHEMA, WORDS, used_types
from tests.infra.standin.schema import SCHEMA_FOLDER

REFRESH = "run tests/infra/schema/refresh.py, see the README.md beside it"


def kept(file: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((SCHEMA_FOLDER / file).read_text(encoding="utf-8"))
    return read


def test_the_schema_holds_the_types_that_are_used() -> None:
    schema = kept(SCHEMA.name)
    held = {("resource", name) for name in schema["resource_schemas"]}
    held |= {("data", name) for name in schema["data_source_schemas"]}

    assert held == used_types(), REFRESH


def test_words_and_exclusions_speak_of_arguments_that_exist() -> None:
    blocks = kept(SCHEMA.name)["resource_schemas"]

    unknown = {
        f"{kind}.{path}"
        for kind, rules in kept(WORDS.name).items()
        for path in rules
        if not _exists(blocks[kind], path.split("."))
    }
    for kind, rules in kept("google-exclusions.json").items():
        groups = [*rules.get("conflicts", []), *rules.get("exactly_one", []), rules.get("replaces", [])]
        paths = {path for group in groups for path in group}
        unknown |= {
            f"{kind}.{path}" for path in paths if not _exists(blocks[kind], path.replace(".0.", ".").split("."))
        }

    assert unknown == set()


def _exists(block: dict[str, Any], path: list[str]) -> bool:
    if len(path) == 1:
        return path[0] in block["attributes"] or path[0] in block.get("block_types", {})
    nested = block.get("block_types", {}).get(path[0])
    return nested is not None and _exists(nested["block"], path[1:])
