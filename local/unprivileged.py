"""Running a program as another user than root, also where only root may enter the folders that lead to its files.

Postgres refuses to run as root. A checkout or a data folder may well lie below a folder that only root may enter
(`/root`, `mktemp -d`); its permissions are the user's business and stay as they are, and no system user is made. So the
program is started by util-linux `setpriv` as an existing user, without root's rights but for one capability where it is
needed:

- none, where that user gets everywhere by itself;
- `dac_read_search` (enter and read anything), where only folders are in the way;
- `dac_override` (write anything, too), where programs may be executed by their owner alone, or where the first is not
  to be had, as in Docker's default set.

Everything else leaves the bounding set, and no program that it starts can gain anything back. `no_setuid_fixup` is
needed because access(2), by which Postgres finds its own files, disregards the capabilities of whoever is not root
unless that bit is set (capabilities(7)).
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.errors import StartError

CAPABILITIES = (None, "dac_read_search", "dac_override")
PROBE = 'cd "$1" && : <"$2" && exec "$0" --version'
PROBE_SECONDS = 30


@dataclass(frozen=True)
class Account:
    """A user to run as."""

    name: str
    uid: int
    gid: int

    @classmethod
    def named(cls, name: str) -> Self:
        """Raises `StartError` (NO_SUCH_USER)."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise StartError(
                "NO_SUCH_USER",
                f"Postgres refuses to run as root, and this machine has no user {name!r} to run it as. "
                f"Run this as a normal user.",
            ) from None
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    @classmethod
    def owning(cls, path: Path) -> Self:
        """The user and group that a file or folder belongs to."""
        found = path.stat()
        try:
            name = pwd.getpwuid(found.st_uid).pw_name
        except KeyError:
            name = str(found.st_uid)
        return cls(name, found.st_uid, found.st_gid)


def arguments_before(account: Account, *, program: Path, reads: Path, enters: Path) -> tuple[str, ...]:
    """What to put before a command so that it runs as the account, with the least that lets it execute `program`,
    read the file `reads` and enter the folder `enters`. Each is tried, by running `program --version`.

    Raises `StartError` (SETPRIV_MISSING, UNPRIVILEGED_REFUSED).
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StartError(
            "SETPRIV_MISSING",
            "Postgres refuses to run as root, and the command `setpriv` that would start it as another user is not "
            "installed. Install the package util-linux, or run this as a normal user.",
        )
    refusals = []
    for capability in CAPABILITIES:
        before = _setpriv(setpriv, account, capability)
        tried = subprocess.run(
            [*before, "/bin/sh", "-c", PROBE, str(program), str(enters), str(reads)],
            cwd="/", env={"PATH": os.defpath}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PROBE_SECONDS, check=False,
        )  # fmt: skip
        if tried.returncode == 0:
            return before
        refusals.append(f"    with {capability or 'no capability'}: {tried.stderr.strip() or tried.returncode}")
    raise StartError(
        "UNPRIVILEGED_REFUSED",
        f"Postgres refuses to run as root, and as user {account.name!r} it cannot reach {program} and {enters}. "
        f"Run this as a normal user, or move both to where other users may enter, or allow this container the "
        f"capability DAC_READ_SEARCH. What was tried:\n" + "\n".join(refusals),
    )


def _setpriv(setpriv: str, account: Account, capability: str | None) -> tuple[str, ...]:
    kept = "-all" if capability is None else f"-all,+{capability}"
    return (
        setpriv,
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--clear-groups",
        f"--inh-caps={kept}",
        f"--ambient-caps={kept}",
        f"--bounding-set={kept}",
        *([] if capability is None else ["--securebits=+no_setuid_fixup"]),
        "--no-new-privs",
    )
