"""`ai-infra admin check --parts` in profile `gcp`: what is set or permitted wrongly is a sentence that names it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result
from grpc import StatusCode

from cli.exit_codes import ExitCode
from common.preflight import FOR_OPERATORS
from common.setting import variable
from local.cloud_sql.names import database_user, email
from local.topology import read_topology
from local.vertex.faults import Fault
from tests.conftest import TestDatabase
from tests.functions.command_line import CommandLine
from tests.integration.faulty_cloud import PROJECT, VERTEX, FaultyCloud, faulty_cloud
from tests.integration.faulty_firestore import answers
from tests.unit.answering_server import answering, said

ELSEWHERE = f"projects/{PROJECT}/locations/us-central1"
SEARCH = "search in the vector index"
PARTS = tuple(check.part for check in FOR_OPERATORS)
NEEDED = ("google_project", "upload_bucket", "extraction_bucket", "region", "cloud_sql_instance", "cloud_sql_user")

pytestmark = pytest.mark.full


@dataclass(frozen=True)
class Cloud:
    """What stands in for Google Cloud, and the command line of an operator who uses it."""

    parts: FaultyCloud
    command_line: CommandLine

    def check(self, **changes: str) -> Result:
        """The command with these settings changed."""
        settings = {variable(name): value for name, value in changes.items()}
        return self.command_line("admin", "check", "--parts", **settings)

    def wrong(self, **changes: str) -> dict[str, str]:
        """What the check says of each part that does not answer, after it ended as it has to."""
        return problems(self.check(**changes))


def problems(result: Result) -> dict[str, str]:
    assert result.exit_code == ExitCode.USAGE, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stderr == ""
    header, *lines = result.stdout.splitlines()
    assert header.split() == ["PART", "STATE"]
    states = {part: line.removeprefix(part).strip() for part, line in zip(PARTS, lines, strict=True)}
    found = {part: state for part, state in states.items() if state != "answers"}
    assert all(state.count("AI_INFRA_") and "Traceback" not in state for state in found.values()), found
    return found


@pytest.fixture(scope="module")
def running(root: Path, database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    topology = read_topology(root / "infra" / "topology.yaml")
    with faulty_cloud(database, topology, tmp_path_factory.mktemp("cloud")) as parts:
        yield Cloud(parts, CommandLine(parts.environment))


@pytest.fixture
def cloud(running: Cloud) -> Iterator[Cloud]:
    """Every part answers."""
    yield running
    running.parts.mend()


def test_with_the_right_settings_every_part_answers(cloud: Cloud) -> None:
    result = cloud.check()
    assert (result.exit_code, result.stderr) == (ExitCode.OK, "")
    assert [line.split()[-1] for line in result.stdout.splitlines()[1:]] == ["answers"] * len(PARTS)


@pytest.mark.parametrize("name", NEEDED)
def test_a_variable_that_is_not_set_ends_the_command_with_its_name(cloud: Cloud, name: str) -> None:
    result = cloud.check(**{name: ""})
    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert f"Set {variable(name)}: " in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"vector_index_name": ""},
        {"vector_index_domain": ""},
        {"deployed_index": ""},
        {"vector_index_endpoint": "chunks"},
        {"remote_seconds": "soon"},
        {"profile": "google"},
        {"vertex_endpoint": "203.0.113.5:443"},
        {"cloud_sql_instance": "main"},
        {"cloud_sql_ip_type": "ANY"},
        {"cloud_sql_api_endpoint": "http://203.0.113.5"},
        {"embedding_model_spec": "{"},
        {"region": "us-central1"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_setting_that_cannot_be_used_is_named_in_one_line(cloud: Cloud, changes: dict[str, str]) -> None:
    result = cloud.check(**changes)
    assert result.exit_code == ExitCode.USAGE, result.output
    assert isinstance(result.exception, SystemExit)
    [(name, _)] = changes.items()
    said_of = [line for line in (*result.stderr.splitlines(), *result.stdout.splitlines()) if variable(name) in line]
    assert said_of
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"google_project": "another"}, {"embedder", "generator"}),
        (
            {
                "region": "us-central1",
                "vector_index_name": f"{ELSEWHERE}/indexes/chunks",
                "vector_index_endpoint": f"{ELSEWHERE}/indexEndpoints/chunks",
            },
            {"embedder", SEARCH, "generator"},
        ),
        ({"vector_index_endpoint": f"{VERTEX.parent}/indexEndpoints/none"}, {SEARCH}),
        ({"deployed_index": "none"}, {SEARCH}),
        ({"embedding_model": "text-embedding-none"}, {"embedder", SEARCH}),
        ({"generation_model": "gemini-none"}, {"generator"}),
        ({"cloud_sql_instance": f"{PROJECT}:europe-west4:none"}, {"database"}),
        ({"cloud_sql_instance": f"{PROJECT}:us-central1:main"}, {"database"}),
        ({"cloud_sql_user": database_user(email("nobody", PROJECT))}, {"database"}),
        ({"cloud_sql_database": "none"}, {"database"}),
        ({"cloud_sql_ip_type": "PUBLIC"}, {"database"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_named_by_the_parts_that_it_concerns_and_by_no_other(
    cloud: Cloud, changes: dict[str, str], parts: set[str]
) -> None:
    found = cloud.wrong(**changes)
    assert found.keys() == parts
    assert all(variable(next(iter(changes))) in state for state in found.values()), found


def test_a_bucket_that_is_not_there_is_named_with_its_settings(cloud: Cloud) -> None:
    result = cloud.check(upload_bucket="none")
    assert result.exit_code == ExitCode.USAGE
    assert "There is no bucket none: see AI_INFRA_UPLOAD_BUCKET" in result.stdout


@pytest.mark.parametrize("code", [StatusCode.PERMISSION_DENIED, StatusCode.UNAUTHENTICATED])
@pytest.mark.parametrize(
    ("method", "part"),
    [
        ("Predict", "embedder"),
        ("FindNeighbors", SEARCH),
        ("GenerateContent", "generator"),
    ],
)
def test_a_permission_on_vertex_ai_that_is_missing_is_named_with_its_role(
    cloud: Cloud, method: str, part: str, code: StatusCode
) -> None:
    cloud.parts.vertex.faults.add(method, Fault(code=code))
    found = cloud.wrong()
    assert found.keys() == {part}
    assert "roles/aiplatform.user" in found[part]


@pytest.mark.parametrize(
    ("code", "named"),
    [
        (StatusCode.PERMISSION_DENIED, "roles/datastore.user in AI_INFRA_GOOGLE_PROJECT"),
        (StatusCode.NOT_FOUND, "AI_INFRA_FIRESTORE_DATABASE"),
        (StatusCode.FAILED_PRECONDITION, "AI_INFRA_FIRESTORE_DATABASE"),
    ],
)
def test_firestore_names_the_role_or_the_database(cloud: Cloud, code: StatusCode, named: str) -> None:
    cloud.parts.firestore.before.append(answers(code))
    found = cloud.wrong()
    assert found.keys() == {"reads of chunk texts"}
    assert named in found["reads of chunk texts"]


@pytest.mark.parametrize("code", [401, 403])
def test_a_permission_on_the_buckets_that_is_missing_is_named_with_its_settings(cloud: Cloud, code: int) -> None:
    with answering() as storage:
        storage.answer(said({"error": {"code": code, "message": "storage.objects.list denied"}}, code))
        changed = {**cloud.command_line.environment, "STORAGE_EMULATOR_HOST": storage.url}
        found = problems(CommandLine(changed)("admin", "check", "--parts"))
    assert found.keys() == {"upload bucket", "extraction bucket"}
    for state in found.values():
        assert "AI_INFRA_UPLOAD_BUCKET" in state


def test_an_account_without_a_right_to_the_database_is_told_its_role(cloud: Cloud) -> None:
    nobody = {**cloud.command_line.environment, "GOOGLE_APPLICATION_CREDENTIALS": str(cloud.parts.keys / "nobody.json")}
    found = problems(CommandLine(nobody)("admin", "check", "--parts"))
    assert found.keys() == {"database"}
    assert "AI_INFRA_CLOUD_SQL_USER" in found["database"]


def test_without_an_account_the_check_ends_with_what_to_set(cloud: Cloud, tmp_path: Path) -> None:
    missing = {**cloud.command_line.environment, "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none.json")}
    result = CommandLine(missing)("admin", "check", "--parts")
    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert "set GOOGLE_APPLICATION_CREDENTIALS" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "fault", [Fault(code=StatusCode.UNAVAILABLE), Fault(code=StatusCode.RESOURCE_EXHAUSTED, retry_after=9.0)]
)
def test_what_passes_by_itself_is_no_wrong_setting(cloud: Cloud, fault: Fault) -> None:
    cloud.parts.vertex.faults.add("Predict", fault, times=100)
    result = cloud.check()
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert "AI_INFRA" not in result.stdout
