"""What a topic, a push subscription and a message may be: the service's rules, and what this emulator leaves out."""

import re
from typing import Any

import grpc
from google.pubsub_v1 import types

from local.pubsub import filters

type Proto = Any
"""A message of google.pubsub.v1; the generated classes carry no types."""

Topic, Subscription, PubsubMessage = types.Topic.pb(), types.Subscription.pb(), types.PubsubMessage.pb()

MAX_PUBLISH_BYTES = 10_000_000
_DAY = 86_400
_NAME = re.compile(r"projects/[^/]+/(topics|subscriptions)/(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
_ENDPOINT = re.compile(r"http://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-\"$-~]*)?")
_SUPPORTED = {
    "Topic": {"name", "labels", "state"},
    "Subscription": {
        "name", "topic", "labels", "state", "push_config", "ack_deadline_seconds", "message_retention_duration",
        "expiration_policy", "filter", "dead_letter_policy", "retry_policy",
    },
    "PushConfig": {"push_endpoint", "pubsub_wrapper"},
    "ExpirationPolicy": set[str](),
}  # fmt: skip

UPDATABLE = _SUPPORTED["Subscription"] - {"name", "topic", "state", "filter"}


class RefusedError(Exception):
    """Ends a call with this status and sentence."""

    def __init__(self, code: grpc.StatusCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def invalid(sentence: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.INVALID_ARGUMENT, sentence)


def unsupported(what: str) -> RefusedError:
    return RefusedError(grpc.StatusCode.UNIMPLEMENTED, f"{what} is not supported by the local Pub/Sub emulator.")


def accept_topic(topic: Proto) -> None:
    """Refuses what is no topic or asks for more than the emulator has; fills in what the service fills in."""
    check_name(topic.name, "topics")
    _check_fields(topic)
    topic.state = types.Topic.State.ACTIVE


def accept_subscription(subscription: Proto) -> None:
    """As `accept_topic`, for a subscription."""
    check_name(subscription.name, "subscriptions")
    _check_fields(subscription)
    if not subscription.HasField("push_config"):
        raise unsupported("A subscription without push_config (pull)")
    _check_endpoint(subscription.push_config.push_endpoint)
    _check_filter(subscription.filter)
    subscription.ack_deadline_seconds = subscription.ack_deadline_seconds or 10
    _check_range("ack_deadline_seconds", subscription.ack_deadline_seconds, 10, 600)
    _accept_duration(subscription, "message_retention_duration", 600, 31 * _DAY, default=7 * _DAY)
    if subscription.HasField("retry_policy"):
        policy = subscription.retry_policy
        minimum = _accept_duration(policy, "minimum_backoff", 0, 600, default=10)
        _accept_duration(policy, "maximum_backoff", minimum, 600, default=600)
    if subscription.HasField("dead_letter_policy"):
        policy = subscription.dead_letter_policy
        policy.max_delivery_attempts = policy.max_delivery_attempts or 5
        _check_range("max_delivery_attempts", policy.max_delivery_attempts, 5, 100)
    subscription.state = types.Subscription.State.ACTIVE


def check_publish(request: Proto) -> None:
    """Refuses the messages that the service would not take."""
    _check_range("The number of messages", len(request.messages), 1, 1000)
    _check_range("The size of a publish in bytes", request.ByteSize(), 1, MAX_PUBLISH_BYTES)
    for message in request.messages:
        if not message.data and not message.attributes:
            raise invalid("A message needs data or at least one attribute.")
        _check_range("The number of attributes", len(message.attributes), 0, 100)
        for key, value in message.attributes.items():
            if not 0 < len(key.encode()) <= 256 or len(value.encode()) > 1024 or key.startswith("goog"):
                raise invalid(f"Attribute {key!r}: keys have 1 to 256 bytes and no goog in front, values at most 1024.")


def check_name(name: str, kind: str) -> None:
    """`kind` is the collection, topics or subscriptions."""
    match = _NAME.fullmatch(name)
    if match is None or match[1] != kind:
        raise invalid(f"{name!r} is not a name like projects/PROJECT/{kind}/NAME (3 to 255 letters, digits, -_.~+%).")


def _accept_duration(message: Proto, name: str, low: float, high: float, *, default: int) -> float:
    """The field in seconds, set to `default` first if it is unset."""
    duration = getattr(message, name)
    if not message.HasField(name):
        duration.FromSeconds(default)
    seconds = float(duration.ToNanoseconds() / 1e9)
    _check_range(f"{name} in seconds", seconds, low, high)
    return seconds


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise invalid(f"{name} is {value}; it must be between {low} and {high}.")


def _check_fields(message: Proto, path: str = "") -> None:
    for field, value in message.ListFields():
        if field.name not in _SUPPORTED[message.DESCRIPTOR.name]:
            raise unsupported(path + field.name)
        if field.message_type and field.message_type.name in _SUPPORTED:
            _check_fields(value, f"{path}{field.name}.")


def _check_endpoint(url: str) -> None:
    if url.startswith("https://"):
        raise unsupported("A push_endpoint with https")
    if not _ENDPOINT.fullmatch(url):
        raise invalid(f"push_config.push_endpoint {url!r} is no URL like http://HOST:PORT/PATH?QUERY.")


def _check_filter(text: str) -> None:
    try:
        filters.parse(text)
    except filters.InvalidFilterError as error:
        raise invalid(str(error)) from error
    except filters.UnsupportedFilterError as error:
        raise unsupported(str(error)) from error
