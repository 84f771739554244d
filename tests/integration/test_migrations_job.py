"""`python -m migrations` as its Cloud Run job runs it: over Cloud SQL's connector, by its service account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.errors import ConfigurationError
from common.setting import variable
from local.cloud_sql.names import database_user, email
from local.cloud_sql.stand_in import CloudSqlStandIn
from migrations.__main__ import CONNECT_ATTEMPTS, main
from migrations.accounts import check_vector_version
from tests.integration.managed_postgres import ManagedPostgres, managed_postgres
from tests.integration.released_statements import newest_revision

PROJECT = "migrations-job"
INSTANCE = f"{PROJECT}:europe-west4:main"
ACCOUNT = "ai-infra-migrations"
API = database_user(email("ai-infra-api", PROJECT))
DATABASE = "ai_infra"


@dataclass(frozen=True)
class Job:
    """What the job finds; `pauses` are those that it made."""

    stand_in: CloudSqlStandIn
    environment: Mapping[str, str]
    pauses: list[float]

    def run(self, **changes: str) -> int:
        return main({**self.environment, **changes}, sleep=self.pauses.append)


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedPostgres]:
    with managed_postgres(tmp_path_factory.mktemp("job"), database_user(email(ACCOUNT, PROJECT))) as managed:
        managed.create_database(DATABASE)
        managed.create_users([API])
        yield managed


@pytest.fixture
def job(managed: ManagedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    settings = {
        "region": "europe-west4",
        "cloud_sql_instance": INSTANCE,
        "cloud_sql_user": managed.migrator,
        "cloud_sql_database": DATABASE,
        "database_logins": json.dumps({API: "ai_infra_api"}),
    }
    with CloudSqlStandIn(INSTANCE, postgres_port=managed.server.port, names=[ACCOUNT], keys=tmp_path) as stand_in:
        settings["cloud_sql_api_endpoint"] = stand_in.endpoint
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / f"{ACCOUNT}.json"))
        yield Job(stand_in, {variable(name): value for name, value in settings.items()}, [])


def test_the_job_migrates_and_the_next_one_has_nothing_to_do(job: Job, root: Path) -> None:
    environment = {**os.environ, **job.environment}
    command = [sys.executable, "-m", "migrations"]
    first, second = (
        subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=60)
        for _ in range(2)
    )
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith(f"The database is at {newest_revision()} (before: None).")
    assert f'grant ai_infra_api to "{API}"' in first.stdout
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout == f"The database is at {newest_revision()} already, and every login has its group.\n"


def test_a_role_that_was_granted_a_moment_ago_is_waited_for(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    clients = job.stand_in.accounts.clients
    account = email(ACCOUNT, PROJECT)
    clients.remove(account)

    def granted_meanwhile(_: float) -> None:
        clients.add(account)

    assert main(job.environment, sleep=granted_meanwhile) == 0
    assert "Not yet: " in capsys.readouterr().err


def test_an_account_that_stays_unknown_ends_the_job_with_a_sentence(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    job.stand_in.accounts.clients.clear()
    assert job.run() == 1
    assert len(job.pauses) == CONNECT_ATTEMPTS - 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "needs roles/cloudsql.client" in last


def test_a_statement_may_take_longer_than_a_function_waits(job: Job) -> None:
    assert job.run(AI_INFRA_REMOTE_SECONDS="0.001") == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"AI_INFRA_CLOUD_SQL_INSTANCE": ""}, "Set AI_INFRA_CLOUD_SQL_INSTANCE"),
        ({"AI_INFRA_DATABASE_LOGINS": ""}, "Set AI_INFRA_DATABASE_LOGINS"),
        ({"AI_INFRA_DATABASE_LOGINS": "api"}, "AI_INFRA_DATABASE_LOGINS cannot be used (JSON is malformed"),
        ({"AI_INFRA_DATABASE_LOGINS": '{"a": ["ai_infra_api"]}'}, "AI_INFRA_DATABASE_LOGINS cannot be used (Expected"),
        (
            {"AI_INFRA_DATABASE_LOGINS": '{"a": "cloudsqlsuperuser"}'},
            "AI_INFRA_DATABASE_LOGINS names cloudsqlsuperuser; there are ai_infra_api",
        ),
        ({"AI_INFRA_DATABASE_LOGINS": '{"nobody": "ai_infra_api"}'}, "no user of the database server: nobody"),
    ],
)
def test_what_is_wrong_ends_the_job_with_one_sentence(
    job: Job, capsys: pytest.CaptureFixture[str], changes: dict[str, str], sentence: str
) -> None:
    assert job.run(**changes) == 1
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert sentence in line


def test_a_refusal_of_the_server_is_told_in_its_words(
    job: Job, managed: ManagedPostgres, capsys: pytest.CaptureFixture[str]
) -> None:
    managed.create_database("occupied")
    managed.execute("occupied", "create type source_type as enum ('other')")
    assert job.run(AI_INFRA_CLOUD_SQL_DATABASE="occupied") == 1
    said = capsys.readouterr().err
    assert said == 'The migration failed and was rolled back: type "source_type" already exists\n'


@pytest.mark.parametrize(
    ("installed", "available", "wanted"),
    [
        (None, None, "offers pgvector not at all"),
        (None, "0.7.4", "offers pgvector 0.7.4"),
        ("0.7.4", "0.8.1", "run ALTER EXTENSION vector UPDATE"),
        ("0.8.0", "0.10.0", None),
        (None, "1.0", None),
    ],
)
def test_a_pgvector_that_searches_cannot_work_with_is_refused(
    installed: str | None, available: str | None, wanted: str | None
) -> None:
    if wanted is None:
        check_vector_version(installed, available)
        return
    with pytest.raises(ConfigurationError, match=wanted):
        check_vector_version(installed, available)
