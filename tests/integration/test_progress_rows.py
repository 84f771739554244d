"""`ProgressRows` on Postgres: passes that take more than one run, and runs that meet."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from common.database import Progress, ProgressRows
from tests.rows import Installation


@pytest.fixture
def task() -> str:
    return f"task {uuid4()}"


def ask[T](installation: Installation, what: Callable[[ProgressRows], T]) -> T:
    with installation.database.transaction() as transaction:
        return what(transaction.progress)


def resume(installation: Installation, task: str) -> Progress:
    return ask(installation, lambda rows: rows.resume(task))


def move(installation: Installation, progress: Progress, cursor: str, examined: int = 1) -> Progress | None:
    return ask(installation, lambda rows: rows.move(progress, cursor, examined))


def finish(installation: Installation, progress: Progress) -> Progress | None:
    return ask(installation, lambda rows: rows.finish(progress, 1))


def test_a_task_begins_with_its_first_pass(installation: Installation, task: str) -> None:
    progress = resume(installation, task)
    assert (progress.task, progress.cursor, progress.examined, progress.finished_seconds) == (task, "", 0, None)
    assert progress.pass_seconds >= 0


def test_a_pass_goes_on_where_it_was_left(installation: Installation, task: str) -> None:
    begun = resume(installation, task)
    moved = move(installation, begun, "Größe/m", 500)
    assert moved is not None
    further = move(installation, moved, "n", 300)
    assert further is not None
    gone_on_with = resume(installation, task)
    assert (gone_on_with.cursor, gone_on_with.examined) == ("n", 800)
    assert gone_on_with.pass_started_at == begun.pass_started_at


def test_behind_a_finished_pass_comes_a_new_one(installation: Installation, task: str) -> None:
    begun = resume(installation, task)
    moved = move(installation, begun, "m")
    assert moved is not None
    ended = finish(installation, moved)
    assert ended is not None
    assert (ended.cursor, ended.examined, ended.pass_started_at) == ("", 2, begun.pass_started_at)
    assert ended.finished_seconds is not None
    another = resume(installation, task)
    assert (another.cursor, another.examined) == ("", 0)
    assert another.pass_started_at > begun.pass_started_at
    assert another.finished_seconds is not None


def test_of_two_runs_that_did_the_same_page_one_moves_the_cursor(installation: Installation, task: str) -> None:
    one, other = resume(installation, task), resume(installation, task)
    assert move(installation, one, "m") is not None
    assert move(installation, other, "k") is None
    assert finish(installation, other) is None
    assert resume(installation, task).cursor == "m"


def test_a_run_that_fell_behind_a_whole_pass_moves_nothing(installation: Installation, task: str) -> None:
    """The cursor stands where it stood for it, at the beginning."""
    late = resume(installation, task)
    assert finish(installation, late) is not None
    assert move(installation, late, "m") is None
    assert finish(installation, late) is None
    assert resume(installation, task).cursor == ""
    assert move(installation, late, "m") is None
    assert resume(installation, task).examined == 0


def test_tasks_do_not_meet(installation: Installation, task: str) -> None:
    assert move(installation, resume(installation, task), "m") is not None
    assert resume(installation, f"{task} of another").cursor == ""


def test_a_clock_that_is_set_back_ends_a_pass_none_the_less(installation: Installation, task: str) -> None:
    resume(installation, task)
    installation.execute(
        "update reconcile_progress set pass_started_at = now() + interval '1 hour' where task = :task", task=task
    )
    assert finish(installation, resume(installation, task)) is not None
    assert resume(installation, task).pass_seconds < 1
