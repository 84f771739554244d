"""The installations that the checks look at."""

from __future__ import annotations

import pytest

from tests.infra.checks.deployment import Deployment, deployed

FULL = pytest.mark.full


@pytest.fixture(params=["vertex", *(pytest.param(name, marks=FULL) for name in ("pgvector", "smallest", "full"))])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """What infra/ makes of each profile, on the stand-in."""
    return deployed(request.param)
