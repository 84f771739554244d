"""What people do in a run: objects come, change and go, commands are given, new code is deployed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from textwrap import wrap

from common.extraction import ExtractionLimits, extract
from tests.chaos.mail import Habits
from tests.functions.texts import pdf

PAGED = "b.pdf"
"""How the name of an object of several pages ends, each of which is read in a step of its own."""

_WORDS = re.findall(
    r"\w+",
    """
    amber basket candle dragon ember falcon garden harbour island juniper kettle lantern meadow needle orchard
    pebble quarry ribbon saddle timber umbrella violet walnut yonder zephyr
    """,
)
_AT_ONCE = (0.0, 0.05, 0.2, 0.5, 1.0)
_SECONDS = (0.0, 0.05, 0.2, 0.5, 1.0, 3.0, 20.0, 90.0, 400.0)


class Order(Enum):
    """Who goes on next."""

    RANDOM = auto()
    RANKED = auto()
    """Some always go before others."""
    IN_STEP = auto()
    """Whoever has waited longest: those that began together meet at each step."""


@dataclass(frozen=True)
class Command:
    """Something that somebody asks for at a time. `what` is a method of `tests.chaos.people.People`."""

    at: float
    what: str
    subject: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.what} {self.subject}{f' #{self.number}' if self.number else ''}"


@dataclass(frozen=True)
class Scenario:
    """The commands in order of time, and how the run is carried out."""

    projects: tuple[str, ...]
    objects: tuple[str, ...]
    commands: tuple[Command, ...]
    habits: Habits
    at_once: int
    """Deliveries that are out at the same time, at most."""
    order: Order
    sticky: float
    """The probability that the task that has just gone on goes on."""
    rolling: bool
    """Two versions of the code serve at the same time, as while one is rolled out."""
    chunk_size: int
    version: int

    @property
    def moments(self) -> list[float]:
        return [command.at for command in self.commands]


def content(name: str, number: int) -> bytes:
    """An object's `number`-th version: six numbers, so that some are alike and most are not."""
    dice = Random(f"{name}/{number}")
    paragraphs = [
        " ".join(f"{dice.choice(_WORDS)}{dice.randrange(1000)}" for _ in range(dice.randint(12, 30))) + "."
        for _ in range(dice.randint(1, 9))
    ]
    if name.endswith(PAGED):
        return pdf(*("\n".join(wrap(paragraph)) for paragraph in paragraphs))
    return "\n\n".join(paragraphs).encode()


@cache
def text_of(content: bytes) -> str:
    """What an object's text should be: read all at once, whatever the run did."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "object"
        path.write_bytes(content)
        return extract(path, limits=ExtractionLimits()).text


def planned(seed: int) -> Scenario:
    """The scenario of this seed."""
    dice = Random(f"{seed}/scenario")
    projects = ("acme/docs",) if dice.random() < 0.5 else ("acme/docs", dice.choice(("acme/notes", "beta/docs")))
    objects = tuple(f"{dice.choice(projects)}/{file}" for file in ("a.txt", PAGED, "c.txt")[: dice.randint(1, 3)])
    commands = [Command(0.0, "upload", name, 1) for name in objects]
    at = 0.0
    for _ in range(dice.randint(4, 9)):
        at += dice.choice(_SECONDS)
        command = _command(dice, at, objects, projects)
        commands.append(command)
        if command.what == "upload" and dice.random() < 0.6:  # and again, before much can have happened
            commands.append(Command(at + dice.choice(_AT_ONCE), "upload", command.subject, dice.randint(1, 4)))
    if dice.random() < 0.5:
        commands.append(Command(dice.choice(_AT_ONCE) + dice.choice(_AT_ONCE), "deploy", "", dice.randint(1, 3)))
    if dice.random() < 0.5:
        commands += [Command(at + seconds, "replay", "") for seconds in (dice.choice((60.0, 200.0)), 700.0)]
    every = dice.choice((0.0, 45.0, 300.0))
    if every:
        commands += [Command(each * every, "reconcile", "") for each in range(1, int(at / every) + 3)][:12]
    return Scenario(
        projects=projects,
        objects=objects,
        commands=tuple(sorted(commands, key=lambda command: command.at)),
        habits=Habits(
            duplicated=dice.choice((0.0, 0.1, 0.3)),
            late=dice.choice((0.0, 0.2)),
            lost_events=dice.choice((0.0, 0.0, 0.0, 0.15)),
            seconds=dice.choice((0.1, 1.0, 60.0)),
        ),
        at_once=dice.choice((1, 3, 6, 12)),
        order=dice.choice((Order.RANKED, Order.RANKED, Order.IN_STEP, Order.IN_STEP, *[Order.RANDOM] * 3)),
        sticky=dice.choice((0.0, 0.5, 0.9)),
        rolling=dice.random() < 0.7,
        chunk_size=dice.choice((48, 64)),
        version=0,
    )


def _command(dice: Random, at: float, objects: tuple[str, ...], projects: tuple[str, ...]) -> Command:
    what = dice.choices(
        ("upload", "remove", "api_delete", "reprocess", "create", "deploy", "delete_project", "delete_team", "restore",
         "reconcile", "replay", "read"),
        (30, 8, 8, 14, 5, 12, 3, 2, 5, 5, 6, 8),
    )[0]  # fmt: skip
    if what in {"delete_project", "restore"}:
        return Command(at, what, dice.choice(projects))
    if what == "delete_team":
        return Command(at, what, dice.choice(projects).partition("/")[0])
    if what in {"deploy", "reconcile", "replay"}:
        return Command(at, what, "", dice.randint(0, 3))
    if what == "create":
        return Command(at, what, dice.choice(projects), dice.randint(1, 6))
    return Command(at, what, dice.choice(objects), dice.randint(1, 4))
