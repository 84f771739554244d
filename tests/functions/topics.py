"""What the functions publish: the topology's topics and subscriptions on the emulator, each push taken down."""

from __future__ import annotations

import json
import queue
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import grpc
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.types import PubsubMessage

from common.tracing import TRACEPARENT, parsed
from local import settings
from local.pubsub.emulator import PubSubEmulator
from local.subscriptions import apply_topology
from local.topology import Topology, read_topology
from tests.contract.push_receiver import WAIT_SECONDS, Push, Receiver, receiving

# That of the stand-ins of Google Cloud, which refuse another's names.
PROJECT = settings.PROJECT
_MARK = "mark"
# A filtered subscription sees a mark with the attributes that its filter asks for.
_FILTERED = re.compile(r'attributes\.(\w+) = "(\w+)"')


@dataclass(frozen=True)
class Published:
    """A message as its subscription pushes it: `body` is the whole push."""

    body: dict[str, Any]

    @property
    def subscription(self) -> str:
        return str(self.body["subscription"]).rpartition("/")[2]

    @property
    def attributes(self) -> dict[str, str]:
        """All but the trace, which names another span each time."""
        attributes: dict[str, str] = self.body["message"]["attributes"]
        return {name: value for name, value in attributes.items() if name != TRACEPARENT}

    @property
    def trace(self) -> str | None:
        """The id of the trace that the message carries."""
        trace = parsed(self.body["message"]["attributes"].get(TRACEPARENT, ""))
        return None if trace is None else trace.trace_id

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(b64decode(self.body["message"]["data"]))
        return content


class Topics:
    """All topics of the topology, with one push at a time for each subscription, in the order of publishing."""

    def __init__(self, topology: Topology, host: str, receiver: Receiver, publisher: PublisherClient) -> None:
        self.host = host
        self._topology = topology
        self._publisher = publisher
        self._waiting: queue.SimpleQueue[Published] = queue.SimpleQueue()
        self._marks = count()
        url = receiver.endpoint(reply=self._take_down).url
        apply_topology(
            topology, emulator=host, project=PROJECT, endpoints=dict.fromkeys(topology.functions, url), log=print
        )

    def function_of(self, published: Published) -> str:
        """The function that the message's subscription pushes to."""
        return self._topology.subscriptions[published.subscription].function

    def take(self) -> list[Published]:
        """Everything published since the last call, by subscription in the order of publishing.

        Behind it each topic is sent a mark: once a subscription has pushed that, it has pushed all before it.
        """
        mark = str(next(self._marks))
        for subscription in self._topology.subscriptions.values():
            attributes = {_MARK: mark, **dict(_FILTERED.findall(subscription.filter))}
            message = PubsubMessage(data=b"mark", attributes=attributes)
            self._publisher.publish(topic=f"projects/{PROJECT}/topics/{subscription.topic}", messages=[message])
        unmarked, taken = set(self._topology.subscriptions), list[Published]()
        while unmarked:
            published = self._waiting.get(timeout=WAIT_SECONDS)
            if _MARK not in published.attributes:
                taken.append(published)
            elif published.attributes[_MARK] == mark:
                unmarked.discard(published.subscription)
        return taken

    def receive(self, number: int) -> list[Published]:
        """The next so many pushes, without a mark: for whoever knows how many messages are on their way."""
        return [self._waiting.get(timeout=WAIT_SECONDS) for _ in range(number)]

    def _take_down(self, push: Push) -> int:
        self._waiting.put(Published(push.body))
        return 204


@contextmanager
def recorded_topics(root: Path) -> Iterator[Topics]:
    topology = read_topology(root / "infra" / "topology.yaml")
    with (
        receiving() as receiver,
        PubSubEmulator(in_flight=1) as emulator,
        grpc.insecure_channel(emulator.host) as channel,
    ):
        # All subscriptions connect at once; one more than the server's short queue holds would wait a second.
        receiver.server.socket.listen(64)
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        yield Topics(topology, emulator.host, receiver, publisher)
