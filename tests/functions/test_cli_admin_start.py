"""`ai-infra admin start`, `smoke`, and keys that are handed over as secrets: what follows a deployment."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from cli import admin_smoke
from cli.exit_codes import ExitCode
from common.bootstrap import Application
from common.errors import ConfigurationError
from local.ports import free_ports
from tests.functions.caller import Caller
from tests.functions.command_line import CommandLine, operator
from tests.functions.installation import Installation
from tests.functions.serving import served, working

_numbers = count(1)


class KeptSecrets:
    """See `common.administration.Secrets`: in memory, and refused while `refuses`."""

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self.refuses = False

    def add(self, name: str, value: str) -> str:
        if self.refuses:
            raise ConfigurationError("This account may add no version.")
        self.values.setdefault(name, []).append(value)
        return f"projects/p/secrets/{name}/versions/{len(self.values[name])}"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> KeptSecrets:
    kept = KeptSecrets()
    monkeypatch.setattr(Application, "secrets", kept)
    return kept


@pytest.fixture
def admin(installation: Installation) -> CommandLine:
    return operator(installation)


@pytest.fixture
def team() -> str:
    """The name of a team that there is not."""
    return f"new-{next(_numbers)}"


@pytest.fixture(scope="module")
def url(installation: Installation) -> Iterator[str]:
    with served(installation) as url:
        yield url


def projects(installation: Installation, key: str) -> list[str]:
    """What the API shows the key's holder."""
    return [each["name"] for each in Caller(installation.functions["api"], key).get("/v1/projects")["projects"]]


def statuses(admin: CommandLine, team: str) -> list[tuple[str, str]]:
    return [(each["name"], each["status"]) for each in admin.shown("admin", "key", "list", "--team", team)]


def test_a_start_makes_all_that_a_first_question_needs(
    installation: Installation, admin: CommandLine, team: str
) -> None:
    started = admin("admin", "start", team, "docs")
    assert started.exit_code == ExitCode.OK
    assert projects(installation, started.stdout.strip()) == ["docs"]
    assert started.stdout.strip() not in started.stderr


def test_a_start_that_is_repeated_changes_nothing(admin: CommandLine, team: str, secrets: KeptSecrets) -> None:
    first = admin.shown("admin", "start", team, "docs", "--to-secret", "issued")
    again = admin.shown("admin", "start", team, "docs", "--to-secret", "issued")
    assert again["key_id"] == first["key_id"]
    assert (first["secret"], "secret" in again) == ("projects/p/secrets/issued/versions/1", False)
    assert len(secrets.values["issued"]) == 1
    assert "is there already: nothing was made" in admin("admin", "start", team, "docs").stdout


def test_a_start_goes_on_where_an_earlier_one_ended(installation: Installation, admin: CommandLine, team: str) -> None:
    admin.shown("admin", "team", "create", team)
    key = admin.shown("admin", "start", team, "docs")["key"]
    admin.shown("admin", "key", "revoke", admin.shown("admin", "start", team, "more")["key_id"])
    new = admin.shown("admin", "start", team, "more")["key"]
    assert new != key
    assert set(projects(installation, new)) == {"docs", "more"}


def test_a_start_takes_up_what_waited_for_its_place(installation: Installation, admin: CommandLine, team: str) -> None:
    name = f"{team}/docs/file.txt"
    generation = installation.upload(name, "The tower is 43 metres tall.")
    assert installation.accept("intake", installation.finalized(name, generation)) == []
    key = admin.shown("admin", "start", team, "docs")["key"]
    installation.run()
    documents = Caller(installation.functions["api"], key).get("/v1/projects/docs/documents")["documents"]
    assert [each["status"] for each in documents] == ["ready"]


def test_a_start_by_names_that_cannot_be_is_refused(admin: CommandLine) -> None:
    assert admin.refused("admin", "start", "a/b", "docs") == (ExitCode.FAILED, "INVALID_NAME")


@pytest.mark.parametrize("command", [("key", "create", "{team}", "ci"), ("start", "{team}", "docs")])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_key_that_becomes_a_secret_is_printed_nowhere(
    installation: Installation,
    admin: CommandLine,
    team: str,
    secrets: KeptSecrets,
    command: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    if command[0] == "key":
        admin.shown("admin", "team", "create", team)
        admin.shown("admin", "project", "create", team, "docs")
    words = [word.format(team=team) for word in command]
    made = admin("admin", *words, "--to-secret", "issued", *(["--json"] if as_json else []))
    assert made.exit_code == ExitCode.OK
    [key] = secrets.values["issued"]
    assert projects(installation, key) == ["docs"]
    assert key not in made.output
    assert "projects/p/secrets/issued/versions/1" in made.stdout


def test_a_key_that_could_not_be_handed_over_opens_nothing_and_the_next_start_makes_another(
    admin: CommandLine, team: str, secrets: KeptSecrets
) -> None:
    secrets.refuses = True
    refused = admin.refused("admin", "start", team, "docs", "--to-secret", "issued")
    assert refused == (ExitCode.USAGE, "CONFIGURATION")
    assert statuses(admin, team) == [("first", "revoked")]
    secrets.refuses = False
    admin.shown("admin", "start", team, "docs", "--to-secret", "issued")
    assert statuses(admin, team) == [("first", "active"), ("first", "revoked")]


def test_an_installation_that_answers_passes_the_smoke_test_again_and_again(
    installation: Installation, admin: CommandLine, url: str
) -> None:
    with working(installation):
        first, second = (admin("admin", "smoke", AI_INFRA_URL=url) for _ in range(2))
    for ended in (first, second):
        assert ended.exit_code == ExitCode.OK, ended.output
        assert "amber" in ended.stdout
    assert statuses(admin, admin_smoke.NAME) == [("smoke-test", "revoked")] * 2
    documents = "select count(*) as left from documents where title = 'Smoke test' and deleted_generation is null"
    assert installation.row(documents)["left"] == 0
    assert "aik_" not in first.output


def test_an_answer_that_does_not_quote_the_document_fails_the_smoke_test(
    installation: Installation, admin: CommandLine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_smoke, "QUESTION", "Who won the chess championship in Buenos Aires?")
    with working(installation):
        ended = admin("admin", "smoke", AI_INFRA_URL=url)
    assert ended.exit_code == ExitCode.NO_ANSWER
    assert ended.stdout.startswith("No answer: ")


def test_a_document_that_fails_fails_the_smoke_test(
    installation: Installation, admin: CommandLine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_smoke, "_TEXT", " \n")
    with working(installation):
        ended = admin("admin", "smoke", AI_INFRA_URL=url)
    assert ended.exit_code == ExitCode.INGESTION_FAILED
    assert "NO_TEXT" in ended.stdout


def test_a_document_that_is_never_ready_ends_the_smoke_test(
    admin: CommandLine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_smoke, "READY_SECONDS", 0.0)
    assert admin.refused("admin", "smoke", AI_INFRA_URL=url) == (ExitCode.UNAVAILABLE, "NOT_READY")
    assert all(status == "revoked" for _, status in statuses(admin, admin_smoke.NAME))


def test_an_api_that_does_not_answer_fails_the_smoke_test(admin: CommandLine) -> None:
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    assert admin.refused("admin", "smoke", AI_INFRA_URL=nowhere) == (ExitCode.UNAVAILABLE, "UNREACHABLE")
    assert admin.refused("admin", "smoke", AI_INFRA_URL=None) == (ExitCode.USAGE, "CONFIGURATION")
