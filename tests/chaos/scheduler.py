"""Decides which task goes on: one at a time, so that a run is a function of its seed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from queue import Empty, SimpleQueue
from random import Random
from typing import Any

from tests.chaos.clock import VirtualClock
from tests.chaos.faults import PUTS_OFF, Fault, FaultPlan
from tests.chaos.locks import Locks, blocked, deadlocked
from tests.chaos.tasks import Group, Kind, State, Task

TICK = 0.005
"""Seconds that a step takes."""
LOCK_SECONDS = 30.0
"""How long the functions' connections wait for an answer: see `common.adapters.postgres.connection.connect`."""
_LOOK = 0.002
"""Real seconds until it is asked whether a task that has not come back waits for a lock."""
_PATIENCE = 20_000


class Scheduler:
    """Tasks, and how they go on. `wrong` hears of what must not happen, `checked` of each commit."""

    def __init__(self, seed: int, clock: VirtualClock, locks: Locks, plan: FaultPlan) -> None:
        self.clock = clock
        self.plan = plan
        self.tasks: list[Task] = []
        self.trace: list[str] = []
        self.faults = 0
        self.wrong: Callable[[str, str], None] = lambda _reason, _text: None
        self.committed: Callable[[], None] = lambda: None
        self._seed = seed
        self._locks = locks
        self._arrivals = SimpleQueue[Task]()
        self._running: set[Task] = set()
        self._decided: set[Task] = set()
        self._cancelled: set[Task] = set()
        self._number = 0
        self._turns = 0
        self._met = False

    def spawn(
        self, name: str, group: Group, work: Callable[[], Any], on_end: Callable[[Task], None] = lambda _: None
    ) -> Task:
        """A new task, which waits at its start."""
        self._number += 1
        task = Task(
            number=self._number,
            name=name,
            group=group,
            work=work,
            arrivals=self._arrivals,
            now=self.clock.now,
            random=Random(f"{self._seed}/{name}"),
            spawn=self.spawn,
            on_end=on_end,
        )
        self.tasks.append(task)
        return task

    def due(self) -> list[Task]:
        """The tasks that can go on now."""
        now = self.clock.now()
        return [task for task in self.tasks if task.state is State.READY and task.is_due(now)]

    def next_wake(self) -> float | None:
        """When the first of those that rest can go on."""
        resting = [max(task.wakes_at, task.group.frozen_until) for task in self.tasks if task.state is State.READY]
        waiting = [task.blocked_since + LOCK_SECONDS for task in self.tasks if task.state is State.BLOCKED]
        return min(resting + waiting, default=None)

    def give_up(self) -> None:
        """End the statements that have waited for a lock for so long that nobody waits for their answer any more."""
        while late := [task for task in self.tasks if self._waits_too_long(task)]:
            task = late[0]
            self.say(task.name, f"{task.label} has waited for {LOCK_SECONDS:g} s")
            task.group.faults += 1
            self._cancel(task)
            self._settled()

    def _waits_too_long(self, task: Task) -> bool:
        return task.state is State.BLOCKED and task.blocked_since + LOCK_SECONDS <= self.clock.now()

    def say(self, who: str, what: str) -> None:
        self.trace.append(f"{self.clock.now():12.3f}  {who}  {what}")

    def advance(self, task: Task) -> None:
        """Let the task take its next step, or meet what goes wrong there."""
        self.clock.move_to(self.clock.now() + TICK)
        self._turns += 1
        task.turn = self._turns
        fault = self._fault(task)
        self.say(task.name, f"{task.label}{f'  ! {fault}' if fault else ''}")
        if fault in PUTS_OFF:
            self._put_off(task, fault)
            return
        if fault in {Fault.CRASH, Fault.KILL}:
            self._end(task.group, instance=fault is Fault.KILL)
        task.fault = fault
        self._decided.discard(task)
        self._resume(task)
        while dying := [each for each in self.tasks if each.group.dead and each.state is State.READY]:
            self._resume(dying[0])

    def _fault(self, task: Task) -> Fault | None:
        now = self.clock.now()
        if task in self._decided or now >= self.plan.stops_at or task.label == "start":
            return None
        if task.kind is not Kind.REST and self.plan.is_out(task.part, now):
            fault: Fault | None = Fault.ERROR if task.kind not in {Kind.CALLED, Kind.COMMITTED} else None
        else:
            fault = self.plan.at(f"{task.name} {task.label}", task.kind, task.label, wrote=task.wrote)
        if fault:
            self.faults += 1
            task.group.faults += 1
        return fault

    def _put_off(self, task: Task, fault: Fault) -> None:
        until = self.clock.now() + self.plan.seconds(f"{task.name} {task.label}", fault)
        self._decided.add(task)
        if fault in {Fault.FROZEN, Fault.OVERTAKEN}:
            task.group.frozen_until = until
        else:
            task.wakes_at = until

    def _end(self, group: Group, *, instance: bool) -> None:
        group.dead = True
        for task in self.tasks if instance else ():
            if task.group.function == group.function and not task.group.dead:
                self.say(task.group.name, "ends with its instance")
                task.group.dead = True
                task.group.faults += 1

    def _resume(self, task: Task) -> None:
        self._start(task)
        task.go_on()
        self._settled()

    def _settled(self) -> None:
        """Return when every task rests, waits, or has ended, and what follows from that is done."""
        self._settle()
        while any(task.ended_transaction for task in self.tasks):
            committed = any(task.committed for task in self.tasks)
            for task in self.tasks:
                task.ended_transaction = task.committed = False
            self._let_waiters_go_on()
            if committed:
                self.committed()
        self._break_circle()
        for task in [task for task in self.tasks if task.state is State.DONE]:
            self.tasks.remove(task)
            task.join()
            task.on_end(task)

    def _let_waiters_go_on(self) -> None:
        """Whoever waited for what has just ended comes to its next step: one by one, whoever came first."""
        tried = set[Task]()
        while free := [task for task in self._unblocked() if task not in tried]:
            tried.add(free[0])
            self._start(free[0])
            self._settle()
            if free[0].state is not State.BLOCKED:
                tried.clear()

    def _unblocked(self) -> list[Task]:
        """Those that wait, but for no task that rests; first who came first."""
        waiting = {task.pid: task for task in self.tasks if task.state is State.BLOCKED and task.pid is not None}
        if not waiting:
            return []
        resting = {task.pid for task in self.tasks if task.pid is not None and task.state is not State.BLOCKED}
        still = blocked(self._locks.blocking(waiting.keys()), resting)
        return sorted((task for pid, task in waiting.items() if pid not in still), key=lambda task: task.blocked_as)

    def _break_circle(self) -> None:
        """A circle of waiting tasks is wrong; one of them has to give up."""
        while self._met and (waiting := {task.pid: task for task in self._unblocked()}):
            circle = deadlocked(self._locks.blocking([pid for pid in waiting if pid is not None]))
            if not circle:
                return
            names = ", ".join(sorted(f"{waiting[pid].name} at {waiting[pid].label}" for pid in circle))
            self.wrong("DEADLOCK", f"These wait for each other: {names}.")
            self._cancel(waiting[max(circle, key=lambda pid: waiting[pid].number)])
            self._settle()
            self._let_waiters_go_on()
        self._met = False

    def _cancel(self, task: Task) -> None:
        """End the statement that it waits in; it goes on with the error."""
        if task.pid is not None:
            self._locks.cancel(task.pid)
            self._cancelled.add(task)
            self._start(task)

    def _start(self, task: Task) -> None:
        if task.state is State.BLOCKED and task.pid is not None:
            os.kill(task.pid, signal.SIGCONT)
        task.state = State.RUNNING
        self._running.add(task)

    def _settle(self) -> None:
        """Return when each running task has come to its next step, has ended, or waits for a lock."""
        looks = 0
        while self._running:
            try:
                task = self._arrivals.get(timeout=_LOOK)
                task.state = State.DONE if task.ended.is_set() else State.READY
                task.blocked_as = 0
                self._running.discard(task)
                self._cancelled.discard(task)
            except Empty:
                looks += 1
                self._mark_blocked()
                if looks > _PATIENCE:
                    stuck = {task.pid: task.name for task in self._running}
                    raise TimeoutError(f"These tasks do not come back: {stuck}") from None

    def _mark_blocked(self) -> None:
        """A backend that waits is stopped, so that of several that wait for the same the scheduler says who goes on."""
        by_pid = {task.pid: task for task in self._running if task.pid is not None and task not in self._cancelled}
        if not by_pid:
            return
        others = {task.pid for task in self.tasks if task.pid is not None and task not in self._running}
        for pid in blocked(self._locks.blocking(by_pid.keys()), others):
            task = by_pid[pid]
            os.kill(pid, signal.SIGSTOP)
            if not task.blocked_as:
                self._number += 1
                task.blocked_as, task.blocked_since = self._number, self.clock.now()
            task.state, self._met = State.BLOCKED, True
            self._running.discard(task)

    def close(self) -> None:
        """Stop nothing any more."""
        for task in self.tasks:
            if task.state is State.BLOCKED and task.pid is not None:
                os.kill(task.pid, signal.SIGCONT)
