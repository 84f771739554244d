"""A stack that each thing happens to once that a metric counts, and what its functions said of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from common import tracing
from local.settings import PROJECT
from local.stack import Stack
from tests.e2e.team import Team, bucket, eventually
from tests.infra.log_entries import entries

LEAVE = "# Leave\n\n## Parental leave\n\nParental leave at Harbour Lights lasts eighteen weeks and is fully paid.\n"

type Entry = dict[str, Any]


def traceparent() -> str:
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


@dataclass(frozen=True)
class Watched:
    """A stack that has been used, and what it said."""

    entries: tuple[Entry, ...]
    document: Mapping[str, Any]
    manual: Mapping[str, Any]
    poison: str
    created_in: str
    asked_in: str

    def of(self, event: str, **fields: object) -> list[Entry]:
        """The entries of an event with these fields."""
        wanted = {"event": event, **fields}
        return [each for each in self.entries if wanted.items() <= each["jsonPayload"].items()]

    def about(self, document: Mapping[str, Any]) -> list[Entry]:
        return [each for each in self.entries if each["jsonPayload"].get("document_id") == document["id"]]


class Emulator:
    """The stack's Pub/Sub, past the project's own adapter."""

    def __init__(self, stack: Stack, channel: grpc.Channel) -> None:
        self._publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))

    def hurry(self, subscription: str) -> None:
        """Let what fails there be dead after five attempts that follow each other at once."""
        moment = Duration(nanos=1_000_000)
        changed = types.Subscription(
            name=f"projects/{PROJECT}/subscriptions/{subscription}",
            retry_policy=types.RetryPolicy(minimum_backoff=moment, maximum_backoff=moment),
            dead_letter_policy=types.DeadLetterPolicy(
                dead_letter_topic=f"projects/{PROJECT}/topics/dead-letter", max_delivery_attempts=5
            ),
        )
        paths = ["retry_policy", "dead_letter_policy"]
        self._subscriber.update_subscription(subscription=changed, update_mask=FieldMask(paths=paths))

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        message = types.PubsubMessage(data=data, attributes=dict(attributes))
        self._publisher.publish(topic=f"projects/{PROJECT}/topics/{topic}", messages=[message])


def said(stack: Stack) -> list[Entry]:
    """What the functions have said so far."""
    return [
        entry
        for name in stack.functions.children()
        for entry in entries(
            (stack.folder.logs / f"{name}.log").read_text(encoding="utf-8").splitlines(),
            service=f"ai-infra-{name.replace('_', '-')}",
        )
    ]


def until(stack: Stack, event: str, having: Callable[[Entry], object] = bool) -> None:
    def look() -> bool | None:
        return any(e["jsonPayload"].get("event") == event and having(e["jsonPayload"]) for e in said(stack)) or None

    eventually(look, f"a line {event}")


def send(stack: Stack, team: Team, path: str, trace: str, body: Mapping[str, str]) -> None:
    """Ask the API within a trace of the caller's."""
    url = f"{stack.api}/v1/projects/{team.project}{path}"
    answered = team.api._send("POST", url, json=body, headers={tracing.TRACEPARENT: trace})
    assert answered.ok, answered.text


def unknown_job() -> bytes:
    ids = {name: str(uuid4()) for name in ("team_id", "document_id", "project_id", "job_id")}
    settings = {"chunk_size": 64, "chunk_overlap": 0, "embedding_model": "none"}
    return json.dumps({**ids, "settings": settings, "bucket": "b", "object_name": "o", "generation": 1}).encode()


def use(stack: Stack, emulator: Emulator) -> Watched:
    """Each thing that a metric counts happens once."""
    team, poison, created_in, asked_in = Team.created(stack), traceparent(), traceparent(), traceparent()
    emulator.publish("document-registered", unknown_job(), {tracing.TRACEPARENT: poison})
    emulator.publish("chunk-batch", b"not JSON", {})
    bucket(stack).blob("nobody/docs/lost.md").upload_from_string(LEAVE)
    team.put("leave.md", LEAVE)
    team.put("broken.pdf", b"%PDF-1.7 and nothing more")
    send(stack, team, "/documents", created_in, {"title": "manual.md", "text": LEAVE})
    documents = team.finished(["leave.md", "broken.pdf", "manual.md"])
    send(stack, team, ":query", asked_in, {"question": "How long is parental leave?"})
    send(stack, team, ":query", traceparent(), {"question": "How much water does a tomato plant need?"})
    bucket(stack).blob(f"{team.name}/{team.project}/leave.md").delete()
    until(stack, "dead_letter_kept", lambda fields: fields["reason"] == "UNDELIVERABLE")
    until(stack, "dead_letter_kept", lambda fields: fields["reason"] == "UNDECODABLE")
    until(stack, "object_unrouted")
    until(stack, "reconciled", lambda fields: fields["purges"])
    return Watched(tuple(said(stack)), documents["leave.md"], documents["manual.md"], poison, created_in, asked_in)
