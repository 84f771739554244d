"""What has to hold of every installation that infra/ makes, as functions over its state."""

from __future__ import annotations

from tests.infra import roles
from tests.infra.checks import data, environment, functions, messages
from tests.infra.checks.deployment import Check

INVENTORY: tuple[Check, ...] = (
    messages.objects_are_announced,
    messages.pushes_are_signed,
    messages.failures_come_again,
    messages.dead_letters_are_kept,
    messages.nothing_expires,
    data.buckets_are_private,
    data.deletions_are_announced_and_undone,
    data.database_is_private,
    data.database_survives,
    data.database_serves_every_instance,
    data.texts_survive,
    data.vectors_fit,
    functions.functions_are_as_stated,
    functions.functions_are_one_archive,
    functions.only_the_api_is_reached,
    functions.functions_start_last,
    functions.jobs_run_as_themselves,
    functions.the_clock_calls,
    functions.secrets_stay_out_of_the_state,
)
TOPOLOGY: tuple[Check, ...] = (messages.topology_is_kept, messages.messages_reach_their_function)
ROLES: tuple[Check, ...] = (
    roles.roles_are_those_of_the_table,
    roles.custom_roles_are_narrow,
    roles.policies_are_added_to,
)
ENVIRONMENT: tuple[Check, ...] = (
    environment.settings_are_those_read,
    environment.settings_can_be_used,
    environment.settings_name_the_parts,
    environment.instances_know_themselves,
    environment.quotas_are_shared,
    environment.secrets_are_no_values,
    environment.logins_have_their_groups,
)
CHECKS: tuple[Check, ...] = (*INVENTORY, *TOPOLOGY, *ROLES, *ENVIRONMENT)
