"""The checks find the mistakes that they are there for."""

from __future__ import annotations

import pytest

from tests.infra.mistakes import MISTAKES, Mistake
from tests.infra.mutants import found_mistakes, table
from tests.infra.terraform import workspace


def test_there_are_enough_mistakes_and_no_two_of_one_name() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 20


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_files_are_such_that_the_mistake_can_be_made(mistake: Mistake) -> None:
    with workspace(edits=mistake.edits):
        pass


@pytest.mark.full
def test_no_mistake_stays_unfound() -> None:
    """The table stands in the output: `-rP` shows it, and so does `python -m tests.infra.mutants`."""
    findings = list(found_mistakes())
    print(table(findings))
    assert [each.mistake.name for each in findings if not each.by] == []
