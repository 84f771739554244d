"""What stands in for Google Cloud's own parts in profile `gcp`: Vertex AI, Firestore, Cloud SQL."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from local.cloud_counts import CloudCounts
from local.cloud_sql.names import database_user, email
from local.firestore import FirestoreServer, start_firestore
from local.ports import LOOPBACK
from local.process import ChildProcess, Command, Log, line_printed, start
from local.settings import PROJECT
from local.vertex.counting import counts_of
from local.vertex.settings import Settings as VertexSettings

INSTANCE = f"{PROJECT}:europe-west4:main"
VERTEX = VertexSettings(project=PROJECT)
START_SECONDS = 60.0


@dataclass(frozen=True)
class CloudParts:
    """The running stand-ins. `keys` holds a service account's key for each function, NAME.json."""

    processes: tuple[ChildProcess, ...]
    vertex_address: str
    firestore: FirestoreServer
    cloud_sql_port: int
    keys: Path

    def settings(self, account: str) -> dict[str, str]:
        """Settings of profile `gcp`, by their fields, for what runs as this service account."""
        return {
            "region": VERTEX.region,
            "vertex_endpoint": self.vertex_address,
            "vector_index_name": VERTEX.index_name,
            "vector_index_endpoint": VERTEX.index_endpoint_name,
            "vector_index_domain": self.vertex_address,
            "deployed_index": VERTEX.deployed_index,
            "cloud_sql_instance": INSTANCE,
            "cloud_sql_user": database_user(email(account, PROJECT)),
            "cloud_sql_api_endpoint": f"http://{LOOPBACK}:{self.cloud_sql_port}",
        }

    def variables(self, account: str) -> dict[str, str]:
        """What Google's own libraries read."""
        return {
            "FIRESTORE_EMULATOR_HOST": self.firestore.address,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.keys / f"{account}.json"),
        }

    def counts(self) -> CloudCounts:
        """What was asked of them until now."""
        firestore = self.firestore.counts
        return CloudCounts(
            vertex=counts_of(self.vertex_address),
            firestore_writes=firestore.writes,
            firestore_reads=firestore.reads,
            cloud_sql_logins=_logins(self.cloud_sql_port),
        )


@contextmanager
def cloud_parts(
    folder: Path, *, ports: Mapping[str, int], accounts: Iterable[str], checkout: Path, logs: Path, log: Log
) -> Iterator[CloudParts]:
    """Start all of them; they are stopped when the context is left. Raises `StartError`.

    `ports` has Postgres' own and one for each of `local.stack.CLOUD_PARTS`; `accounts` are the service accounts that
    may connect.
    """

    def python(name: str, *arguments: str) -> ChildProcess:
        command = Command(
            name=name,
            arguments=(sys.executable, "-P", "-m", f"local.{name}", *arguments),
            environment={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(checkout), "PYTHONUTF8": "1"},
        )
        return start(command, logs=logs, log=log, ready=line_printed("ready "), seconds=START_SECONDS)

    keys = folder / "keys"
    with ExitStack() as parts:
        firestore = parts.enter_context(start_firestore(folder, port=ports["firestore"], log=log))
        vertex = parts.enter_context(
            python(
                "vertex",
                f"--port={ports['vertex']}",
                f"--data={folder / 'vertex.db'}",
                f"--settings={msgspec.json.encode(VERTEX).decode()}",
            )
        )
        cloud_sql = parts.enter_context(
            python(
                "cloud_sql",
                f"--port={ports['cloud_sql']}",
                f"--instance={INSTANCE}",
                f"--postgres={ports['postgres']}",
                f"--keys={keys}",
                *accounts,
            )
        )
        yield CloudParts(
            processes=(firestore.process, vertex, cloud_sql),
            vertex_address=f"{LOOPBACK}:{ports['vertex']}",
            firestore=firestore,
            cloud_sql_port=ports["cloud_sql"],
            keys=keys,
        )


def _logins(port: int) -> int:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/counts")
        return int(json.loads(connection.getresponse().read())["logins"])
    finally:
        connection.close()
