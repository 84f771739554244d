"""Stands in for hashicorp/google over Terraform's plugin protocol 5: its schema and rules, and no cloud.

A plan leaves unknown what the provider computes, an apply fills it in, a read finds what the state says. Data sources
answer with identities.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tfplugin_proto import tfplugin5_5_pb2 as protocol

from tests.infra.standin.identities import identities, made_up
from tests.infra.standin.rules import Steps, protection, refusals, replacing, rules_of
from tests.infra.standin.schema import Attribute, Block, ProviderSchema, schema_message
from tests.infra.standin.values import UNKNOWN, Path, decode, encode, is_unknown, with_leaves

_LABELS = {"goog-terraform-provisioned": "true"}


class Provider:
    """The methods that Terraform calls, each named as in the protocol but for its case."""

    def __init__(self, schema: ProviderSchema) -> None:
        self._schema = schema
        self._config: dict[str, Any] = {}

    def get_schema(self, _: protocol.GetProviderSchema.Request) -> protocol.GetProviderSchema.Response:
        """All types and their forms."""
        return protocol.GetProviderSchema.Response(
            provider=schema_message(self._schema.provider),
            provider_meta=schema_message(Block({}, {})),
            resource_schemas={name: schema_message(block) for name, block in self._schema.resources.items()},
            data_source_schemas={name: schema_message(block) for name, block in self._schema.data_sources.items()},
        )

    def prepare_provider_config(
        self, request: protocol.PrepareProviderConfig.Request
    ) -> protocol.PrepareProviderConfig.Response:
        """Takes the provider's configuration as it is."""
        return protocol.PrepareProviderConfig.Response(prepared_config=request.config)

    def configure(self, request: protocol.Configure.Request) -> protocol.Configure.Response:
        """Keeps project, region and labels for the resources that state none."""
        self._config = decode(request.config)
        return protocol.Configure.Response()

    def stop(self, _: protocol.Stop.Request) -> protocol.Stop.Response:
        """Nothing runs that could be stopped."""
        return protocol.Stop.Response()

    def validate_data_source_config(
        self, _: protocol.ValidateDataSourceConfig.Request
    ) -> protocol.ValidateDataSourceConfig.Response:
        """Terraform has held the configuration against the schema; there are no rules beyond it."""
        return protocol.ValidateDataSourceConfig.Response()

    def validate_resource_type_config(
        self, request: protocol.ValidateResourceTypeConfig.Request
    ) -> protocol.ValidateResourceTypeConfig.Response:
        """Refuses what breaks one of the type's rules."""
        found = refusals(rules_of(request.type_name), decode(request.config))
        return protocol.ValidateResourceTypeConfig.Response(
            diagnostics=[_error(refusal.reason, refusal.steps) for refusal in found]
        )

    def upgrade_resource_state(
        self, request: protocol.UpgradeResourceState.Request
    ) -> protocol.UpgradeResourceState.Response:
        """A state is as this version wrote it."""
        return protocol.UpgradeResourceState.Response(upgraded_state=encode(json.loads(request.raw_state.json)))

    def read_resource(self, request: protocol.ReadResource.Request) -> protocol.ReadResource.Response:
        """Finds what the state says."""
        return protocol.ReadResource.Response(new_state=request.current_state, private=request.private)

    def plan_resource_change(
        self, request: protocol.PlanResourceChange.Request
    ) -> protocol.PlanResourceChange.Response:
        """The proposed values, with those unknown that the provider will compute."""
        prior, proposed = decode(request.prior_state), decode(request.proposed_new_state)
        response = protocol.PlanResourceChange.Response(planned_private=request.prior_private)
        if proposed is None:
            response.planned_state.CopyFrom(request.proposed_new_state)
            return response
        planned = self._planned(self._schema.resources[request.type_name], proposed, decode(request.config))
        if prior is not None:
            replaced = replacing(rules_of(request.type_name), prior, planned)
            response.requires_replace.extend(_attribute_path((name,)) for name in replaced)
        response.planned_state.CopyFrom(encode(planned))
        return response

    def apply_resource_change(
        self, request: protocol.ApplyResourceChange.Request
    ) -> protocol.ApplyResourceChange.Response:
        """Makes the resource what was planned, with all that the provider computes. One that is protected stays."""
        planned = decode(request.planned_state)
        kept = protection(request.type_name, decode(request.prior_state)) if planned is None else None
        if kept is not None:
            return protocol.ApplyResourceChange.Response(
                new_state=request.prior_state, private=request.planned_private, diagnostics=[_error(kept)]
            )
        applied = self._applied(request.type_name, self._schema.resources[request.type_name], planned)
        return protocol.ApplyResourceChange.Response(new_state=encode(applied), private=request.planned_private)

    def read_data_source(self, request: protocol.ReadDataSource.Request) -> protocol.ReadDataSource.Response:
        """What is there, as far as identities tell; the rest is made up."""
        block = self._schema.data_sources[request.type_name]
        asked = with_leaves(block, decode(request.config), _unknown_where_computed)
        return protocol.ReadDataSource.Response(state=encode(self._applied(request.type_name, block, asked)))

    def _planned(self, block: Block, proposed: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
        planned: dict[str, Any] = with_leaves(block, proposed, _unknown_where_computed)
        if is_unknown(planned.get("project")) and "project" in self._config:
            planned["project"] = self._config["project"]
        if "terraform_labels" in block.attributes and not is_unknown(config["labels"]):
            labels = _LABELS | (self._config.get("default_labels") or {}) | (config["labels"] or {})
            planned |= {"terraform_labels": labels, "effective_labels": labels}
        return planned

    def _applied(self, type_name: str, block: Block, planned: Any) -> Any:
        if planned is None:
            return None
        given = identities(type_name, planned, self._config)

        def computed(path: Path, attribute: Attribute, value: Any) -> Any:
            if not is_unknown(value):
                return value
            if len(path) == 1 and path[0] in ("project", "region") and self._config.get(path[0]):
                return self._config[path[0]]
            return given.get(".".join(path)) or made_up(type_name, path, attribute.kind, planned)

        return with_leaves(block, planned, computed)


def _unknown_where_computed(_: Path, attribute: Attribute, value: Any) -> Any:
    return UNKNOWN if attribute.computed and value is None and attribute.kind != "dynamic" else value


def _error(reason: str, steps: Steps = ()) -> protocol.Diagnostic:
    return protocol.Diagnostic(
        severity=protocol.Diagnostic.ERROR,
        summary="Refused by the provider",
        detail=reason,
        attribute=_attribute_path(steps),
    )


def _attribute_path(steps: Steps) -> protocol.AttributePath:
    return protocol.AttributePath(steps=list(_path_steps(steps)))


def _path_steps(steps: Steps) -> Iterable[protocol.AttributePath.Step]:
    for step in steps:
        if isinstance(step, int):
            yield protocol.AttributePath.Step(element_key_int=step)
        else:
            yield protocol.AttributePath.Step(attribute_name=step)
