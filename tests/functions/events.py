"""The pushes of tests/events/: as Pub/Sub sends them, with what a test changes in them."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.functions.topics import Published

EVENTS = Path(__file__).resolve().parents[1] / "events"
SOURCE = "CloudPubSubDeadLetterSourceSubscription"


def event(name: str, content: Mapping[str, object] | None = None, **attributes: str) -> dict[str, Any]:
    """A push of tests/events/, with what differs in its body and attributes."""
    body: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    message = body["message"]
    message["attributes"] = {**message.get("attributes", {}), **attributes}
    if content is not None:
        changed = {**json.loads(b64decode(message["data"])), **content}
        message["data"] = b64encode(json.dumps(changed).encode()).decode()
    return body


def dead(published: Published) -> dict[str, Any]:
    """The push of the message after its subscription gave it up."""
    body = event("dead-letter", None, **published.attributes, **{SOURCE: published.subscription})
    for name in {"team_id", "document_id", "job_id", "batch_index"} - published.attributes.keys():
        del body["message"]["attributes"][name]
    body["message"]["data"] = published.body["message"]["data"]
    body["message"]["messageId"] = body["message"]["message_id"] = str(uuid4().int)
    return body


def content_of(name: str) -> dict[str, Any]:
    """What the message of an event says."""
    return Published(event(name)).content
