"""Terraform and the local stack make the same topics and subscriptions of topology.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import grpc
import pytest
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from local.pubsub.emulator import PubSubEmulator
from local.subscriptions import apply_topology
from tests.infra.checks import TOPOLOGY
from tests.infra.checks.deployment import Check, Deployment, last
from tests.infra.checks.messages import Subscription, made

PROJECT = "topology"


@pytest.mark.parametrize("check", TOPOLOGY, ids=lambda check: check.__name__)
def test_messages_go_where_the_topology_says(check: Check, deployment: Deployment) -> None:
    assert list(check(deployment)) == []


@pytest.fixture
def emulator() -> Iterator[str]:
    with PubSubEmulator(held=True) as emulator:
        yield emulator.host


def test_terraform_and_the_local_stack_make_the_same(deployment: Deployment, emulator: str) -> None:
    endpoints = {name: f"http://127.0.0.1:9/{name}" for name in deployment.topology.functions}
    apply_topology(deployment.topology, emulator=emulator, project=PROJECT, endpoints=endpoints, log=lambda _: None)
    with grpc.insecure_channel(emulator) as channel:
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        topics = {last(topic.name) for topic in publisher.list_topics(project=f"projects/{PROJECT}")}
        subscriptions = list(subscriber.list_subscriptions(project=f"projects/{PROJECT}"))
    functions = {endpoint: name for name, endpoint in endpoints.items()}
    assert {last(each.name): _emulated(each, functions) for each in subscriptions} == made(deployment)
    assert topics == {values["name"] for values in deployment.state.of("google_pubsub_topic.this").values()}


def _emulated(subscription: types.Subscription, functions: Mapping[str, str]) -> Subscription:
    dead_letters = subscription.dead_letter_policy
    return Subscription(
        topic=last(subscription.topic),
        function=functions[subscription.push_config.push_endpoint],
        filter=subscription.filter,
        ack_deadline_seconds=subscription.ack_deadline_seconds,
        minimum_backoff_seconds=subscription.retry_policy.minimum_backoff.seconds,
        maximum_backoff_seconds=subscription.retry_policy.maximum_backoff.seconds,
        dead_letter_topic=last(dead_letters.dead_letter_topic) or None,
        max_delivery_attempts=dead_letters.max_delivery_attempts or None,
    )
