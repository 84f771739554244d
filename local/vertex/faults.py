"""What goes wrong on demand: the next calls of a method fail, tarry, or are answered wrongly."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from grpc import StatusCode
from msgspec.structs import replace

from common.prompting import Reply
from local.vertex.protocol import Proto

type Alteration = Callable[[Proto], None]

_FORGED = "words that stand in no passage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How one call goes wrong, in this order: it waits `seconds`; fails; or has its request and its reply altered.

    It fails where it has a `code` (`retry_after` is the seconds to wait that it tells) or is to `drop` the connection;
    with `after` only when it has been carried out, a stream after its first piece.
    """

    code: StatusCode | None = None
    retry_after: float | None = None
    seconds: float = 0.0
    drop: bool = False
    after: bool = False
    request: Alteration | None = None
    reply: Alteration | None = None


class Faults:
    """The faults to come, of each method in the order in which they were asked for."""

    def __init__(self, methods: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._coming = {method: deque[Fault]() for method in methods}

    def add(self, method: str, fault: Fault, *, times: int = 1) -> None:
        """The next `times` calls of the method that have no fault yet; `method` is a name such as UpsertDatapoints.

        Raises ValueError for a method that the stand-in does not have.
        """
        if method not in self._coming:
            raise ValueError(f"{method} is none of {', '.join(self._coming)}")
        with self._lock:
            self._coming[method].extend([fault] * times)

    def take(self, method: str) -> Fault:
        """The fault of a call that begins now; one that does nothing where none was asked for."""
        with self._lock:
            coming = self._coming[method]
            return coming.popleft() if coming else Fault()

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            for coming in self._coming.values():
                coming.clear()


def half_the_datapoints(request: Proto) -> None:
    """Of an UpsertDatapoints or RemoveDatapoints only the first half arrives."""
    items = request.datapoints if hasattr(request, "datapoints") else request.datapoint_ids
    del items[len(items) // 2 :]


def a_vector_fewer(reply: Proto) -> None:
    """The last text of a Predict gets no vector."""
    del reply.predictions[-1]


def blocked_prompt(reply: Proto) -> None:
    """The prompt was not let through: there is no candidate."""
    del reply.candidates[:]
    reply.prompt_feedback.block_reason = type(reply.prompt_feedback).SAFETY


def blocked_answer(reply: Proto) -> None:
    """The answer was not let through: its candidate has no content."""
    (candidate,) = reply.candidates
    candidate.ClearField("content")
    candidate.finish_reason = type(candidate).SAFETY


def cut_answer(reply: Proto) -> None:
    """The answer ends in its middle, for want of tokens."""
    (candidate,) = reply.candidates
    part = candidate.content.parts[0]
    part.text = part.text[: len(part.text) // 2]
    candidate.finish_reason = type(candidate).MAX_TOKENS


def forged_quotes(reply: Proto) -> None:
    """Each quote of the answer stands in no passage."""
    part = reply.candidates[0].content.parts[0]
    said = msgspec.json.decode(part.text, type=Reply)
    forged = [
        replace(statement, quotes=tuple(replace(quote, quote=_FORGED) for quote in statement.quotes))
        for statement in said.statements
    ]
    part.text = msgspec.json.encode(replace(said, statements=tuple(forged))).decode()


_ALTERATIONS: dict[str, Alteration] = {
    alteration.__name__: alteration
    for alteration in (half_the_datapoints, a_vector_fewer, blocked_prompt, blocked_answer, cut_answer, forged_quotes)
}


class FaultSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault in words, as a command line has it: a code and alterations by their names."""

    method: str
    times: int = 1
    code: str | None = None
    retry_after: float | None = None
    seconds: float = 0.0
    drop: bool = False
    after: bool = False
    request: str | None = None
    reply: str | None = None

    def __post_init__(self) -> None:
        for name in (self.request, self.reply):
            if name is not None and name not in _ALTERATIONS:
                raise ValueError(f"{name} is none of {', '.join(_ALTERATIONS)}")
        if self.code is not None and self.code not in StatusCode.__members__:
            raise ValueError(f"{self.code} is none of {', '.join(StatusCode.__members__)}")

    def add_to(self, faults: Faults) -> None:
        """Ask for it."""
        fault = Fault(
            code=StatusCode[self.code] if self.code else None,
            retry_after=self.retry_after,
            seconds=self.seconds,
            drop=self.drop,
            after=self.after,
            request=_ALTERATIONS[self.request] if self.request else None,
            reply=_ALTERATIONS[self.reply] if self.reply else None,
        )
        faults.add(self.method, fault, times=self.times)
