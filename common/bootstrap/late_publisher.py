"""A publisher that is made with its first message: a receiver takes one only for the few that it defers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from common.messages import Message

if TYPE_CHECKING:
    from common.ports import Publisher


class LatePublisher:
    """See `common.ports.Publisher`; `publisher` gives the one that publishes, the same each time."""

    def __init__(self, publisher: Callable[[], Publisher]) -> None:
        self._publisher = publisher

    def publish(self, messages: Iterable[Message]) -> None:
        self._publisher().publish(messages)

    def check(self, topics: Sequence[str]) -> None:
        self._publisher().check(topics)

    def publish_raw(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        self._publisher().publish_raw(topic, data, attributes)
