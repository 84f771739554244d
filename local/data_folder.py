"""What a stack keeps between its runs: one folder, used by one stack at a time."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.errors import StartError
from local.ports import free_ports, wanted_port

OWNER_ONLY = 0o600
PEPPER_BYTES = 32


@dataclass(frozen=True)
class DataFolder:
    """The folder and the places in it. Postgres and the storage emulator add folders of their own."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def pubsub(self) -> Path:
        return self.path / "pubsub.db"

    @property
    def drop(self) -> Path:
        return self.path / "drop"

    @property
    def admin_environment(self) -> Path:
        """A shell script that sets what `ai-infra admin` needs; it is there while the stack runs."""
        return self.path / "admin.env"

    @property
    def demo_key(self) -> Path:
        """The demo project's API key: the database holds only its hash."""
        return self.path / "demo.key"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other stack off the folder. Raises `StartError` (DATA_IN_USE, DATA_UNUSABLE).

        The system lets go of it when this process ends, however that happens.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = self._lock_file.open("a+", encoding="utf-8")
        except OSError as error:
            raise StartError(
                "DATA_UNUSABLE",
                f"The data folder {self.path} cannot be used ({error.strerror}). Choose another one with --data.",
            ) from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StartError(
                    "DATA_IN_USE",
                    f"A stack already runs on {self.path} (process {lock.read().strip()}). Stop it, or choose another "
                    f"data folder with --data.",
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def is_held(self) -> bool:
        """Whether a stack runs on the folder now."""
        if not self._lock_file.exists():
            return False
        with self._lock_file.open(encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def peppers(self) -> str:
        """AI_INFRA_KEY_PEPPERS, made at the first call: keys made with it are worth nothing without it."""
        file = self.path / "peppers"
        if not file.exists():
            write_for_owner(file, f"1:{secrets.token_hex(PEPPER_BYTES)}\n")
        return file.read_text(encoding="utf-8").strip()

    def ports(self, names: Iterable[str]) -> dict[str, int]:
        """A free port for each part: the one it had in the last run, where nobody else has taken that.

        So addresses stay the same over a restart, and what the Pub/Sub emulator still owes goes where it belongs.
        """
        file = self.path / "ports.json"
        before: dict[str, int] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        ports = {name: before[name] for name in names if name in before and _is_free(before[name])}
        new = [name for name in names if name not in ports]
        fresh = (port for port in free_ports(len(new) + len(ports)) if port not in ports.values())
        ports |= dict(zip(new, fresh, strict=False))
        write_for_owner(file, json.dumps(ports, indent=1) + "\n")
        return ports

    @property
    def _lock_file(self) -> Path:
        return self.path / "lock"


def write_for_owner(file: Path, text: str) -> None:
    """Put the text into the file as a whole; nobody but the owner may read it, at no moment."""
    unfinished = file.with_name(file.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    unfinished.replace(file)


def _is_free(port: int) -> bool:
    try:
        wanted_port(port, "")
    except StartError:
        return False
    return True
