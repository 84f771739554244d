"""What a plan or a state says, by the addresses of resources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

type Values = Mapping[str, Any]
type Key = str | int | None


@dataclass(frozen=True)
class Resource:
    """One resource or data source; `key` is its for_each key or count index.

    `depends_on` names, in a state, each block that was made before it, at whatever remove.
    """

    block: str
    key: Key
    values: Values
    depends_on: frozenset[str]

    @property
    def address(self) -> str:
        """As Terraform writes it."""
        return self.block if self.key is None else f"{self.block}[{json.dumps(self.key)}]"

    @property
    def type(self) -> str:
        """Such as google_pubsub_topic; a data source's begins with `data.`."""
        return self.block.rpartition(".")[0]


@dataclass(frozen=True)
class State:
    """What there is after an apply."""

    resources: tuple[Resource, ...]
    outputs: Values

    @classmethod
    def read(cls, shown: Mapping[str, Any]) -> State:
        """Of what `terraform show -json` writes of a state."""
        return cls(tuple(_resources(shown["values"])), _outputs(shown["values"]))

    def of(self, block: str) -> Mapping[Key, Values]:
        """The values of each resource of `TYPE.NAME`, by its key; none where the block makes none."""
        return {resource.key: resource.values for resource in self.resources if resource.block == block}

    def one(self, block: str) -> Values:
        """The values of the only resource of `TYPE.NAME`."""
        (values,) = self.of(block).values()
        return values

    def all(self, type_name: str) -> tuple[Resource, ...]:
        """Each resource of a type, whatever its name."""
        return tuple(resource for resource in self.resources if resource.type == type_name)

    def types(self) -> frozenset[str]:
        """The types of all resources."""
        return frozenset(resource.type for resource in self.resources)


@dataclass(frozen=True)
class Plan(State):
    """What an apply would make.

    `configuration` is the files' content as Terraform read it; `changes` has by address what an apply does there, such
    as ("update",) or ("delete", "create"), where it does something.
    """

    configuration: Values
    changes: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, shown: Mapping[str, Any]) -> Plan:
        """Of what `terraform show -json` writes of a plan."""
        planned = shown["planned_values"]
        return cls(
            resources=tuple(_resources(planned)),
            outputs=_outputs(planned),
            configuration=shown["configuration"]["root_module"],
            changes=_changes(shown.get("resource_changes", [])),
        )

    def blocks(self) -> Mapping[str, Values]:
        """Each block of the files by `TYPE.NAME`, with its `expressions` and `depends_on`."""
        return {resource["address"]: resource for resource in self.configuration["resources"]}

    def variables(self) -> frozenset[str]:
        """The variables that the files declare."""
        return frozenset(self.configuration["variables"])


def _resources(values: Mapping[str, Any]) -> Iterator[Resource]:
    for resource in values.get("root_module", {}).get("resources", []):
        block = f"{resource['type']}.{resource['name']}"
        if resource["mode"] == "data":
            block = f"data.{block}"
        yield Resource(block, resource.get("index"), resource["values"], frozenset(resource.get("depends_on", ())))


def _changes(changes: list[Mapping[str, Any]]) -> Mapping[str, tuple[str, ...]]:
    actions = {change["address"]: tuple(change["change"]["actions"]) for change in changes}
    return {address: what for address, what in actions.items() if what not in {("no-op",), ("read",)}}


def _outputs(values: Mapping[str, Any]) -> Values:
    return {name: output.get("value") for name, output in values.get("outputs", {}).items()}
