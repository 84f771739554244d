"""Cloud Storage's notifications of a bucket, read and written.

https://cloud.google.com/storage/docs/pubsub-notifications: what happened is in the attributes, the object in the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec

from common.errors import UndecodableError
from common.model.documents import StoredObject
from common.names import recordable

TOPIC = "object-events"


class ObjectEvent(StrEnum):
    """What can happen to an object that matters here."""

    FINALIZE = "OBJECT_FINALIZE"
    DELETE = "OBJECT_DELETE"


class _ObjectResource(msgspec.Struct, frozen=True, rename="camel"):
    bucket: str
    name: Annotated[str, msgspec.Meta(min_length=1)]
    generation: str | int
    size: str | int = 0
    content_type: str | None = None
    metadata: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """An event and the object's generation that it happened to."""

    event: str
    stored: StoredObject


def decode(data: bytes, attributes: Mapping[str, str]) -> Notification:
    """The notification in a message's body and attributes.

    `UndecodableError` if there is none, or none that a row could record: Postgres' texts hold no U+0000.
    """
    try:
        resource = msgspec.json.decode(data, type=_ObjectResource)
        generation, size = int(resource.generation), int(resource.size)
    except ValueError as error:
        raise UndecodableError(f"Not a notification of Cloud Storage: {error}", topic=TOPIC) from error
    if "\0" in resource.name:
        raise UndecodableError("The object's name holds U+0000, which no row can record: rename it.", topic=TOPIC)
    metadata = {recordable(name): recordable(value) for name, value in (resource.metadata or {}).items()}
    stored = StoredObject(resource.bucket, resource.name, generation, size, resource.content_type, metadata)
    return Notification(attributes.get("eventType", ""), stored)


def encode(event: ObjectEvent, stored: StoredObject) -> tuple[bytes, Mapping[str, str]]:
    """Body and attributes of the notification, as Cloud Storage would send it again."""
    resource = _ObjectResource(
        bucket=stored.bucket,
        name=stored.name,
        generation=str(stored.generation),
        size=str(stored.size),
        content_type=stored.content_type,
        metadata=stored.metadata,
    )
    attributes = {
        "eventType": event.value,
        "payloadFormat": "JSON_API_V1",
        "bucketId": stored.bucket,
        "objectId": stored.name,
        "objectGeneration": str(stored.generation),
    }
    return msgspec.json.encode(resource), attributes
