"""What topics and push subscriptions may be, and how a call is refused."""

import re
from typing import Any

import grpc
from google.protobuf.message import Message
from google.pubsub_v1 import types

type Proto = Any
"""A message of google.pubsub.v1; the generated classes carry no types."""

Topic, Subscription, PubsubMessage = types.Topic.pb(), types.Subscription.pb(), types.PubsubMessage.pb()

UPDATABLE = frozenset({"push_config", "ack_deadline_seconds", "retry_policy", "dead_letter_policy"})
_SUPPORTED = {
    "Topic": {"name"},
    "Subscription": {"name", "topic", "filter", *UPDATABLE},
    "PushConfig": {"push_endpoint"},
    "PubsubMessage": {"data", "attributes"},
}
_NAME = r"projects/[^/]+/{}/(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{{2,254}}"
_ENDPOINT = re.compile(r"http://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-\"$-~]*)?")


class RefusedError(Exception):
    """Ends a call with this status and sentence."""

    def __init__(self, code: grpc.StatusCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def unsupported(what: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.UNIMPLEMENTED, f"{what} is not supported by the local Pub/Sub emulator.")


def require(is_met: bool, rule: str) -> None:
    """Refuses what the service would not take either."""
    if not is_met:
        raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, rule)


def check_fields(message: Proto, path: str = "") -> None:
    """Refuses a request, or a part of one, with a field that the emulator leaves out."""
    supported = _SUPPORTED.get(message.DESCRIPTOR.name)
    for field, value in message.ListFields():
        if supported is not None and field.name not in supported:
            raise unsupported(path + field.name)
        if field.message_type and field.message_type.name in _SUPPORTED:
            for part in [value] if isinstance(value, Message) else value:
                check_fields(part, f"{path}{field.name}.")


def check_name(name: str, kind: str) -> None:
    """`kind` is the collection, topics or subscriptions."""
    is_name = re.fullmatch(_NAME.format(kind), name) is not None
    require(is_name, f"{name!r} is no name like projects/PROJECT/{kind}/NAME (3 to 255 letters, digits, -_.~+%).")


def complete_subscription(subscription: Proto) -> None:
    """Refuses what cannot be; fills in what the service fills in."""
    check_name(subscription.name, "subscriptions")
    if not _ENDPOINT.fullmatch(subscription.push_config.push_endpoint):
        raise unsupported("Any push_endpoint but http://HOST:PORT/PATH?QUERY (pull, https)")
    subscription.ack_deadline_seconds = subscription.ack_deadline_seconds or 10
    require(10 <= subscription.ack_deadline_seconds <= 600, "ack_deadline_seconds must be between 10 and 600.")
    if subscription.HasField("retry_policy"):
        policy = subscription.retry_policy
        low, high = policy.minimum_backoff.ToNanoseconds(), policy.maximum_backoff.ToNanoseconds()
        require(0 < low <= high <= 600e9, "0 s < minimum_backoff <= maximum_backoff <= 600 s must hold.")
    if subscription.HasField("dead_letter_policy"):
        policy = subscription.dead_letter_policy
        policy.max_delivery_attempts = policy.max_delivery_attempts or 5
        require(5 <= policy.max_delivery_attempts <= 100, "max_delivery_attempts must be between 5 and 100.")
