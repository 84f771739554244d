"""The steps of a reconciliation: none keeps the others waiting, and none fails another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from common.errors import ConfigurationError, Permanent, Retryable
from functions.reconcile.steps import Failure, Step, Work, carry_out


@dataclass
class StillClock:
    """Time that stands still but for what work takes."""

    time: float = 1000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def step(clock: StillClock, name: str, pieces: int, seconds: float = 1.0) -> Step:
    """A step of so many pieces that take so long each."""

    def work() -> Iterator[Work]:
        for _ in range(pieces):
            clock.sleep(seconds)
            yield Work(counts={name: 1})

    return Step(name, work)


def failing(name: str, error: BaseException) -> Step:
    def work() -> Iterator[Work]:
        yield Work(counts={name: 1})
        raise error

    return Step(name, work)


def test_what_there_is_time_for_is_done_in_order(clock: StillClock) -> None:
    began: list[str] = []

    def noting(name: str) -> Callable[[], Iterator[Work]]:
        def work() -> Iterator[Work]:
            began.append(name)
            yield Work(counts={"pieces": 2})

        return work

    outcome = carry_out([Step(name, noting(name)) for name in "abc"], clock, 10)
    assert (began, outcome.counts) == (["a", "b", "c"], {"pieces": 6})
    assert (outcome.left_over, outcome.failed) == ([], [])


def test_a_step_with_too_much_to_do_leaves_the_others_their_shares(clock: StillClock) -> None:
    steps = [step(clock, "endless", 1000), step(clock, "long", 1000), step(clock, "last", 1000)]
    outcome = carry_out(steps, clock, 90)
    assert outcome.counts == {"endless": 30, "long": 30, "last": 30}
    assert outcome.left_over == ["endless", "long", "last"]


def test_what_a_step_does_not_need_is_left_to_those_behind_it(clock: StillClock) -> None:
    outcome = carry_out([step(clock, "short", 2), step(clock, "endless", 1000)], clock, 90)
    assert outcome.counts == {"short": 2, "endless": 88}
    assert outcome.left_over == ["endless"]


def test_every_step_gets_on_however_short_the_time(clock: StillClock) -> None:
    steps = [step(clock, name, 5, seconds=0.5) for name in "abc"]
    outcome = carry_out(steps, clock, 2)
    assert outcome.counts.keys() == {"a", "b", "c"}


def test_once_the_time_is_over_no_step_is_begun(clock: StillClock) -> None:
    outcome = carry_out([step(clock, "slow", 3, seconds=100), step(clock, "next", 1)], clock, 90)
    assert outcome.counts == {"slow": 1}
    assert outcome.left_over == ["slow", "next"]


def test_a_step_that_stops_at_its_limit_is_left_over(clock: StillClock) -> None:
    def limited() -> Iterator[Work]:
        yield Work(counts={"rows": 5})
        yield Work(left_over=True)
        raise AssertionError

    outcome = carry_out([Step("limited", limited), step(clock, "next", 1)], clock, 90)
    assert (outcome.counts, outcome.left_over) == ({"rows": 5, "next": 1}, ["limited"])


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (Retryable("OBJECT_STORE_UNAVAILABLE", "Out."), ("OBJECT_STORE_UNAVAILABLE", "Out.")),
        (ConfigurationError("Set it."), ("CONFIGURATION", "Set it.")),
        (Permanent("NO_TEXT", "Unforeseen."), ("INTERNAL", "Permanent: the log has all of it.")),
        (ValueError("secret"), ("INTERNAL", "ValueError: the log has all of it.")),
    ],
)
def test_a_step_that_fails_is_told_with_what_it_did_and_holds_up_no_other(
    clock: StillClock, caplog: pytest.LogCaptureFixture, error: Exception, failure: tuple[str, str]
) -> None:
    with caplog.at_level(logging.WARNING):
        outcome = carry_out([failing("first", error), step(clock, "second", 1)], clock, 90)
    assert outcome.counts == {"first": 1, "second": 1}
    assert outcome.failed == [Failure("first", *failure)]
    assert outcome.left_over == ["first"]
    [record] = caplog.records
    assert (record.__dict__["event"], record.__dict__["step"]) == ("reconcile_step_failed", "first")


def test_a_run_that_is_ended_from_outside_does_nothing_more(clock: StillClock) -> None:
    with pytest.raises(KeyboardInterrupt):
        carry_out([failing("first", KeyboardInterrupt()), step(clock, "second", 1)], clock, 90)
