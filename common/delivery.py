"""From a Pub/Sub push to a use case, and from the use case's outcome to what becomes of the message."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from common import telemetry, tracing
from common.database import Database, FailedMessage
from common.errors import AiInfraError, ConfigurationError, Deferred, Retryable, UndecodableError
from common.messages import Message
from common.ports import Clock, Publisher
from common.tracing import TRACEPARENT

log = logging.getLogger(__name__)

type Response = tuple[str, int]
ACKNOWLEDGED: Response = ("", 204)
DEFERRALS = "deferrals"
BATCH_INDEX = "batch_index"
DEAD_LETTERED = "CloudPubSubDeadLetter"
"""What the names of the attributes begin with that Pub/Sub adds to a dead letter."""


class _PushedMessage(msgspec.Struct, frozen=True, rename="camel"):
    message_id: str
    publish_time: datetime | None = None
    data: bytes = b""
    attributes: dict[str, str] = {}


class _PushEnvelope(msgspec.Struct, frozen=True, rename="camel"):
    """https://cloud.google.com/pubsub/docs/push#receive_push"""

    message: _PushedMessage
    subscription: str
    delivery_attempt: Annotated[int, msgspec.Meta(ge=1)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery of a message. `attempt` counts from 1 and is known only under a dead-letter policy."""

    message_id: str
    subscription: str
    data: bytes
    attributes: Mapping[str, str]
    published_at: datetime | None
    attempt: int | None


def decode_push(body: bytes) -> Delivery:
    """The delivery that a push request's body is; `ValueError` if it is none."""
    envelope = msgspec.json.decode(body, type=_PushEnvelope)
    return Delivery(
        message_id=envelope.message.message_id,
        subscription=envelope.subscription,
        data=envelope.message.data,
        attributes=envelope.message.attributes,
        published_at=envelope.message.publish_time,
        attempt=envelope.delivery_attempt,
    )


def decode_message[M: Message](kind: type[M], delivery: Delivery) -> M:
    """The message in the delivery's body; `UndecodableError` if it is none of this kind."""
    try:
        return msgspec.json.decode(delivery.data, type=kind)
    except ValueError as error:  # of msgspec, or of UTF-8
        raise UndecodableError(f"Not a {kind.topic} message: {error}", topic=kind.topic) from error


def uuid_attribute(attributes: Mapping[str, str], name: str) -> UUID | None:
    """The id that an attribute holds, if it holds one."""
    try:
        return UUID(attributes[name])
    except (KeyError, ValueError):
        return None


def count_attribute(attributes: Mapping[str, str], name: str) -> int | None:
    """The whole number that an attribute holds, if it holds one."""
    text = attributes.get(name, "")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def time_attribute(attributes: Mapping[str, str], name: str) -> datetime | None:
    """The moment that an attribute holds, if it holds one with its offset."""
    try:
        moment = datetime.fromisoformat(attributes[name])
    except (KeyError, ValueError):
        return None
    return None if moment.tzinfo is None else moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Takes a function's pushes.

    What is not due `defer_seconds` after it came is published again, at most `max_deferrals` times; what is not due
    even then counts as failed. A wait without bounds is not counted.
    """

    database: Database
    publisher: Publisher
    clock: Clock
    defer_seconds: float
    max_deferrals: int

    def receive(self, body: bytes, work: Callable[[Delivery], None], *, topic: str) -> Response:
        """Do the work of one push and say what becomes of the message; `topic` gets again what is not due yet."""
        try:
            delivery = decode_push(body)
        except ValueError as error:
            return f"This is not a Pub/Sub push: {error}", 400
        with telemetry.scope(tracing.continued(delivery.attributes.get(TRACEPARENT)), **_about(delivery)):
            return self._outcome(delivery, work, topic)

    def _outcome(self, delivery: Delivery, work: Callable[[Delivery], None], topic: str) -> Response:
        try:
            self._work(delivery, work, topic)
        except UndecodableError as error:
            return self._keep(delivery, error)
        except Exception as error:
            response = _refused(error)
            self._note(delivery, error)
            return response
        return ACKNOWLEDGED

    def _work(self, delivery: Delivery, work: Callable[[Delivery], None], topic: str) -> None:
        ends_at = self.clock.now() + self.defer_seconds
        while True:
            try:
                return work(delivery)
            except Deferred as deferred:
                left = ends_at - self.clock.now()
                if left <= 0:
                    return self._publish_again(delivery, topic, deferred)
                pause = min(deferred.wait_seconds, left)
            self.clock.sleep(pause)

    def _publish_again(self, delivery: Delivery, topic: str, deferred: Deferred) -> None:
        count = (count_attribute(delivery.attributes, DEFERRALS) or 0) + deferred.bounded
        if count > self.max_deferrals:
            raise Retryable(deferred.reason, f"Still not due after {self.max_deferrals} deferrals: {deferred}")
        log.info("Published again: %s", deferred, extra={"event": "message_deferred", "reason": deferred.reason})
        self.publisher.publish_raw(topic, delivery.data, {**delivery.attributes, DEFERRALS: str(count)})

    def _note(self, delivery: Delivery, error: Exception) -> None:
        """Keep the error where `dead_letter` finds it, which Pub/Sub tells of attempts only that they failed."""
        job_id = uuid_attribute(delivery.attributes, "job_id")
        if job_id is None:
            return
        try:
            with self.database.transaction() as transaction:
                transaction.failed_messages.note(
                    job_id, count_attribute(delivery.attributes, BATCH_INDEX), _told(error)
                )
        except Exception as unnoted:
            log.warning("The error was not noted on its job: %s", type(unnoted).__name__)

    def _keep(self, delivery: Delivery, error: UndecodableError) -> Response:
        try:
            with self.database.transaction() as transaction:
                transaction.failed_messages.keep(failed_message(delivery, topic=error.topic, error=error))
        except Retryable as unavailable:
            log.warning("%s: %s", unavailable.reason, unavailable, extra=_failed(unavailable.reason))
            return unavailable.reason, 503
        log.error(
            "Kept aside: %s", error, extra={"event": "dead_letter_kept", "reason": error.reason, "mattered": True}
        )
        return ACKNOWLEDGED


def _about(delivery: Delivery) -> dict[str, object]:
    ids = {name: uuid_attribute(delivery.attributes, name) for name in ("team_id", "document_id", "job_id")}
    subscription = delivery.subscription.rpartition("/")[-1]
    return {"message_id": delivery.message_id, "subscription": subscription, "attempt": delivery.attempt, **ids}


def _failed(reason: str) -> dict[str, object]:
    return {"event": "message_failed", "reason": reason}


def _refused(error: Exception) -> Response:
    """Say what went wrong, and that the message is to come back."""
    match error:
        case Retryable():
            log.warning("%s: %s", error.reason, error, extra=_failed(error.reason))
        case ConfigurationError():
            log.error("%s", error, extra=_failed(error.reason))  # it says all there is
        case _:
            log.error("Unexpected error", exc_info=error, extra=_failed(_told(error).reason))
            return "INTERNAL", 500
    return error.reason, 503


def _told(error: Exception) -> AiInfraError:
    """The error as its job may keep it: what is not the project's own may quote the document's text."""
    if isinstance(error, AiInfraError):
        return error
    return AiInfraError("INTERNAL", f"An unexpected {type(error).__name__}: the log of its trace says where.")


def failed_message(
    delivery: Delivery,
    *,
    topic: str | None,
    error: AiInfraError,
    attempts: int | None = None,
    resolution: str | None = None,
) -> FailedMessage:
    """The delivery as it is kept for people and for a replay."""
    return FailedMessage(
        subscription=delivery.subscription,
        topic=topic,
        message_id=delivery.message_id,
        data=delivery.data,
        attributes=delivery.attributes,
        delivery_attempts=attempts or delivery.attempt,
        published_at=delivery.published_at,
        reason=error.reason,
        error=error.message,
        document_id=uuid_attribute(delivery.attributes, "document_id"),
        job_id=uuid_attribute(delivery.attributes, "job_id"),
        resolution=resolution,
    )
