"""One run: commands and deliveries in the order that the seed decides; then no more faults; then `reconcile`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from tests.chaos.checks import Checks, Violation
from tests.chaos.ending import Ending
from tests.chaos.mail import Owed
from tests.chaos.people import People
from tests.chaos.scenario import Order
from tests.chaos.stack import Stack
from tests.chaos.tasks import Group, Kind, Task, current
from tests.chaos.world import World, created

RECONCILE_EVERY = 1000.0
"""Longer than what counts as stalled: each finds all that has been left."""
MOST_RECONCILIATIONS = 30
MOST_STEPS = 15_000
MOST_TASKS = 24
"""Fewer than the connections of a pool."""
_EXCEPTIONS = 0.1


@dataclass(kw_only=True)
class Result:
    """What a run was like."""

    seed: int
    faults: int = 0
    deliveries: int = 0
    steps: int = 0
    invariants: int = 0
    seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)


def run(stack: Stack, seed: int) -> Result:
    """Carry out the run of this seed."""
    started = time.monotonic()
    with created(stack, seed) as world:
        simulation = Simulation(world)
        try:
            simulation.carry_out()
        except EndlessError:
            simulation.checks.wrong("NEVER_QUIET", f"After {MOST_STEPS} steps the run has not come to an end.")
        result = simulation.result
    result.seconds = time.monotonic() - started
    return result


class EndlessError(Exception):
    """The run does not come to an end."""


class Simulation:
    """The run of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.result = Result(seed=world.seed)
        self.checks = Checks(world, self.result.violations)
        self.ending = Ending(world, self.checks)
        self.people = People(world, self._request, self.checks)
        self._dice = Random(f"{world.seed}/order")
        self._last: Task | None = None
        self._ranks: dict[str, float] = {}
        world.scheduler.wrong = self.checks.wrong
        world.scheduler.committed = self.checks.after_commit
        self.result.trace = world.scheduler.trace

    def carry_out(self) -> None:
        """All of it."""
        world = self.world
        for path in world.scenario.projects:
            world.create_project(path)
        self.people.take_keys()
        self._until_quiet(list(world.scenario.commands))
        world.mail.reliable = True
        world.scheduler.say("--", "no more faults, all mail delivered")
        self.ending.without_reconcile()
        self._reconcile_until_nothing_is_left()
        self.ending.at_rest()
        self.result.faults = world.scheduler.faults + len(world.mail.lost)
        self.result.invariants = self.checks.count

    def _reconcile_until_nothing_is_left(self) -> None:
        for _ in range(MOST_RECONCILIATIONS):
            self.world.move_to(self.world.clock.now() + RECONCILE_EVERY)
            before = self.result.deliveries
            self.people.reconcile("", 0)
            self._until_quiet([])
            if self.result.deliveries == before + 1 and self.ending.is_at_rest():
                return
        self.checks.wrong("NEVER_AT_REST", f"After {MOST_RECONCILIATIONS} reconciliations there is still work.")

    def _until_quiet(self, commands: list[Any]) -> None:
        world, scheduler = self.world, self.world.scheduler
        while True:
            while commands and commands[0].at <= world.clock.now():
                command = commands.pop(0)
                if command.what == "reconcile":  # which would hide it
                    self.ending.without_reconcile()
                scheduler.say("--", str(command))
                getattr(self.people, command.what)(command.subject, command.number)
            for owed in world.mail.overdue():
                world.mail.settle(owed, owed.attempt, acknowledged=False)
            scheduler.give_up()
            if not self._advance():
                moments = [scheduler.next_wake(), world.mail.next_due(), commands[0].at if commands else None]
                # What was due before now waits for room, which only a later moment makes.
                known = [moment for moment in moments if moment is not None and moment > world.clock.now()]
                if not known:
                    return
                world.move_to(min(known))
            self.result.steps += 1
            if self.result.steps > MOST_STEPS:
                raise EndlessError

    def _advance(self) -> bool:
        """Let one task or delivery go on; False if none can."""
        scheduler, mail = self.world.scheduler, self.world.mail
        tasks = scheduler.due()
        has_room = len(tasks) < self.world.scenario.at_once and len(scheduler.tasks) < MOST_TASKS
        choices: list[Task | Owed] = [*tasks, *(mail.due() if has_room else ())]
        if not choices:
            return False
        chosen = self._chosen(choices)
        task = chosen if isinstance(chosen, Task) else self._deliver(chosen)
        self._last = task
        scheduler.advance(task)
        return True

    def _chosen(self, choices: list[Task | Owed]) -> Task | Owed:
        order, likely = self.world.scenario.order, self._dice.random()
        if order is Order.RANDOM:
            again = self._last is not None and self._last in choices and likely < self.world.scenario.sticky
            return self._last if again and self._last else self._dice.choice(choices)
        if likely < _EXCEPTIONS:
            return self._dice.choice(choices)
        return max(choices, key=self._rank) if order is Order.RANKED else min(choices, key=_turn)

    def _rank(self, choice: Task | Owed) -> float:
        """Who goes before whom, where some always do: those that come last are overtaken by all that others lead to."""
        if choice.name not in self._ranks:
            self._ranks[choice.name] = Random(f"{self.world.seed}/{choice.name}").random()
        return self._ranks[choice.name]

    def _deliver(self, owed: Owed) -> Task:
        mail, attempt, body = self.world.mail, owed.attempt, owed.body
        client = self.world.serving(f"{owed.name} @{attempt}").clients[owed.function]
        mail.deliver(owed)

        def end(task: Task) -> None:
            code, _ = self._ended(task)
            mail.settle(owed, attempt, acknowledged=200 <= code < 300)

        return self._start(f"{owed.name} @{attempt}", owed.function, lambda: client.post("/", json=body), end)

    def _request(self, name: str, function: str, work: Callable[[], Any], end: Callable[[Task], None] | None) -> None:
        """Carry a request out, beside the deliveries."""

        def ended(task: Task) -> None:
            code, _ = self._ended(task)
            if not 200 <= code < 500:
                self.ending.excused.add(name.rpartition(" ")[2])
            if end is not None and not task.group.dead:
                end(task)

        self._start(f"{name} ({self.result.deliveries})", function, work, ended)

    def _start(self, name: str, function: str, work: Callable[[], Any], end: Callable[[Task], None]) -> Task:
        self.result.deliveries += 1
        return self.world.scheduler.spawn(name, Group(name, function), partial(_answer, work), end)

    def _ended(self, task: Task) -> tuple[int, str]:
        """The answer; 0 if there is none."""
        code, text = task.outcome if task.outcome and not task.group.dead else (0, "")
        end = "dies" if task.group.dead else f"answers {code} {text[:80].strip()}"
        self.world.scheduler.say(task.name, end)
        self.checks.answered(task, code, text)
        return code, text


def _turn(choice: Task | Owed) -> int:
    return choice.turn if isinstance(choice, Task) else 0


def _answer(work: Callable[[], Any]) -> tuple[int, str]:
    """What the request is answered, if the answer arrives."""
    response = work()
    task = current()
    if task is not None:
        task.step("answer", Kind.ANSWER)
    return response.status_code, response.text
