"""Tasks: deliveries and commands, each in a thread of its own, of which one runs at a time.

A task gives control back at each of its steps; whoever holds the scheduler decides who goes on.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from queue import SimpleQueue
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.chaos.faults import Fault

_here = threading.local()


class Crash(BaseException):
    """The process that the task is in has ended. What its connections had not committed is rolled back."""


class Kind(StrEnum):
    """What a step is, which tells what can go wrong there."""

    BEGIN = "begin"
    STATEMENT = "statement"
    COMMIT = "commit"
    COMMITTED = "committed"
    CALL = "call"
    CALLED = "called"
    ANSWER = "answer"
    REST = "rest"


class State(Enum):
    """Where a task stands, as the scheduler knows it. One that is blocked waits for a lock in the database."""

    READY = auto()
    RUNNING = auto()
    BLOCKED = auto()
    DONE = auto()


@dataclass(eq=False)
class Group:
    """The tasks of one delivery or command: they live and die together. `function` is whose instance they are in."""

    name: str
    function: str
    dead: bool = False
    frozen_until: float = 0.0
    faults: int = 0
    errors: list[str] = field(default_factory=list)
    after_death: list[str] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)


class Happening:
    """An event that tasks wait for; see `threading.Event`."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float) -> bool:
        """True once it has happened; False if the time is over first."""
        task = current()
        if not self._is_set and task is not None:
            task.rest(timeout, until=self)
        return self._is_set


@dataclass(eq=False)
class Task:
    """One thread. `pid` is the backend in whose transaction it is, `label` its next step.

    `turn` is when it last went on.
    """

    number: int
    name: str
    group: Group
    work: Callable[[], Any]
    arrivals: SimpleQueue[Task]
    now: Callable[[], float]
    random: Random
    spawn: Callable[[str, Group, Callable[[], Any]], Task]
    on_end: Callable[[Task], None] = lambda _: None
    state: State = State.READY
    label: str = "start"
    kind: Kind = Kind.REST
    part: str = ""
    wakes_at: float = 0.0
    waits_for: Happening | None = None
    fault: Fault | None = None
    pid: int | None = None
    blocked_since: float = 0.0
    blocked_as: int = 0
    turn: int = 0
    method: str = ""
    ended_transaction: bool = False
    committed: bool = False
    wrote: bool = False
    ending: bool = False
    outcome: Any = None
    error: BaseException | None = None
    ended: Happening = field(default_factory=Happening)

    def __post_init__(self) -> None:
        self._baton = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        """Let it run to its next step. The scheduler's."""
        self._baton.release()

    def step(self, label: str, kind: Kind, part: str = "") -> Fault | None:
        """Give control back; on the way on, what goes wrong here. Raises `Crash` if that is the end."""
        if self.ending:
            self.group.after_death.append(label)
        self._live_on()
        self.group.steps[label] += 1
        number = self.group.steps[label]
        self._arrive(f"{label}#{number}" if number > 1 else label, kind, part)
        return self.fault

    def rest(self, seconds: float, until: Happening | None = None) -> None:
        """Give control back for so long, or until this happens."""
        self._live_on()
        self.wakes_at, self.waits_for = self.now() + seconds, until
        self._arrive(f"rests {seconds:g} s", Kind.REST, "")

    @contextmanager
    def within(self, method: str) -> Iterator[None]:
        """Steps of the block are named by this method of a port."""
        outer, self.method = self.method, method
        try:
            yield
        finally:
            self.method = outer

    def is_due(self, now: float) -> bool:
        """True if it can go on now, by the clock."""
        if now < self.group.frozen_until:
            return False
        return now >= self.wakes_at or (self.waits_for is not None and self.waits_for.is_set())

    def _arrive(self, label: str, kind: Kind, part: str) -> None:
        self.label, self.kind, self.part, self.fault = label, kind, part, None
        self.arrivals.put(self)
        self._baton.acquire()
        self.wakes_at, self.waits_for = 0.0, None
        self._live_on()

    def _live_on(self) -> None:
        if self.group.dead:
            self.ending = True
            raise Crash

    def _run(self) -> None:
        _here.task = self
        self._baton.acquire()
        try:
            if not self.group.dead:
                self.outcome = self.work()
        except Crash:
            pass
        except BaseException as error:
            self.error = error
        self.ended.set()
        self.arrivals.put(self)

    def join(self) -> None:
        self._thread.join()


def current() -> Task | None:
    """The task that this thread is; None in any other thread."""
    return getattr(_here, "task", None)


class LeaseThread:
    """The thread that keeps a lease: a task of the same group. See `threading.Thread`."""

    def __init__(self, *, target: Callable[..., Any], args: tuple[Any, ...], daemon: bool) -> None:
        self._work, self._daemon = (lambda: target(*args)), daemon
        self._task: Task | None = None

    def start(self) -> None:
        task = current()
        assert task is not None
        self._task = task.spawn(f"{task.name}/keeper", task.group, self._work)

    def join(self) -> None:
        task = current()
        if task is not None and self._task is not None and not task.group.dead:
            while not self._task.ended.is_set():
                task.rest(1e9, until=self._task.ended)
