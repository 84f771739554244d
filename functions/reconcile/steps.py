"""A run's steps: each bounded in time, so that none keeps the others waiting, and no step's failure is another's."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from common.database import Progress
from common.errors import ConfigurationError, Retryable
from common.ports import Clock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A piece of a step's work: how much of what was done, and how far a pass has come with it.

    `left_over` says that the step ends here although there is more to do.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    progress: Progress | None = None
    left_over: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A step does one piece of its work each time that it is asked for the next, and can be left after any."""

    name: str
    work: Callable[[], Iterator[Work]]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step did not come to its end."""

    step: str
    reason: str
    message: str


@dataclass(slots=True)
class Outcome:
    """What a run's steps did, which of them left something to the next run, and which failed with what."""

    counts: Counter[str] = field(default_factory=Counter)
    progress: dict[str, Progress] = field(default_factory=dict)
    left_over: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    def add(self, work: Work) -> None:
        """One piece more is done."""
        self.counts.update(work.counts)
        if work.progress is not None:
            self.progress[work.progress.task] = work.progress


def carry_out(steps: Sequence[Step], clock: Clock, seconds: float) -> Outcome:
    """Do the steps in order within about these seconds: none goes on for longer than its share of what is left.

    What a step does not need of its share is left to those behind it. Once the time is over no step is begun.
    """
    outcome = Outcome()
    ends_at = clock.now() + seconds
    for place, step in enumerate(steps):
        now = clock.now()
        share = (ends_at - now) / (len(steps) - place)
        if share <= 0 or not _done(step, outcome, clock, now + share):
            outcome.left_over.append(step.name)
    return outcome


def _done(step: Step, outcome: Outcome, clock: Clock, ends_at: float) -> bool:
    """Work on the step until it is done or the time is over; True if nothing is known to be left over."""
    try:
        for work in step.work():
            outcome.add(work)
            if work.left_over or clock.now() >= ends_at:
                return False
    except (Retryable, ConfigurationError) as error:
        log.warning("%s: %s", step.name, error, extra=_failed(step, error.reason))
        outcome.failed.append(Failure(step.name, error.reason, error.message))
        return False
    except Exception as error:
        log.exception("%s: unexpected error", step.name, extra=_failed(step, "INTERNAL"))
        outcome.failed.append(Failure(step.name, "INTERNAL", f"{type(error).__name__}: the log has all of it."))
        return False
    return True


def _failed(step: Step, reason: str) -> dict[str, object]:
    return {"event": "reconcile_step_failed", "step": step.name, "reason": reason}
