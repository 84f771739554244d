"""What the tests of the protocol on Postgres share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from common.model.documents import Route
from tests.conftest import TestDatabase
from tests.rows import Installation, installed, new_place


@pytest.fixture(scope="module")
def installation(database: TestDatabase) -> Iterator[Installation]:
    with installed(database) as installation:
        yield installation


@pytest.fixture
def place(installation: Installation) -> Route:
    """A project of the test's own."""
    return new_place(installation)
