"""The stack's Firestore in profile `gcp`: Google's own emulator, run from its jar, behind `local.firestore_front`.

The emulator's own export runs on request only, and one that is killed forgets everything. So the front keeps the
documents, in DIR/firestore.db: they survive restarts and crashes, and the emulator gets them again at each start.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from local.errors import StartError
from local.firestore_front import FirestoreCounts, FirestoreFront
from local.ports import LOOPBACK, free_ports
from local.process import ChildProcess, Command, Log, line_printed, start

JAR = Path("platform", "cloud-firestore-emulator", "cloud-firestore-emulator.jar")
MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
READY = "Dev App Server is now running"
START_SECONDS = 60.0


@dataclass(frozen=True)
class FirestoreServer:
    """A running emulator and what stands before it; `address` is for FIRESTORE_EMULATOR_HOST."""

    address: str
    process: ChildProcess
    front: FirestoreFront

    @property
    def counts(self) -> FirestoreCounts:
        """What was asked of it since it was started."""
        return self.front.counts

    def stop(self) -> None:
        self.front.stop()
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_firestore(directory: Path, *, port: int, log: Log) -> FirestoreServer:
    """Start the emulator, with what DIR/firestore.db keeps; its log is in DIR/logs. Raises `StartError`."""
    java, jar = find_program()
    emulator_port = free_ports(1)[0]
    command = Command(
        name="firestore",
        arguments=(
            java, "-Duser.language=en", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", str(jar), MAIN_CLASS,
            "start", f"--host={LOOPBACK}", f"--port={emulator_port}",
        ),
        environment={"PATH": os.environ.get("PATH", os.defpath)},
    )  # fmt: skip
    process = start(command, logs=directory / "logs", log=log, ready=line_printed(READY), seconds=START_SECONDS)
    address = f"{LOOPBACK}:{port}"
    try:
        front = FirestoreFront(address, emulator=f"{LOOPBACK}:{emulator_port}", file=directory / "firestore.db")
    except BaseException:
        process.stop()
        raise
    return FirestoreServer(address, process, front)


def find_program() -> tuple[str, Path]:
    """Java, and the emulator's jar in the gcloud SDK. Raises `StartError` (FIRESTORE_MISSING): what to install."""
    java = shutil.which("java")
    if java is None:
        raise StartError(
            "FIRESTORE_MISSING",
            "Google's Firestore emulator needs Java, and there is no java on PATH: install a Java runtime, such as the "
            "package openjdk-21-jre-headless.",
        )
    gcloud = shutil.which("gcloud")
    roots = [Path(gcloud).resolve().parents[1]] if gcloud else []
    roots += [Path("/usr/lib/google-cloud-sdk"), Path.home() / "google-cloud-sdk"]
    jar = next((root / JAR for root in roots if (root / JAR).is_file()), None)
    if jar is None:
        raise StartError(
            "FIRESTORE_MISSING",
            "Google's Firestore emulator is not installed: install the gcloud SDK and run `gcloud components install "
            "cloud-firestore-emulator`.",
        )
    return java, jar
