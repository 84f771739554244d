"""As `test_chaos`, on the adapters of Google Cloud, against the stand-ins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.postgres import PostgresServer
from tests.chaos.run import run
from tests.chaos.stack import Stack, running

RUNS = 10

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(postgres, tmp_path_factory.mktemp("chaos"), profile="gcp") as stack:
        yield stack


@pytest.mark.parametrize("seed", range(1, 1 + RUNS))
def test_whatever_goes_wrong_nothing_is_lost(stack: Stack, seed: int) -> None:
    assert [str(violation) for violation in run(stack, seed).violations] == []
