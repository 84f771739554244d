"""The functions as Google Cloud has them: from `./dev package`, on nothing but what its `uv sync` installs."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests

from common.adapters.postgres.administration import PostgresAdministration
from common.setting import variable
from deployment.archive import archive
from local.cloud_parts import CloudParts, cloud_parts
from local.functions import Functions
from local.ports import LOOPBACK, free_ports
from local.process import Command
from local.schema import add_logins, iam_logins
from local.storage import Notifications, create_buckets, start_storage, storage_client
from tests.conftest import TestDatabase, show
from tests.functions.installation import SETTINGS, Installation
from tests.functions.topics import PROJECT, Published, recorded_topics

VARIABLES_OF_THE_CHECKOUT = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH", "PYTHONHOME")


@dataclass(frozen=True)
class Package:
    """The unpacked archive and the environment that was installed for it."""

    folder: Path
    environment: Path

    @classmethod
    def installed(cls, root: Path, folder: Path, environment: Path, **build: str) -> Self:
        """Unpacked and installed by the two commands of Google's Python buildpack, with the same options.

        `build` are the build's variables: `chunk` has none that matters here.
        """
        with zipfile.ZipFile(io.BytesIO(archive(root))) as packed:
            packed.extractall(folder)
        variables = {name: value for name, value in os.environ.items() if name not in VARIABLES_OF_THE_CHECKOUT}
        variables |= {"VIRTUAL_ENV": str(environment), **build}
        # The same uv that `./dev` uses.
        uv = shutil.which("uv") or str(root / ".dev" / "uv" / "bin" / "uv")
        # The buildpack names its only Python by version; here there may be several.
        python = f"{sys.base_prefix}/bin/python3.13"
        for arguments in (["venv", str(environment)], ["sync", "--active", "--link-mode=copy"]):
            options = ["--directory", str(folder), "--python", python]
            subprocess.run([uv, *arguments, *options], cwd=root, env=variables, check=True)
        return cls(folder, environment)

    @property
    def functions(self) -> list[str]:
        return sorted(file.parent.name for file in self.folder.glob("functions/*/main.py"))

    @property
    def distributions(self) -> set[str]:
        site_packages = self.environment / "lib" / "python3.13" / "site-packages"
        return {normal(folder.name.partition("-")[0]) for folder in site_packages.glob("*.dist-info")}

    def command(self, name: str, port: int, variables: Mapping[str, str]) -> Command:
        """As in the image, where the web process is `functions-framework` in the unpacked archive; but on loopback."""
        program = self.environment / "bin" / "functions-framework"
        source = f"functions/{name}/main.py"
        return Command(
            name=name,
            arguments=(
                str(program), "--target", "main", "--source", source, "--host", LOOPBACK, "--port", str(port),
            ),
            environment={"PATH": f"{self.environment / 'bin'}:{os.defpath}", **variables},
            directory=self.folder,
        )  # fmt: skip


def normal(name: str) -> str:
    """The name of a distribution as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class RunningPackage:
    """The packaged functions by their addresses; `installation` is what they work on and calls none of them itself."""

    installation: Installation
    urls: Mapping[str, str]

    def accept(self, name: str, body: Mapping[str, Any]) -> list[Published]:
        """Push this to the function, which must acknowledge it; returns what it published."""
        answered = requests.post(self.urls[name], json=body, timeout=60)
        assert answered.status_code == 204, answered.text
        return self.installation.topics.take()


@contextmanager
def running(package: Package, *, root: Path, database: TestDatabase, folder: Path) -> Iterator[RunningPackage]:
    """All functions of the package in profile `gcp`, each as a service account of its own, on the stand-ins.

    The stand-ins run from the checkout: they need packages that are not installed for the functions.
    """
    with ExitStack() as parts:
        installation = parts.enter_context(_installation(root, database, folder))
        add_logins(installation.owner, iam_logins(package.functions, PROJECT))
        vertex, firestore, cloud_sql, *ports = free_ports(3 + len(package.functions))
        cloud = parts.enter_context(
            cloud_parts(
                folder,
                ports={
                    "postgres": database.server.port,
                    "vertex": vertex,
                    "firestore": firestore,
                    "cloud_sql": cloud_sql,
                },
                accounts=package.functions,
                checkout=root,
                logs=folder / "logs",
                log=show,
            )
        )
        commands = {
            port: package.command(name, port, _variables(installation, cloud, name))
            for name, port in zip(package.functions, ports, strict=True)
        }
        functions = parts.enter_context(Functions(commands, logs=folder / "logs", log=show))
        functions.wait_until_ready()
        yield RunningPackage(
            installation, {command.name: f"http://{LOOPBACK}:{port}/" for port, command in commands.items()}
        )


@contextmanager
def _installation(root: Path, database: TestDatabase, folder: Path) -> Iterator[Installation]:
    """Topics and buckets on the emulators; nobody is told of an object but by the test."""
    with recorded_topics(root) as topics, ExitStack() as parts:
        pubsub_port, port = int(topics.host.rpartition(":")[2]), *free_ports(1)
        nobody = Notifications(pubsub_port=pubsub_port, project=PROJECT, topic="object-events", bucket="no-such-bucket")
        server = parts.enter_context(start_storage(folder, port=port, notifications=nobody, log=show))
        storage = parts.enter_context(closing(storage_client(server.endpoint, PROJECT)))
        buckets = ("uploads", "extractions")
        create_buckets(storage, buckets)
        owner, operator = database.engine(), database.engine("operator")
        parts.callback(owner.dispose)
        parts.callback(operator.dispose)
        yield Installation(database, topics, storage, *buckets, owner, PostgresAdministration(operator))


def _variables(installation: Installation, cloud: CloudParts, name: str) -> dict[str, str]:
    settings = {
        **SETTINGS,
        "profile": "gcp",
        "upload_bucket": installation.bucket,
        "extraction_bucket": installation.extraction_bucket,
        "cloud_sql_database": installation.database.name,
        **cloud.settings(name),
    }
    return {variable(field): value for field, value in settings.items()} | {
        "STORAGE_EMULATOR_HOST": installation.storage.api_endpoint,
        "PUBSUB_EMULATOR_HOST": installation.topics.host,
        **cloud.variables(name),
    }
