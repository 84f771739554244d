"""The topology: what is read, and what is refused because it does not fit together."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from common import messages, notifications
from common.config import Settings
from common.messages import BatchEmbedded, ChunkBatch, DocumentRegistered, DocumentRetired
from common.notifications import TOPIC
from local.errors import StartError
from local.pubsub import filters
from local.topology import read_topology

SUBSCRIPTION = {
    "topic": "events",
    "function": "intake",
    "ack_deadline_seconds": 600,
    "minimum_backoff_seconds": 2,
    "maximum_backoff_seconds": 300,
}
FUNCTION = {
    "cpu": 1,
    "memory": "512Mi",
    "min_instances": 0,
    "max_instances": 2,
    "concurrency": 1,
    "timeout_seconds": 540,
    "publishes": ["events"],
    "database_role": "pipeline",
}
TOPOLOGY: dict[str, Any] = {
    "topics": {"events": "What happened.", "unread": "What nobody subscribes to."},
    "subscriptions": {"intake": SUBSCRIPTION},
    "functions": {"intake": FUNCTION},
    "schedules": {},
}


def written(tmp_path: Path, topology: object) -> Path:
    file = tmp_path / "topology.yaml"
    file.write_text(yaml.safe_dump(topology), encoding="utf-8")
    return file


def fault(file: Path) -> str:
    with pytest.raises(StartError) as caught:
        read_topology(file)
    assert str(file) in str(caught.value)
    return str(caught.value)


def test_the_projects_topology_is_sound(root: Path) -> None:
    topology = read_topology(root / "infra" / "topology.yaml")
    for message in (DocumentRegistered, ChunkBatch, BatchEmbedded, DocumentRetired):
        assert message.topic in topology.topics
    assert TOPIC in topology.topics
    assert {path.name for path in (root / "functions").iterdir() if (path / "main.py").exists()} == set(
        topology.functions
    )
    for name, subscription in topology.subscriptions.items():
        filters.parse(subscription.filter)
        assert (subscription.dead_letter_topic is None) == (name == "dead-letter")


def test_a_function_publishes_to_the_topics_that_it_asks_for_at_its_start(root: Path) -> None:
    functions = read_topology(root / "infra" / "topology.yaml").functions
    asked = {name: set(topics_asked_for(root / "functions" / name / "main.py")) for name in functions}
    assert asked == {name: set(function.publishes) for name, function in functions.items()}


def topics_asked_for(file: Path) -> Iterator[str]:
    """The arguments of `publishes(…)`, such as `ChunkBatch.topic` and `notifications.TOPIC`."""
    named = {**vars(messages), "notifications": notifications}
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "publishes":
            for argument in call.args:
                assert isinstance(argument, ast.Attribute)
                assert isinstance(argument.value, ast.Name)
                yield getattr(named[argument.value.id], argument.attr)


def test_a_topology_that_fits_is_read(tmp_path: Path) -> None:
    topology = read_topology(written(tmp_path, TOPOLOGY))
    assert topology.subscriptions["intake"].filter == ""
    assert topology.functions["intake"].concurrency == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"function": "gone"}, "gone, which is no function"),
        ({"topic": "gone"}, "gone, which is no topic"),
        ({"dead_letter_topic": "gone", "max_delivery_attempts": 5}, "gone, which is no topic"),
        ({"dead_letter_topic": "events"}, "together"),
        ({"max_delivery_attempts": 5}, "together"),
        ({"ack_deadline_seconds": "long"}, "ack_deadline_seconds"),
        ({"unknown": 1}, "unknown"),
        ({"ack_deadline_seconds": 540}, "its time-out must be shorter"),
        ({"dead_letter_topic": "unread", "max_delivery_attempts": 5}, "unread, which nobody reads"),
    ],
)
def test_a_subscription_that_does_not_fit_is_named(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    topology = {**TOPOLOGY, "subscriptions": {"intake": {**SUBSCRIPTION, **change}}}
    assert named in fault(written(tmp_path, topology))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"publishes": ["gone"]}, "gone, which is no topic"),
        ({"min_instances": 3}, "more than max_instances"),
        ({"cpu": 0.5, "concurrency": 2}, "concurrency 1 only"),
        ({"cpu": 0}, "cpu"),
        ({"memory": "512MB"}, "memory"),
        ({"max_instances": 0}, "max_instances"),
        ({"concurrency": 0}, "concurrency"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"database_role": "owner"}, "owner"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_function_that_does_not_fit_is_named(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    assert named in fault(written(tmp_path, {**TOPOLOGY, "functions": {"intake": {**FUNCTION, **change}}}))


def test_less_than_a_cpu_serves_one_request_at_once(tmp_path: Path) -> None:
    functions = {"intake": {**FUNCTION, "cpu": 0.5}}
    assert read_topology(written(tmp_path, {**TOPOLOGY, "functions": functions})).functions["intake"].cpu == 0.5


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    schedules = {"often": {"function": "nobody", "cron": "* * * * *"}}
    subscriptions = {"intake": {**SUBSCRIPTION, "topic": "nothing"}}
    text = fault(written(tmp_path, {**TOPOLOGY, "schedules": schedules, "subscriptions": subscriptions}))
    assert "nobody" in text
    assert "nothing" in text


@pytest.mark.parametrize(
    "content", [b"", b"a: [", b"- 1", b"\xff\xfe\x00", b"topics: {}", b"!!python/object:os.system {}"]
)
def test_what_is_no_topology_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "topology.yaml"
    file.write_bytes(content)
    assert "is no topology" in fault(file)
    assert "is no topology" in fault(tmp_path / "missing.yaml")


def test_a_reconciliation_ends_long_before_its_function_is_stopped(root: Path) -> None:
    seconds: Any
    [seconds] = [each.default for each in fields(Settings) if each.name == "reconcile_seconds"]
    assert 2 * seconds < read_topology(root / "infra" / "topology.yaml").functions["reconcile"].timeout_seconds


def test_an_instance_has_the_memory_and_the_time_that_reading_its_documents_may_take(root: Path) -> None:
    function = read_topology(root / "infra" / "topology.yaml").functions["chunk"]
    defaults: dict[str, Any] = {declared.name: declared.default for declared in fields(Settings)}
    gib = int(function.memory.removesuffix("Gi")) << 30
    assert function.concurrency * defaults["extraction_memory_bytes"] <= 0.75 * gib
    assert defaults["extraction_step_seconds"] < 400
    assert defaults["extraction_seconds"] < 0.75 * function.timeout_seconds
