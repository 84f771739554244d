"""`ai-infra admin`, on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from common.api_keys import SCOPES
from common.preflight import FOR_OPERATORS
from local.ports import free_ports
from tests.functions.caller import Caller
from tests.functions.command_line import CommandLine, operator
from tests.functions.installation import Installation

_numbers = count(1)


@pytest.fixture
def admin(installation: Installation) -> CommandLine:
    return operator(installation)


@pytest.fixture
def team(admin: CommandLine) -> str:
    """A team of the test's own, with a project `docs`."""
    name = f"team-{next(_numbers)}"
    admin.shown("admin", "team", "create", name)
    admin.shown("admin", "project", "create", name, "docs")
    return name


@pytest.fixture
def project(team: str) -> tuple[str, str]:
    return team, "docs"


def teams(admin: CommandLine) -> set[str]:
    return {each["name"] for each in admin.shown("admin", "team", "list")}


def projects(admin: CommandLine, team: str) -> set[str]:
    return {each["name"] for each in admin.shown("admin", "project", "list", "--team", team)}


def test_a_team_that_is_made_is_listed_and_one_that_is_deleted_is_not(admin: CommandLine) -> None:
    made = admin.shown("admin", "team", "create", "lighthouse keepers")
    assert made["taken_up"] == 0
    assert "lighthouse keepers" in teams(admin)
    assert admin.shown("admin", "team", "delete", made["id"], "--yes")["id"] == made["id"]
    assert "lighthouse keepers" not in teams(admin)


def test_a_name_that_is_taken_or_cannot_be_one_is_refused(admin: CommandLine, project: tuple[str, str]) -> None:
    assert admin.refused("admin", "team", "create", project[0]) == (ExitCode.FAILED, "ALREADY_EXISTS")
    assert admin.refused("admin", "project", "create", *project) == (ExitCode.FAILED, "ALREADY_EXISTS")
    assert admin.refused("admin", "team", "create", "a/b") == (ExitCode.FAILED, "INVALID_NAME")


@pytest.mark.parametrize(
    "arguments",
    [
        ("team", "delete", "nobody", "--yes"),
        ("project", "create", "nobody", "docs"),
        ("project", "list", "--team", "nobody"),
        ("project", "delete", "nobody", "docs", "--yes"),
        ("project", "set", "nobody", "docs", "--top-k", "3"),
        ("key", "create", "nobody", "key"),
        ("key", "list", "--team", "nobody"),
        ("key", "revoke", "nobody"),
    ],
)
def test_what_is_not_there_is_not_found(admin: CommandLine, arguments: tuple[str, ...]) -> None:
    assert admin.refused("admin", *arguments) == (ExitCode.NOT_FOUND, "NOT_FOUND")


def test_a_deletion_is_carried_out_only_if_it_is_agreed_to(admin: CommandLine, team: str) -> None:
    for typed in ("n\n", ""):
        declined = admin("admin", "team", "delete", team, typed=typed)
        assert declined.exit_code == ExitCode.FAILED
        assert "ABORTED" in declined.stderr
        assert team in teams(admin)
    agreed = admin("admin", "team", "delete", team, typed="y\n")
    assert (agreed.exit_code, agreed.stdout) == (ExitCode.OK, f"Team {team} is deleted.\n")
    assert team not in teams(admin)


def test_with_json_nobody_is_asked(admin: CommandLine, team: str) -> None:
    assert admin.refused("admin", "project", "delete", team, "docs") == (ExitCode.USAGE, "USAGE")
    assert projects(admin, team) == {"docs"}


def test_a_project_is_deleted_alone(admin: CommandLine, team: str) -> None:
    admin.shown("admin", "project", "create", team, "other")
    admin.shown("admin", "project", "delete", team, "docs", "--yes")
    assert projects(admin, team) == {"other"}


def test_settings_are_changed_one_by_one_and_unset(admin: CommandLine, project: tuple[str, str]) -> None:
    def changed(*options: object) -> dict[str, object]:
        settings: dict[str, object] = admin.shown("admin", "project", "set", *project, *options)["settings"]
        return settings

    assert changed("--top-k", 3, "--min-score", 0.25) == {"top_k": 3, "min_score": 0.25}
    assert changed("--system-prompt", "Be brief.", "--chunk-size", 48, "--chunk-overlap", 4, "--unset", "top_k") == {
        "min_score": 0.25,
        "system_prompt": "Be brief.",
        "chunk_size": 48,
        "chunk_overlap": 4,
    }
    listed = admin.shown("admin", "project", "list", "--team", project[0])
    assert listed[0]["settings"]["min_score"] == 0.25
    everything = [word for name in listed[0]["settings"] for word in ("--unset", name)]
    assert changed(*everything) == {}


def test_settings_out_of_their_limits_change_nothing(admin: CommandLine, project: tuple[str, str]) -> None:
    refused = admin.refused("admin", "project", "set", *project, "--top-k", 3, "--min-score", "nan")
    assert refused == (ExitCode.FAILED, "INVALID_SETTINGS")
    assert admin.shown("admin", "project", "list", "--team", project[0])[0]["settings"] == {}


@pytest.mark.parametrize("options", [(), ("--top-k", "3", "--unset", "top_k"), ("--unset", "colour")])
def test_settings_that_contradict_themselves_are_a_usage_error(
    admin: CommandLine, project: tuple[str, str], options: tuple[str, ...]
) -> None:
    assert admin.refused("admin", "project", "set", *project, *options) == (ExitCode.USAGE, "USAGE")


def test_a_new_key_alone_is_on_standard_output_and_opens_the_api(
    installation: Installation, admin: CommandLine, team: str
) -> None:
    made = admin("admin", "key", "create", team, "mine")
    assert made.exit_code == ExitCode.OK
    caller = Caller(installation.functions["api"], made.stdout.rstrip("\n"))
    assert [each["name"] for each in caller.get("/v1/projects")["projects"]] == ["docs"]
    assert made.stdout.strip() not in made.stderr
    assert made.stdout.strip() not in admin("admin", "key", "list").stdout


def test_a_key_has_every_scope_and_project_unless_limited(admin: CommandLine, team: str) -> None:
    wide = admin.shown("admin", "key", "create", team, "wide")
    assert (tuple(wide["scopes"]), wide["project"], wide["expires_at"]) == (SCOPES, None, None)
    narrow = admin.shown(
        "admin", "key", "create", team, "narrow", "--project", "docs", "--scope", "read", "--scope", "query",
        "--expires", "2099-01-31",
    )  # fmt: skip
    assert (narrow["scopes"], narrow["project"]) == (["read", "query"], "docs")
    assert narrow["expires_at"] == "2099-01-31T00:00:00Z"
    listed = admin.shown("admin", "key", "list", "--team", team)
    assert [each["key_id"] for each in listed] == [narrow["key_id"], wide["key_id"]]
    assert all("key" not in each and "key_hash" not in each for each in listed)


def test_a_key_expires_after_so_many_days(admin: CommandLine, team: str) -> None:
    before = datetime.now(UTC)
    made = admin.shown("admin", "key", "create", team, "short", "--expires", "90d")
    expires = datetime.fromisoformat(made["expires_at"])
    assert before <= expires - timedelta(days=90) <= datetime.now(UTC)


@pytest.mark.parametrize("options", [("--expires", "2001-01-01"), ("--expires", "soon"), ("--scope", "everything")])
def test_a_key_that_cannot_be_is_a_usage_error(admin: CommandLine, team: str, options: tuple[str, ...]) -> None:
    assert admin.refused("admin", "key", "create", team, "key", *options) == (ExitCode.USAGE, "USAGE")
    assert admin.shown("admin", "key", "list", "--team", team) == []


def test_a_revoked_key_opens_nothing(installation: Installation, admin: CommandLine, team: str) -> None:
    made = admin.shown("admin", "key", "create", team, "mine")
    assert admin.shown("admin", "key", "revoke", made["key_id"])["status"] == "revoked"
    caller = Caller(installation.functions["api"], made["key"])
    assert caller("GET", "/v1/projects").status_code == 401


def test_an_unrouted_object_is_listed_with_its_reason_and_taken_up_with_its_project(
    installation: Installation, admin: CommandLine
) -> None:
    team = f"late-{next(_numbers)}"
    name = f"{team}/docs/file.txt"
    generation = installation.upload(name, "The tower is 43 metres tall.")
    assert installation.accept("intake", installation.finalized(name, generation)) == []

    def waiting() -> list[str]:
        return [each["reason"] for each in admin.shown("admin", "unrouted") if each["object_name"] == name]

    assert len(waiting()) == 1
    table = admin("admin", "unrouted").stdout
    assert all(word in table for word in (f"gs://{installation.bucket}/{name}", *waiting()))
    assert admin.shown("admin", "team", "create", team)["taken_up"] == 0
    assert admin.shown("admin", "project", "create", team, "docs")["taken_up"] == 1
    installation.run()
    assert waiting() == []
    caller = installation.caller(team)
    assert [each["status"] for each in caller.get("/v1/projects/docs/documents")["documents"]] == ["ready"]


def test_how_far_a_reconciliation_has_come_is_shown(installation: Installation, admin: CommandLine) -> None:
    for name in "ab":
        installation.upload(f"nobody/docs/{name}.txt", "A text.")
    in_steps = installation.create("reconcile", reconcile_objects="1")["reconcile"]
    assert in_steps.post("/").status_code == 200

    def bucket() -> dict[str, Any]:
        [shown] = [each for each in admin.shown("admin", "progress") if each["task"] == "bucket"]
        return dict(shown)

    begun = bucket()
    assert (begun["examined"], begun["pass_finished_at"]) == (1, None)
    assert begun["cursor"] in admin("admin", "progress").stdout
    assert installation.functions["reconcile"].post("/").status_code == 200
    ended = bucket()
    assert (ended["cursor"], ended["pass_started_at"]) == ("", begun["pass_started_at"])
    assert ended["pass_finished_at"] == ended["updated_at"] > begun["updated_at"]


def test_a_person_is_shown_a_table(admin: CommandLine, team: str) -> None:
    lines = admin("admin", "project", "list", "--team", team).stdout.splitlines()
    assert lines[0].split() == ["ID", "TEAM", "NAME", "CREATED", "SETTINGS"]
    assert lines[1].split()[1:3] == [team, "docs"]
    assert len(lines) == 2


def test_a_missing_or_unusable_setting_is_a_usage_error(admin: CommandLine) -> None:
    for value in (None, "", "nowhere"):
        refused = admin.refused("admin", "team", "list", AI_INFRA_DATABASE_URL=value)
        assert refused == (ExitCode.USAGE, "CONFIGURATION")


def test_a_database_that_does_not_answer_is_unavailable(admin: CommandLine) -> None:
    url = f"postgresql+pg8000://operator@127.0.0.1:{free_ports(1)[0]}/nowhere"
    refused = admin.refused("admin", "team", "list", AI_INFRA_DATABASE_URL=url)
    assert refused == (ExitCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")


@pytest.mark.parametrize("login", ["api", "pipeline"])
@pytest.mark.parametrize(
    "command", [("team", "create", "intruders"), ("team", "list"), ("key", "list"), ("failed", "list")]
)
def test_another_role_may_not_administer(installation: Installation, login: str, command: tuple[str, ...]) -> None:
    refused = operator(installation, login).refused("admin", *command)
    assert refused == (ExitCode.USAGE, "CONFIGURATION")


def test_a_superuser_may_administer(installation: Installation, team: str) -> None:
    assert team in teams(operator(installation, "postgres"))


def test_a_check_asks_every_part_once(admin: CommandLine) -> None:
    checked = admin.shown("admin", "check", "--parts")["parts"]
    assert [each["part"] for each in checked] == [check.part for check in FOR_OPERATORS]
    assert all(each["answers"] for each in checked)


def test_a_check_says_in_a_sentence_what_does_not_answer(admin: CommandLine) -> None:
    ended = admin("admin", "check", AI_INFRA_UPLOAD_BUCKET="no-such-bucket")
    assert ended.exit_code == ExitCode.USAGE
    assert "There is no bucket no-such-bucket: see AI_INFRA_UPLOAD_BUCKET" in ended.stdout
    assert "Traceback" not in ended.output
