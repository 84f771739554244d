"""`ai-infra admin failed`, on a real database and real messages."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from cli.exit_codes import ExitCode
from local.ports import free_ports
from tests.functions.command_line import CommandLine, operator
from tests.functions.events import SOURCE, dead, event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Published

TRACE = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture
def admin(installation: Installation) -> CommandLine:
    return operator(installation)


@pytest.fixture(autouse=True)
def nothing_left_over(installation: Installation) -> Iterator[None]:
    yield
    installation.rows("delete from failed_messages")


@pytest.fixture
def registered(installation: Installation) -> Published:
    return installation.register(f"acme/docs/{uuid4()}.md", HANDBOOK)


def kept(installation: Installation, body: dict[str, Any], function: str = "dead_letter") -> str:
    assert installation.accept(function, body) == []
    row = installation.row("select id from failed_messages where message_id = :id", id=body["message"]["messageId"])
    return str(row["id"])


def undecodable(installation: Installation) -> str:
    body = event("undecodable")
    body["message"]["messageId"] = str(uuid4().int)
    return kept(installation, body, "chunk")


def several_dead(installation: Installation, count: int) -> tuple[list[Published], list[str]]:
    """Documents whose first message is dead, and the ids of the failed messages, oldest first."""
    found = [installation.register(f"acme/docs/{uuid4()}.md", HANDBOOK) for _ in range(count)]
    return found, [kept(installation, dead(each)) for each in found]


def outcomes(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["id"], row["outcome"]) for row in rows]


def test_a_failed_message_is_listed_until_it_is_resolved(
    installation: Installation, admin: CommandLine, registered: Published
) -> None:
    identity = kept(installation, dead(registered))
    [failed] = admin.shown("admin", "failed", "list")
    assert (failed["id"], failed["reason"], failed["job_id"]) == (
        identity,
        "UNDELIVERABLE",
        registered.content["job_id"],
    )
    shown = admin("admin", "failed", "list").stdout
    assert all(word in shown for word in (identity, failed["error"], "UNDELIVERABLE"))
    admin.shown("admin", "failed", "replay", identity)
    assert admin.shown("admin", "failed", "list") == []
    [resolved] = admin.shown("admin", "failed", "list", "--all")
    assert (resolved["replays"], resolved["resolution"]) == (1, "Its job goes on from where it failed.")


def test_one_is_shown_with_all_but_its_body(
    installation: Installation, admin: CommandLine, registered: Published
) -> None:
    [batch, *_] = installation.accept("chunk", registered.body)
    body = dead(batch)
    body["message"]["attributes"]["traceparent"] = f"00-{TRACE}-0123456789abcdef-01"
    identity = kept(installation, body)
    shown = admin.shown("admin", "failed", "show", identity)
    data = b64decode(body["message"]["data"])
    assert (shown["trace"], shown["size"], shown["topic"]) == (TRACE, len(data), "chunk-batch")
    assert (shown["delivery_attempts"], shown["attributes"]) == (20, body["message"]["attributes"])
    told = admin("admin", "failed", "show", identity).stdout
    assert all(word in told for word in (TRACE, "chunk-batch", f"{SOURCE}=embed", shown["error"]))
    assert "metres tall" not in told + json.dumps(shown)


def test_the_body_is_printed_where_it_is_asked_for(
    installation: Installation, admin: CommandLine, registered: Published
) -> None:
    [batch, *_] = installation.accept("chunk", registered.body)
    body = dead(batch)
    identity = kept(installation, body)
    text = b64decode(body["message"]["data"]).decode()
    assert admin.shown("admin", "failed", "show", identity, "--body")["body"] == text
    assert "metres tall" in admin("admin", "failed", "show", identity, "--body").stdout


def test_a_message_that_is_not_there_is_not_found_and_nothing_else_is_replayed(
    installation: Installation, admin: CommandLine, registered: Published
) -> None:
    identity = kept(installation, dead(registered))
    assert admin.refused("admin", "failed", "show", uuid4()) == (ExitCode.NOT_FOUND, "NOT_FOUND")
    assert admin.refused("admin", "failed", "show", uuid4(), "--body") == (ExitCode.NOT_FOUND, "NOT_FOUND")
    assert admin.refused("admin", "failed", "replay", identity, uuid4()) == (ExitCode.NOT_FOUND, "NOT_FOUND")
    assert installation.topics.take() == []


def test_a_replay_says_of_each_message_what_became_of_it(installation: Installation, admin: CommandLine) -> None:
    [goes_on, anew, deleted], identities = several_dead(installation, 3)
    installation.rows("update ingestion_jobs set purge_started_at = now() where id = :id", id=anew.content["job_id"])
    generation = installation.job(deleted.content["job_id"])["generation"]
    installation.accept("retire", installation.deleted(deleted.content["object_name"], generation))
    again = undecodable(installation)
    rows = admin.shown("admin", "failed", "replay", *identities, again, identities[0])
    assert [row["outcome"] for row in rows] == ["resumed", "reopened", "moved_on", "published"]
    assert rows[0]["job_id"] == goes_on.content["job_id"]
    assert UUID(rows[1]["job_id"]) == installation.document(anew.content["document_id"])["wanted_job_id"]
    assert all(row["sentence"] and row["reason"] is None for row in rows)
    assert sorted(each.subscription for each in installation.topics.take()) == ["chunk", "chunk", "chunk"]
    assert {row["outcome"] for row in admin.shown("admin", "failed", "replay", *identities)} == {"already"}


def test_a_person_is_shown_a_row_for_each_and_the_sum(installation: Installation, admin: CommandLine) -> None:
    _, identities = several_dead(installation, 2)
    admin.shown("admin", "failed", "replay", identities[0])
    replayed = admin("admin", "failed", "replay", *identities)
    assert replayed.exit_code == ExitCode.OK
    lines = replayed.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[identities[0], "already"], [identities[1], "resumed"]]
    assert replayed.stderr == "1 already, 1 resumed.\n"


def test_all_are_replayed_oldest_first_but_those_that_cannot_be_read(
    installation: Installation, admin: CommandLine
) -> None:
    _, identities = several_dead(installation, 3)
    unreadable = undecodable(installation)
    rows = admin.shown("admin", "failed", "replay", "--all", "--yes")
    assert outcomes(rows) == [(identity, "resumed") for identity in identities]
    assert [each["id"] for each in admin.shown("admin", "failed", "list")] == [unreadable]
    said = admin("admin", "failed", "replay", "--all")
    assert (said.exit_code, said.stderr) == (
        ExitCode.OK,
        "1 that cannot be read are left out: name them by their ids.\nNothing to replay.\n",
    )


def test_those_of_a_reason_or_of_a_job_are_replayed_alone(installation: Installation, admin: CommandLine) -> None:
    published, identities = several_dead(installation, 3)
    installation.rows("update failed_messages set reason = 'INTERNAL' where id = :id", id=identities[1])
    job = published[2].content["job_id"]
    assert admin.shown("admin", "failed", "replay", "--reason", "NO_SUCH_REASON", "--yes") == []
    assert admin.shown("admin", "failed", "replay", "--reason", "INTERNAL", "--job", job, "--yes") == []
    rows = admin.shown("admin", "failed", "replay", "--reason", "INTERNAL", "--yes")
    assert outcomes(rows) == [(identities[1], "resumed")]
    rows = admin.shown("admin", "failed", "replay", "--job", job, "--yes")
    assert outcomes(rows) == [(identities[2], "resumed")]


def test_a_limit_leaves_the_newest_to_the_next_time(installation: Installation, admin: CommandLine) -> None:
    _, identities = several_dead(installation, 3)
    for expected in (identities[:2], identities[2:]):
        rows = admin.shown("admin", "failed", "replay", "--all", "--limit", 2, "--yes")
        assert [row["id"] for row in rows] == expected


def test_what_is_chosen_is_replayed_only_if_it_is_agreed_to(installation: Installation, admin: CommandLine) -> None:
    several_dead(installation, 2)
    declined = admin("admin", "failed", "replay", "--all", typed="n\n")
    assert declined.exit_code == ExitCode.FAILED
    assert "Replay 2 messages?" in declined.stderr
    assert admin.refused("admin", "failed", "replay", "--all") == (ExitCode.USAGE, "USAGE")
    assert installation.topics.take() == []
    agreed = admin("admin", "failed", "replay", "--all", typed="y\n")
    assert (agreed.exit_code, len(installation.topics.take())) == (ExitCode.OK, 2)


@pytest.mark.parametrize(
    "options", [(), (str(uuid4()), "--all"), ("--reason", "UNDECODABLE"), ("no-id",), ("--job", "no-id")]
)
def test_a_choice_that_cannot_be_is_a_usage_error(admin: CommandLine, options: tuple[str, ...]) -> None:
    assert admin.refused("admin", "failed", "replay", *options) == (ExitCode.USAGE, "USAGE")


def test_one_that_cannot_be_replayed_does_not_keep_the_others(installation: Installation, admin: CommandLine) -> None:
    [first, second], _ = several_dead(installation, 2)
    installation.rows("delete from failed_messages")
    body = dead(first)
    del body["message"]["attributes"][SOURCE], body["message"]["attributes"]["job_id"]
    stray, identity = kept(installation, body), kept(installation, dead(second))
    installation.rows("update failed_messages set resolved_at = null, resolution = null")
    result = admin("admin", "failed", "replay", stray, identity, "--json")
    assert result.exit_code == ExitCode.FAILED
    rows = json.loads(result.stdout)
    assert outcomes(rows) == [(stray, "error"), (identity, "resumed")]
    assert rows[0]["reason"] == "UNKNOWN_TOPIC"


def test_where_something_does_not_answer_the_rest_is_left_to_another_time(
    installation: Installation, admin: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, identities = several_dead(installation, 2)
    monkeypatch.setattr("common.adapters.google_pubsub.TIMEOUT", 0.2)
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    result = admin("admin", "failed", "replay", "--all", "--yes", PUBSUB_EMULATOR_HOST=nobody)
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert result.stderr == "1 error. 1 are left: run it again.\n"
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [[identities[0], "error"]]
    assert [installation.job(each.content["job_id"])["replays"] for each in published] == [1, 0]


def test_the_pipeline_may_not_replay(installation: Installation) -> None:
    refused = operator(installation, "pipeline").refused("admin", "failed", "replay", "--all", "--yes")
    assert refused == (ExitCode.USAGE, "CONFIGURATION")
