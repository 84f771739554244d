"""The pipeline under everything that can go wrong: see docs/decisions/0018-chaos.md, and `./dev chaos`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.postgres import PostgresServer
from tests.chaos.bites import WITHIN, first_found
from tests.chaos.run import run
from tests.chaos.stack import Stack, running
from tests.chaos.weakened import WEAKNESSES

RUNS, MORE_RUNS = 20, 20


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(postgres, tmp_path_factory.mktemp("chaos")) as stack:
        yield stack


def violations(stack: Stack, seed: int) -> list[str]:
    return [f"seed {seed}: {violation}" for violation in run(stack, seed).violations]


@pytest.mark.parametrize("seed", range(1, RUNS + 1))
def test_whatever_goes_wrong_nothing_is_lost(stack: Stack, seed: int) -> None:
    assert violations(stack, seed) == []


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1001, 1001 + MORE_RUNS))
def test_nor_in_more_runs(stack: Stack, seed: int) -> None:
    assert violations(stack, seed) == []


@pytest.mark.full
@pytest.mark.parametrize("weakness", sorted(WEAKNESSES))
def test_without_a_guard_it_would_be(stack: Stack, weakness: str) -> None:
    assert first_found(stack, weakness, seed=1, runs=WITHIN) is not None


@pytest.mark.full
@pytest.mark.parametrize("seed", [2])
def test_a_seed_is_a_run(stack: Stack, seed: int) -> None:
    assert run(stack, seed).trace == run(stack, seed).trace
