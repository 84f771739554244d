"""A whole stack, started once for the tests that need nothing special of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.stack import Stack, StackOptions
from tests.conftest import show
from tests.e2e.team import Team


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = StackOptions(data=tmp_path_factory.mktemp("stack"), durable=False, log=show)
    with Stack(options) as running:
        yield running


@pytest.fixture
def team(stack: Stack) -> Team:
    """A team of its own with a project and a key."""
    return Team.created(stack)
