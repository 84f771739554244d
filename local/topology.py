"""`infra/topology.yaml` as the stack reads it; Terraform reads the same file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml

from local.errors import StartError


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
    """A deployed function: requests that one instance serves at once, and how long one may take."""

    concurrency: int
    timeout_seconds: int


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
        if subscription.function not in topology.functions:
            yield f"subscription {name} pushes to {subscription.function}, which is no function"
        for topic in (subscription.topic, subscription.dead_letter_topic):
            if topic is not None and topic not in topology.topics:
                yield f"subscription {name} names {topic}, which is no topic"
        if (subscription.dead_letter_topic is None) != (subscription.max_delivery_attempts is None):
            yield f"subscription {name} needs dead_letter_topic and max_delivery_attempts together"
    for name, schedule in topology.schedules.items():
        if schedule.function not in topology.functions:
            yield f"schedule {name} calls {schedule.function}, which is no function"
