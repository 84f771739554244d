"""Makes the emulator's topics and push subscriptions what the topology says, by the real administration clients."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.api_core.exceptions import AlreadyExists
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from local.process import Log
from local.topology import Subscription, Topology

TIMEOUT_SECONDS = 10.0
# A topic and a filter are for a subscription's whole life; these may change.
UPDATED = ("push_config", "ack_deadline_seconds", "retry_policy", "dead_letter_policy")


def apply_topology(topology: Topology, *, emulator: str, project: str, endpoints: Mapping[str, str], log: Log) -> None:
    """Create what is missing, change what differs, delete subscriptions that the topology no longer names.

    `emulator` is HOST:PORT, `endpoints` the URL of each function. A subscription whose topic or filter changed is made
    anew, and what it still owed is lost, as it would be on Pub/Sub: `reconcile` finds that work again.
    """
    with grpc.insecure_channel(emulator) as channel:
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        _create_topics(publisher, topology, project)
        subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        wanted = {
            f"projects/{project}/subscriptions/{name}": _subscription(name, subscription, project, endpoints)
            for name, subscription in topology.subscriptions.items()
        }
        _delete_others(subscriber, set(wanted), project, log)
        for subscription in wanted.values():
            _put(subscriber, subscription, log)


def _create_topics(publisher: PublisherClient, topology: Topology, project: str) -> None:
    for topic in topology.topics:
        try:
            publisher.create_topic(name=f"projects/{project}/topics/{topic}", timeout=TIMEOUT_SECONDS)
        except AlreadyExists:
            continue


def _delete_others(subscriber: SubscriberClient, wanted: set[str], project: str, log: Log) -> None:
    listed = subscriber.list_subscriptions(project=f"projects/{project}", timeout=TIMEOUT_SECONDS)
    for name in [subscription.name for subscription in listed if subscription.name not in wanted]:
        log(f"{name} is not in the topology any more and is deleted")
        subscriber.delete_subscription(subscription=name, timeout=TIMEOUT_SECONDS)


def _put(subscriber: SubscriberClient, subscription: types.Subscription, log: Log) -> None:
    try:
        subscriber.create_subscription(request=subscription, timeout=TIMEOUT_SECONDS)
    except AlreadyExists:
        _replace(subscriber, subscription, log)


def _replace(subscriber: SubscriberClient, subscription: types.Subscription, log: Log) -> None:
    present = subscriber.get_subscription(subscription=subscription.name, timeout=TIMEOUT_SECONDS)
    if (present.topic, present.filter) != (subscription.topic, subscription.filter):
        log(f"{subscription.name} has another topic or filter in the topology and is made anew")
        subscriber.delete_subscription(subscription=subscription.name, timeout=TIMEOUT_SECONDS)
        subscriber.create_subscription(request=subscription, timeout=TIMEOUT_SECONDS)
        return
    subscriber.update_subscription(
        subscription=subscription, update_mask=FieldMask(paths=UPDATED), timeout=TIMEOUT_SECONDS
    )


def _subscription(name: str, wanted: Subscription, project: str, endpoints: Mapping[str, str]) -> types.Subscription:
    subscription = types.Subscription(
        name=f"projects/{project}/subscriptions/{name}",
        topic=f"projects/{project}/topics/{wanted.topic}",
        filter=wanted.filter,
        push_config=types.PushConfig(push_endpoint=endpoints[wanted.function]),
        ack_deadline_seconds=wanted.ack_deadline_seconds,
        retry_policy=types.RetryPolicy(
            minimum_backoff=Duration(seconds=wanted.minimum_backoff_seconds),
            maximum_backoff=Duration(seconds=wanted.maximum_backoff_seconds),
        ),
    )
    if wanted.dead_letter_topic is not None:
        subscription.dead_letter_policy = types.DeadLetterPolicy(
            dead_letter_topic=f"projects/{project}/topics/{wanted.dead_letter_topic}",
            max_delivery_attempts=wanted.max_delivery_attempts,
        )
    return subscription
