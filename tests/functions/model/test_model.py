"""The model test: the real functions, step by step in any order, against a model of what has to be live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from common.adapters.postgres.documents import PostgresDocumentRows
from common.adapters.postgres.jobs import PostgresJobRows
from common.database import LiveJob
from common.model.documents import Document, StoredObject
from functions.retire.use_case import RetireObject
from tests.conftest import TestDatabase
from tests.functions.installation import Installation, installed
from tests.functions.model.machine import AnyHistory
from tests.functions.model.parts import Parts, faulty_parts
from tests.functions.model.world import World
from tests.functions.topics import Topics

FIND = (Phase.generate,)
FIND_AND_SHRINK = (Phase.generate, Phase.shrink)


@dataclass
class Histories:
    """Makes machines, one history after another; `trace` tells what happened in them."""

    installation: Installation
    parts: Parts
    trace: list[str] = field(default_factory=list)

    def __call__(self) -> AnyHistory:
        return AnyHistory(World(self.installation, self.parts), self.trace)

    def run(self, examples: int, *, steps: int = 15, phases: tuple[Phase, ...] = FIND_AND_SHRINK) -> None:
        """The same histories each time; raises what the shortest found failure raises."""
        self.trace.clear()
        same = settings(
            derandomize=True,
            database=None,
            max_examples=examples,
            stateful_step_count=steps,
            phases=phases,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(self, settings=same)  # type: ignore[arg-type] # any factory will do


@pytest.fixture(scope="module")
def histories(database: TestDatabase, function_topics: Topics, function_storage: str) -> Iterator[Histories]:
    with faulty_parts() as parts, installed(database, function_topics, function_storage) as installation:
        yield Histories(installation, parts)


def test_whatever_happens_the_newest_bytes_answer_and_nothing_else(histories: Histories) -> None:
    histories.run(8)


@pytest.mark.full
def test_whatever_happens_in_many_histories_the_newest_bytes_answer(histories: Histories) -> None:
    histories.run(40, steps=20)


def test_histories_replay_exactly(histories: Histories) -> None:
    histories.run(3, steps=5)
    first = list(histories.trace)
    histories.run(3, steps=5)
    assert histories.trace == first
    assert any(line.startswith("deliver") for line in first)


lock_or_create, retire_object = PostgresDocumentRows.lock_or_create, RetireObject.__call__
go_live = PostgresJobRows.go_live


def seen_as_new(rows: PostgresDocumentRows, *arguments: Any) -> Document:
    return replace(lock_or_create(rows, *arguments), generation=0, deleted_generation=None)


def told_of_the_newest(retire: RetireObject, stored: StoredObject) -> None:
    retire_object(retire, replace(stored, generation=2**62))


def former_forgotten(rows: PostgresJobRows, document: Document, job_id: UUID) -> LiveJob:
    return go_live(rows, replace(document, active_job_id=None), job_id)


WEAKNESSES = {
    "an older generation is taken in like a newer one": (PostgresDocumentRows, "lock_or_create", seen_as_new),
    "a delete of an older generation deletes the newer one": (RetireObject, "__call__", told_of_the_newest),
    "a job goes live before its last batch": (PostgresJobRows, "progress", lambda *_: True),
    "a replaced job is never retired": (PostgresJobRows, "go_live", former_forgotten),
}


@pytest.mark.full
@pytest.mark.parametrize("weakness", WEAKNESSES)
def test_a_weakness_is_found(histories: Histories, monkeypatch: pytest.MonkeyPatch, weakness: str) -> None:
    monkeypatch.setattr(*WEAKNESSES[weakness])
    with pytest.raises(AssertionError):
        histories.run(100, steps=20, phases=FIND)
    print(f"{weakness}: found in history {histories.trace.count('A new history')}")
