"""Whether the suite finds what a weakness of the protocol leads to, and how soon."""

from __future__ import annotations

from tests.chaos.run import Result, run
from tests.chaos.stack import Stack
from tests.chaos.weakened import WEAKNESSES, weakened

WITHIN = 50
"""Runs within which each weakness has to be found."""


def first_found(stack: Stack, weakness: str, seed: int, runs: int) -> Result | None:
    """The first of so many runs, from this seed on, that a violation is found in; None if there is none."""
    for each in range(seed, seed + runs):
        with weakened(weakness):
            result = run(stack, each)
        if result.violations:
            return result
    return None


def print_bites(stack: Stack, seed: int, runs: int) -> int:
    """A table of how soon each weakness is found; 1 if one is not."""
    print(f"{'weakness':24}{'found at run':20}{'seed':8}violation")
    missed = 0
    for name in WEAKNESSES:
        found = first_found(stack, name, seed, runs)
        missed += found is None
        told = f"not within {runs}" if found is None else str(found.seed - seed + 1)
        print(f"{name:24}{told:20}{found.seed if found else '':<8}{found.violations[0] if found else ''}", flush=True)
    return 1 if missed else 0
