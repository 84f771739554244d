"""Who may do what is the table of `roles`: a role more, or one less, breaks it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.infra.checks import ROLES
from tests.infra.checks.deployment import Check, Deployment, deployed
from tests.infra.inventory import Resource
from tests.infra.roles import policies_are_added_to, roles_are_those_of_the_table


@pytest.mark.parametrize("check", ROLES, ids=lambda check: check.__name__)
def test_each_account_has_the_roles_of_its_row(check: Check, deployment: Deployment) -> None:
    assert list(check(deployment)) == []


def _grants(deployment: Deployment) -> list[Resource]:
    return [resource for resource in deployment.state.resources if resource.type.endswith("_iam_member")]


def _with(deployment: Deployment, *resources: Resource) -> Deployment:
    return replace(deployment, state=replace(deployment.state, resources=resources))


def test_a_grant_less_is_found_whichever_it_is() -> None:
    made = deployed("vertex")
    for grant in _grants(made):
        left = _with(made, *(resource for resource in made.state.resources if resource is not grant))
        assert [fault for fault in roles_are_those_of_the_table(left) if " lacks " in fault], grant.address


def test_a_grant_more_is_found_whoever_has_it() -> None:
    made = deployed("vertex")
    for grant in _grants(made):
        more = replace(grant, values={**grant.values, "role": "roles/owner"})
        assert list(roles_are_those_of_the_table(_with(made, *made.state.resources, more))), grant.address


def test_a_grant_without_its_condition_is_found() -> None:
    made = deployed("vertex")
    for grant in _grants(made):
        if grant.values.get("condition"):
            wide = replace(grant, values={**grant.values, "condition": []})
            others = (resource for resource in made.state.resources if resource is not grant)
            assert list(roles_are_those_of_the_table(_with(made, *others, wide))), grant.address


def test_a_policy_that_takes_the_place_of_all_others_is_found() -> None:
    made = deployed("vertex")
    policy = Resource("google_project_iam_policy.this", None, {}, frozenset())
    assert list(policies_are_added_to(_with(made, policy)))
