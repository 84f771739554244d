"""The functions as Google Cloud runs them: from `./dev package`, on nothing but what its `uv sync` installs."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from bench.profiles import environment
from common.setting import variable
from deployment.archive import archive
from local.functions import Functions
from local.ports import LOOPBACK, free_ports
from local.process import Command
from local.storage import Notifications, start_storage
from tests.conftest import TestDatabase
from tests.e2e.conftest import show
from tests.functions.events import event
from tests.functions.installation import SETTINGS, Installation, installed
from tests.functions.texts import HANDBOOK
from tests.functions.topics import PROJECT, recorded_topics

pytestmark = pytest.mark.full

# These run on the test's own database, storage and topics.
LOCAL = ("intake", "record", "retire", "dead_letter", "reconcile")
# These need MiniLM there, which is no part of the package: they run in profile `gcp`, and connect nowhere.
CLOUD = ("chunk", "embed", "api")
# Without bytecode, which adds some 150 MB to the 600 that are allowed in all.
MOST_MEGABYTES = 440
VARIABLES_OF_THE_CHECKOUT = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH", "PYTHONHOME")


@dataclass(frozen=True)
class Package:
    """The unpacked archive and the environment that was installed for it."""

    folder: Path
    environment: Path

    @property
    def site_packages(self) -> Path:
        return self.environment / "lib" / "python3.13" / "site-packages"

    def distributions(self) -> set[str]:
        return {normal(folder.name.partition("-")[0]) for folder in self.site_packages.glob("*.dist-info")}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def uv(root: Path) -> str:
    """The same that `./dev` uses."""
    return shutil.which("uv") or str(root / ".dev" / "uv" / "bin" / "uv")


@pytest.fixture(scope="module")
def package(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Unpacked and installed by the two commands of Google's Python buildpack, with the same options."""
    made = Package(tmp_path_factory.mktemp("workspace"), tmp_path_factory.mktemp("layer") / ".venv")
    with zipfile.ZipFile(io.BytesIO(archive(root))) as packed:
        packed.extractall(made.folder)
    variables = {name: value for name, value in os.environ.items() if name not in VARIABLES_OF_THE_CHECKOUT}
    variables["VIRTUAL_ENV"] = str(made.environment)
    # The buildpack names its only Python by version; here there may be several.
    python = f"{sys.base_prefix}/bin/python3.13"
    for arguments in (["venv", str(made.environment)], ["sync", "--active", "--link-mode=copy"]):
        options = ["--directory", str(made.folder), "--python", python]
        subprocess.run([uv(root), *arguments, *options], cwd=root, env=variables, check=True)
    return made


@pytest.fixture(scope="module")
def installation(
    root: Path, database: TestDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    with recorded_topics(root) as topics:
        pubsub_port, port = int(topics.host.rpartition(":")[2]), *free_ports(1)
        nobody = Notifications(pubsub_port=pubsub_port, project=PROJECT, topic="object-events", bucket="no-such-bucket")
        folder = tmp_path_factory.mktemp("package-storage")
        with (
            start_storage(folder, port=port, notifications=nobody, log=show) as storage,
            installed(database, topics, storage.endpoint) as parts,
        ):
            parts.project("acme", "docs")
            yield parts


@pytest.fixture(scope="module")
def urls(
    package: Package, installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The packaged functions, running."""
    settings = {
        **SETTINGS,
        "upload_bucket": installation.bucket,
        "extraction_bucket": installation.extraction_bucket,
        "database_url": installation.database.url("pipeline"),
    }
    local = {variable(name): value for name, value in settings.items()} | {
        "STORAGE_EMULATOR_HOST": os.environ["STORAGE_EMULATOR_HOST"],
        "PUBSUB_EMULATOR_HOST": installation.topics.host,
    }
    environments = dict.fromkeys(LOCAL, local) | dict.fromkeys(
        CLOUD, environment("gcp", tmp_path_factory.mktemp("gcp"))
    )
    ports = dict(zip(environments, free_ports(len(environments)), strict=True))
    commands = {port: command(package, name, port, environments[name]) for name, port in ports.items()}
    with Functions(commands, logs=tmp_path_factory.mktemp("logs"), log=show) as functions:
        functions.wait_until_ready()
        yield {name: f"http://{LOOPBACK}:{port}/" for name, port in ports.items()}


def command(package: Package, name: str, port: int, variables: Mapping[str, str]) -> Command:
    """As in the image, where the web process is `functions-framework` in the unpacked archive; but on loopback."""
    program = package.environment / "bin" / "functions-framework"
    source = f"functions/{name}/main.py"
    return Command(
        name=name,
        arguments=(
            str(program), "--target", "main", "--source", source, "--host", LOOPBACK, "--port", str(port),
        ),
        environment={"PATH": f"{package.environment / 'bin'}:{os.defpath}", **variables},
        directory=package.folder,
    )  # fmt: skip


def push(url: str, body: Mapping[str, Any]) -> None:
    answered = requests.post(url, json=body, timeout=30)
    assert answered.status_code == 204, answered.text


def test_a_document_goes_its_way_through_the_packaged_functions(
    installation: Installation, urls: dict[str, str]
) -> None:
    name = "acme/docs/handbook.md"
    generation = installation.upload(name, HANDBOOK)
    installation.topics.take()
    push(urls["intake"], installation.finalized(name, generation, size=str(len(HANDBOOK))))
    [registered] = installation.topics.take()
    [*batches] = installation.accept("chunk", registered.body)
    for batch in batches:
        [embedded] = installation.accept("embed", batch.body)
        push(urls["record"], embedded.body)
    document = installation.document(registered.content["document_id"])
    assert (document["status"], document["active_job_id"]) == ("ready", document["wanted_job_id"])

    push(urls["retire"], installation.deleted(name, generation))
    document = installation.document(document["id"])
    assert (document["deleted_generation"], document["active_job_id"]) == (generation, None)


def test_the_packaged_dead_letter_function_keeps_a_message(installation: Installation, urls: dict[str, str]) -> None:
    push(urls["dead_letter"], event("dead-letter"))
    [kept] = installation.rows("select message_id from failed_messages")
    assert kept["message_id"] == event("dead-letter")["message"]["messageId"]


def test_the_packaged_reconcile_function_finds_what_nobody_was_told_of(
    installation: Installation, urls: dict[str, str]
) -> None:
    installation.upload("acme/docs/forgotten.md", HANDBOOK)
    answered = requests.post(urls["reconcile"], timeout=30)
    assert (answered.status_code, answered.json()["objects"]) == (200, 1), answered.text


@pytest.mark.parametrize("name", [name for name in LOCAL + CLOUD if name not in {"reconcile", "api"}])
def test_a_packaged_function_refuses_what_is_no_push(urls: dict[str, str], name: str) -> None:
    answered = requests.post(urls[name], json={"no": "push"}, timeout=30)
    assert answered.status_code == 400
    assert answered.text.startswith("This is not a Pub/Sub push")


def test_the_packaged_api_asks_for_a_key(urls: dict[str, str]) -> None:
    answered = requests.get(f"{urls['api']}v1/projects", timeout=30)
    assert (answered.status_code, answered.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_every_function_is_packaged(root: Path) -> None:
    assert {*LOCAL, *CLOUD} == {file.parent.name for file in (root / "functions").glob("*/main.py")}


def test_no_package_of_the_groups_is_installed(package: Package, root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted, *groups = (
        {normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in requirements}
        for requirements in (project["project"]["dependencies"], *project["dependency-groups"].values())
    )
    found = package.distributions()
    assert {"ai-infra", *wanted} <= found
    assert found & set().union(*groups) <= wanted


def test_what_is_installed_is_what_was_locked(package: Package, root: Path) -> None:
    assert (package.folder / "uv.lock").read_bytes() == (root / "uv.lock").read_bytes()


def test_the_installed_packages_are_small_enough(package: Package) -> None:
    files = (file for file in package.environment.rglob("*") if file.suffix != ".pyc" and not file.is_symlink())
    megabytes = sum(file.stat().st_size for file in files if file.is_file()) / 1e6
    show(f"{megabytes:.0f} MB are installed, without bytecode")
    assert 100 < megabytes < MOST_MEGABYTES
