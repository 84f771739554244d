"""What infra/ makes: each part as safe, as private and as lasting as it has to be."""

from __future__ import annotations

import pytest

from tests.infra.checks import INVENTORY
from tests.infra.checks.deployment import Check, Deployment


@pytest.mark.parametrize("check", INVENTORY, ids=lambda check: check.__name__)
def test_an_installation_is_as_it_has_to_be(check: Check, deployment: Deployment) -> None:
    """What is asked for stands in the docstring of each check."""
    assert list(check(deployment)) == []
