"""What goes wrong, and where: a function of the seed and of an address, which is a message, its attempt, and a step.

An address meets the same fault whatever happens elsewhere in the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from tests.chaos.tasks import Kind


class Fault(StrEnum):
    """What can happen at a step."""

    CRASH = "crash"
    """The process of this delivery ends."""
    KILL = "SIGKILL"
    """The instance ends, with all that it is at work on."""
    ERROR = "error"
    """A passing error: before a commit or a call without its effect, behind it with the effect and without the answer.
    """
    PARTLY = "partly"
    """Half of what was asked for is done, then a passing error."""
    QUOTA = "quota"
    """The embedder says that it is too early."""
    SLOW = "slow"
    """It goes on only later; its lease is kept meanwhile."""
    FROZEN = "frozen"
    """All of the delivery goes on only later, what keeps its lease too."""
    OPEN = "stays open"
    """The transaction is open for a while, so that others meet it."""
    OVERTAKEN = "overtaken"
    """All of the delivery goes on only when its message has been delivered again."""


_ANYWHERE = (Fault.CRASH, Fault.CRASH, Fault.KILL, Fault.SLOW, Fault.FROZEN)
_POSSIBLE = {
    Kind.BEGIN: (*_ANYWHERE, Fault.ERROR),
    Kind.STATEMENT: (*_ANYWHERE, Fault.ERROR),
    Kind.COMMIT: (*_ANYWHERE, Fault.ERROR, Fault.ERROR),
    Kind.COMMITTED: (*_ANYWHERE, Fault.ERROR, Fault.ERROR),
    Kind.CALL: (*_ANYWHERE, Fault.ERROR, Fault.ERROR),
    Kind.CALLED: (*_ANYWHERE, Fault.ERROR, Fault.ERROR),
    Kind.ANSWER: (Fault.CRASH, Fault.CRASH, Fault.KILL, Fault.FROZEN),
    Kind.REST: (Fault.CRASH, Fault.KILL),
}
# A statement is one of many; what lies about a commit or a call is where work is lost.
_WEIGHT = {Kind.BEGIN: 0.5, Kind.STATEMENT: 0.5, Kind.REST: 0.25}
_PARTS = ("database", "objects", "index", "texts", "embedder", "publisher")
# Longer than a lease; frozen also than what counts as stalled, and than an acknowledgement's deadline.
_SLOWNESS = {
    Fault.SLOW: (3.0, 25.0, 50.0),
    Fault.FROZEN: (3.0, 25.0, 25.0, 70.0, 130.0, 400.0, 700.0),
    Fault.OPEN: (4.0, 12.0),
    Fault.OVERTAKEN: (650.0,),
}

PUTS_OFF = frozenset(_SLOWNESS)


@dataclass(frozen=True)
class Outage:
    """A part that answers nothing but errors for a while."""

    part: str
    starts_at: float
    ends_at: float


@dataclass(frozen=True)
class FaultPlan:
    """Until `stops_at` each step of a delivery meets a fault with the probability `rate`, more where it hurts."""

    seed: int
    rate: float
    kinds: frozenset[Fault]
    outages: tuple[Outage, ...]
    stops_at: float
    open_longer: float
    """How probable it is that a transaction that wrote stays open for a while before it commits."""
    overtaken: float
    """How probable it is that a request that creates what all later ones rest on is overtaken by its redelivery."""
    lag: float
    """For so many seconds the index does not show what it was given."""

    def at(self, address: str, kind: Kind, label: str, *, wrote: bool) -> Fault | None:
        """What goes wrong at this step of this delivery; `wrote` if its transaction has written something."""
        dice = Random(f"{self.seed}/{address}")
        if kind is Kind.COMMIT and wrote and dice.random() < self.open_longer:
            return Fault.OPEN
        first = address.rpartition("@")[2].startswith("1 ")
        if label == "objects.create" and first and dice.random() < self.overtaken:
            return Fault.OVERTAKEN
        if dice.random() >= self.rate * _WEIGHT.get(kind, 1.0):
            return None
        possible: list[Fault] = [fault for fault in _POSSIBLE[kind] if fault in self.kinds]
        if kind is Kind.CALL and label == "index.upsert":
            possible.append(Fault.PARTLY)
        if kind is Kind.CALL and label == "embedder.embed_documents":
            possible.append(Fault.QUOTA)
        return dice.choice(possible) if possible else None

    def seconds(self, address: str, fault: Fault) -> float:
        """How long a slow step takes."""
        return Random(f"{self.seed}/{address}/seconds").choice(_SLOWNESS[fault])

    def is_out(self, part: str, now: float) -> bool:
        """True if the part answers nothing but errors now."""
        return any(each.part == part and each.starts_at <= now < each.ends_at for each in self.outages)


_ALL = frozenset(_ANYWHERE) | {Fault.ERROR}
_FLAVOURS = (
    frozenset[Fault](),
    frozenset({Fault.CRASH, Fault.KILL}),
    frozenset({Fault.ERROR}),
    frozenset({Fault.SLOW, Fault.FROZEN}),
    frozenset({Fault.FROZEN, Fault.CRASH, Fault.ERROR}),
    _ALL,
    _ALL,
    _ALL,
)


def planned(seed: int, moments: Sequence[float]) -> FaultPlan:
    """The faults of this seed; outages begin about the moments at which something is asked for."""
    dice = Random(f"{seed}/faults")
    kinds = dice.choice(_FLAVOURS)
    outages = tuple(
        Outage(part, start, start + dice.choice((1.0, 5.0, 20.0, 60.0, 300.0)))
        for part in dice.sample(_PARTS, dice.choice((0, 0, 1, 1, 2)) if kinds else 0)
        for start in [max(0.0, dice.choice(moments) + dice.uniform(-0.2, 0.5))]
    )
    return FaultPlan(
        seed=seed,
        rate=dice.choice((0.01, 0.02, 0.04)),
        open_longer=dice.choice((0.0, 0.3)),
        overtaken=dice.choice((0.0, 0.7)),
        kinds=kinds,
        outages=outages,
        stops_at=max(moments) + dice.choice((1.0, 60.0, 600.0)),
        lag=dice.choice((0.0, 0.0, 3.0)),
    )
