"""`infra/topology.yaml` as the stack reads it; Terraform reads the same file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

from local.errors import StartError

type Positive = Annotated[int, msgspec.Meta(gt=0)]


class Subscription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A push subscription. Durations are seconds; without a dead-letter topic a message is tried until it expires."""

    topic: str
    function: str
    ack_deadline_seconds: int
    minimum_backoff_seconds: int
    maximum_backoff_seconds: int
    filter: str = ""
    dead_letter_topic: str | None = None
    max_delivery_attempts: int | None = None


class Function(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deployed function: what an instance has and how many there are, the requests that one serves at once and how
    long one may take, the topics it publishes to, and the group of its database login."""

    cpu: Annotated[float, msgspec.Meta(gt=0)]
    memory: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]*[MG]i$")]
    min_instances: Annotated[int, msgspec.Meta(ge=0)]
    max_instances: Positive
    concurrency: Positive
    timeout_seconds: Positive
    publishes: list[str]
    database_role: Literal["api", "pipeline"]


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that is called by the clock. Its cron expression is Cloud Scheduler's; the stack calls oftener."""

    function: str
    cron: str


class Topology(msgspec.Struct, frozen=True, kw_only=True):
    """Topics with what they carry, subscriptions, functions and schedules, by name."""

    topics: dict[str, str]
    subscriptions: dict[str, Subscription]
    functions: dict[str, Function]
    schedules: dict[str, Schedule]


def read_topology(file: Path) -> Topology:
    """The topology in the file. Raises `StartError` (TOPOLOGY_INVALID) naming everything that does not fit."""
    try:
        topology = msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), Topology)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise StartError("TOPOLOGY_INVALID", f"{file} is no topology: {error}") from None
    if faults := list(_faults(topology)):
        raise StartError("TOPOLOGY_INVALID", f"{file} does not fit together: {'; '.join(faults)}.")
    return topology


def _faults(topology: Topology) -> Iterator[str]:
    for name, subscription in topology.subscriptions.items():
        yield from _subscription_faults(topology, name, subscription)
    for name, function in topology.functions.items():
        yield from _function_faults(topology, name, function)
    for name, schedule in topology.schedules.items():
        if schedule.function not in topology.functions:
            yield f"schedule {name} calls {schedule.function}, which is no function"


def _subscription_faults(topology: Topology, name: str, subscription: Subscription) -> Iterator[str]:
    function = topology.functions.get(subscription.function)
    if function is None:
        yield f"subscription {name} pushes to {subscription.function}, which is no function"
    elif function.timeout_seconds >= subscription.ack_deadline_seconds:
        yield (
            f"subscription {name} delivers again after {subscription.ack_deadline_seconds} s, while"
            f" {subscription.function} may work for {function.timeout_seconds} s: its time-out must be shorter"
        )
    for topic in (subscription.topic, subscription.dead_letter_topic):
        if topic is not None and topic not in topology.topics:
            yield f"subscription {name} names {topic}, which is no topic"
    if (subscription.dead_letter_topic is None) != (subscription.max_delivery_attempts is None):
        yield f"subscription {name} needs dead_letter_topic and max_delivery_attempts together"
    if subscription.dead_letter_topic not in {None, *(other.topic for other in topology.subscriptions.values())}:
        yield f"subscription {name} has the dead-letter topic {subscription.dead_letter_topic}, which nobody reads"


def _function_faults(topology: Topology, name: str, function: Function) -> Iterator[str]:
    for topic in function.publishes:
        if topic not in topology.topics:
            yield f"function {name} publishes to {topic}, which is no topic"
    if function.min_instances > function.max_instances:
        yield f"function {name} has min_instances {function.min_instances}, more than max_instances"
    if function.cpu < 1 and function.concurrency > 1:
        yield f"function {name} has {function.cpu:g} CPU, with which Cloud Run allows concurrency 1 only"
