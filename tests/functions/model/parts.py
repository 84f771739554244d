"""The installation's real parts behind ports that fail when told to; and an embedder that costs nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from common.adapters.minilm import DIMENSIONS, MODEL
from common.bootstrap import Application
from common.bootstrap.local_parts import LocalParts
from common.database import Database, Transaction
from common.errors import Retryable
from common.messages import Message
from common.model.chunks import Vector
from common.model.documents import StoredObject
from common.ports import ObjectStore, Publisher


class Moment(StrEnum):
    """When a part fails: with nothing done, or with all done and the answer lost."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Fault:
    """What is under way fails at its call of this number, from 0, to the part, or to any; a transaction is a call."""

    call: int
    moment: Moment
    part: str | None = None

    def __str__(self) -> str:
        return f"failing {self.moment} call {self.call} of {self.part or 'all'}"


@dataclass
class Parts:
    """What happens to the parts: at most one fault, what they were asked to publish, and which objects they deleted."""

    fault: Fault | None = None
    hit: bool = False
    called: list[str] = field(default_factory=list)
    published: int = 0
    deleted: list[StoredObject] = field(default_factory=list)

    @contextmanager
    def meeting(self, fault: Fault | None) -> Iterator[None]:
        """What the block does meets this fault, if it comes that far; only of the block is anything noted."""
        self.fault, self.hit, self.called, self.published, self.deleted = fault, False, [], 0, []
        try:
            yield
        finally:
            self.fault = None

    @contextmanager
    def call(self, part: str) -> Iterator[None]:
        """One call of the part."""
        fault = self.fault if self._is_due(part) else None
        self.called.append(part)
        self._meet(fault, Moment.BEFORE, part)
        yield
        self._meet(fault, Moment.AFTER, part)

    def _is_due(self, part: str) -> bool:
        if self.fault is None or self.fault.part not in {None, part}:
            return False
        counted = self.called if self.fault.part is None else [each for each in self.called if each == part]
        return len(counted) == self.fault.call

    def _meet(self, fault: Fault | None, moment: Moment, part: str) -> None:
        if fault is not None and fault.moment is moment:
            self.hit = True
            raise Retryable("FAULT", f"Planned: {part} {fault}.")


class FaultyPart:
    """A part of any port."""

    def __init__(self, part: object, name: str, parts: Parts) -> None:
        self._part, self._name, self._parts = part, name, parts

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._part, attribute)
        return self._calling(found) if callable(found) else found

    def _calling(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            with self._parts.call(self._name):
                return method(*arguments, **named)

        return call


class FaultyDatabase:
    """A database whose transactions fail: rolled back, or committed without its being known."""

    def __init__(self, database: Database, parts: Parts) -> None:
        self._database, self._parts = database, parts

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._parts.call("database"), self._database.transaction() as transaction:
            yield transaction


class CountedPublisher:
    """A publisher that notes how many messages were accepted."""

    def __init__(self, publisher: Publisher, parts: Parts) -> None:
        self._publisher, self._parts = publisher, parts

    def publish(self, messages: Iterable[Message]) -> None:
        messages = list(messages)
        self._publisher.publish(messages)
        self._parts.published += len(messages)

    def publish_raw(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        self._publisher.publish_raw(topic, data, attributes)
        self._parts.published += 1


class ExactStore:
    """A store that, as Cloud Storage, deletes no other generation than it is told; the emulator does. Notes which."""

    def __init__(self, store: ObjectStore, parts: Parts) -> None:
        self._store, self._parts = store, parts

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._store, attribute)

    def delete(self, bucket: str, name: str, generation: int | None = None) -> None:
        stored = self._store.find(bucket, name)
        if stored is not None and generation in {None, stored.generation}:
            self._store.delete(bucket, name)
            self._parts.deleted.append(stored)


class HashEmbedder:
    """An `Embedder` under the local model's name whose vectors mean nothing."""

    model = MODEL
    dimensions = DIMENSIONS

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return [self.embed_question(text) for text in texts]

    def embed_question(self, question: str) -> Vector:
        seed = int.from_bytes(hashlib.sha256(question.encode()).digest()[:8])
        numbers = np.random.default_rng(seed).standard_normal(DIMENSIONS)
        vector: Vector = (numbers / np.linalg.norm(numbers)).tolist()
        return vector


@contextmanager
def faulty_parts() -> Iterator[Parts]:
    """Every application that is made meanwhile has parts of these kinds."""
    parts = Parts()
    kinds: dict[tuple[type, str], Callable[[Any], object]] = {
        (Application, "database"): lambda part: FaultyDatabase(part, parts),
        (Application, "publisher"): lambda part: FaultyPart(CountedPublisher(part, parts), "publisher", parts),
        (Application, "objects"): lambda part: FaultyPart(ExactStore(part, parts), "objects", parts),
        (LocalParts, "index"): lambda part: FaultyPart(part, "index", parts),
        (LocalParts, "texts"): lambda part: FaultyPart(part, "texts", parts),
        (LocalParts, "embedder"): lambda _: FaultyPart(HashEmbedder(), "embedder", parts),
    }
    with pytest.MonkeyPatch.context() as patch:
        for (owner, name), kind in kinds.items():
            patch.setattr(owner, name, _made(owner, name, kind))
        yield parts


def _made(owner: type, name: str, kind: Callable[[Any], object]) -> cached_property[object]:
    """The owner's part of this name, of another kind."""
    original = vars(owner)[name].func
    made = cached_property(lambda self: kind(original(self)))
    made.__set_name__(owner, name)
    return made
