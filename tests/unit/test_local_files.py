"""The one-machine stack's topology and the script of its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common.config import load
from common.errors import ConfigurationError
from common.messages import BatchEmbedded, ChunkBatch, DocumentRegistered, DocumentRetired
from common.notifications import TOPIC
from local.errors import StartError
from local.pubsub import filters
from local.settings import Environment, read_script
from local.topology import read_topology

SUBSCRIPTION = {
    "topic": "events",
    "function": "intake",
    "ack_deadline_seconds": 600,
    "minimum_backoff_seconds": 2,
    "maximum_backoff_seconds": 300,
}
TOPOLOGY: dict[str, Any] = {
    "topics": {"events": "What happened."},
    "subscriptions": {"intake": SUBSCRIPTION},
    "functions": {"intake": {"concurrency": 1, "timeout_seconds": 540}},
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
        assert topology.functions[subscription.function].timeout_seconds < subscription.ack_deadline_seconds
        assert (subscription.dead_letter_topic is None) == (name == "dead-letter")


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
    ],
)
def test_a_subscription_that_does_not_fit_is_named(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    topology = {**TOPOLOGY, "subscriptions": {"intake": {**SUBSCRIPTION, **change}}}
    assert named in fault(written(tmp_path, topology))


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


def environment(**changes: str) -> Environment:
    return Environment(
        database_url="postgresql+pg8000://api@127.0.0.1:5432/ai_infra",
        storage_endpoint="http://127.0.0.1:4443",
        pubsub_port=8085,
        peppers="1:a-secret-of-sixteen-characters",
        changes=changes,
    )


def test_the_stacks_environment_is_a_whole_configuration() -> None:
    variables = environment(top_k="3").variables()
    settings = load(variables)
    assert (settings.profile, settings.top_k) == ("local", 3)
    assert variables["PUBSUB_EMULATOR_HOST"] == "127.0.0.1:8085"
    assert variables["STORAGE_EMULATOR_HOST"] == "http://127.0.0.1:4443"


@pytest.mark.parametrize("changes", [{"no_such_setting": "1"}, {"top_k": "none"}, {"profile": "nowhere"}])
def test_settings_that_cannot_be_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(changes)).upper() + "|" + next(iter(changes))):
        environment(**changes).variables()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_a_script_is_read_as_it_was_written(value: str) -> None:
    stack = environment(google_project=value)
    assert read_script(stack.script()) == stack.variables()
