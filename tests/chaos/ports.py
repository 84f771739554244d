"""The ports behind which the run's faults are: each call is a step, and so is its return."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.pubsub_v1.types import BatchSettings

from common.adapters.google_pubsub import GooglePublisher
from common.errors import Deferred, Retryable
from common.messages import Message
from common.model.chunks import ChunkOwner, Vector
from common.ports import VectorIndex
from tests.chaos.database import Named
from tests.chaos.faults import Fault
from tests.chaos.tasks import Kind, current


class Gated:
    """A port whose every method is a step, with its effect between that and the next. `part` is what can be out."""

    def __init__(self, real: Any, part: str) -> None:
        self._real, self._part = real, part

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            with called(self._part, f"{self._part}.{name}") as fault:
                if fault is Fault.PARTLY:
                    owner, vectors = arguments
                    found(owner, dict(islice(vectors.items(), len(vectors) // 2)))
                    raise unavailable(self._part)
                return found(*arguments, **named)

        return call


@contextmanager
def called(part: str, label: str) -> Iterator[Fault | None]:
    """A call of a port: steps before and behind it, and what goes wrong at them."""
    task = current()
    if task is None:
        yield None
        return
    fault = task.step(label, Kind.CALL, part)
    if fault is Fault.QUOTA:
        raise Deferred("QUOTA", "The quota of the plan is used up.", wait_seconds=5.0, bounded=False)
    if fault is Fault.ERROR:
        raise unavailable(part)
    with task.within(label):
        yield fault
    if task.step(f"{label} done", Kind.CALLED, part) is not None:
        raise unavailable(part)


def unavailable(part: str) -> Retryable:
    return Retryable(f"{part.upper()}_UNAVAILABLE", "A fault of the plan.")


class GatedDatabase:
    """A database whose transactions name the steps in them."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(Named(self._real, "database"), name)

    @contextmanager
    def transaction(self, *arguments: Any) -> Iterator[Any]:
        with self._real.transaction(*arguments) as transaction:
            yield _Areas(transaction)


class _Areas:
    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return Named(getattr(self._real, name), name)


class ImmediatePublisher(GooglePublisher):
    """The real client, which does not wait for more messages to send with the first."""

    @property
    def _client(self) -> Any:
        return _client(os.environ["PUBSUB_EMULATOR_HOST"])


@cache
def _client(_emulator: str) -> Any:
    """One for each emulator: what it connects to, it reads from the environment."""
    return PublisherClient(batch_settings=BatchSettings(max_messages=1))


class GatedPublisher:
    """Publishes message by message, each a step, and tells `published` of each."""

    def __init__(self, real: GooglePublisher, published: Callable[[], None]) -> None:
        self._real, self._published = real, published

    def publish(self, messages: Iterable[Message]) -> None:
        for message in messages:
            with called("publisher", f"publish {message.topic}"):
                self._real.publish([message])
                self._published()

    def publish_raw(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        with called("publisher", f"publish {topic}"):
            self._real.publish_raw(topic, data, attributes)
            self._published()


class LaggingIndex:
    """An index that shows what it was given some seconds later."""

    def __init__(self, real: VectorIndex, now: Callable[[], float], lag: float) -> None:
        self._real, self._now, self._lag = real, now, lag
        self._since: dict[UUID, float] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def upsert(self, owner: ChunkOwner, vectors: Mapping[UUID, Vector]) -> None:
        self._real.upsert(owner, vectors)
        for chunk_id in vectors:
            self._since[chunk_id] = self._now()

    def visible(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> frozenset[UUID]:
        found = self._real.visible(owner, chunk_ids)
        return frozenset(each for each in found if self._since.get(each, 0.0) + self._lag <= self._now())


class HashEmbedder:
    """An embedder without cost: each text has a vector of its own."""

    def __init__(self, model: str, dimensions: int) -> None:
        self.model, self.dimensions = model, dimensions

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return [self.embed_question(text) for text in texts]

    def embed_question(self, question: str) -> Vector:
        seed = int.from_bytes(hashlib.sha256(question.encode()).digest()[:8])
        vector = np.random.default_rng(seed).standard_normal(self.dimensions)
        normalised: Vector = (vector / np.linalg.norm(vector)).tolist()
        return normalised


class WordTokenizer:
    """Counts words; a later version of the code counts the longer ones twice, and so splits elsewhere."""

    max_tokens = 254
    _VERSIONS = (re.compile(r"\S+"), re.compile(r"\S{1,6}"))

    def __init__(self, version: int) -> None:
        self._token = self._VERSIONS[version]

    def token_starts(self, text: str) -> Sequence[int]:
        return [match.start() for match in self._token.finditer(text)]
