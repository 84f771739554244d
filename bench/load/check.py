"""`ai-infra admin check` on a running stack: what is still on its way, and what does not hold."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cli.exit_codes import ExitCode
from local.errors import StartError
from local.stack import CHECKOUT

REST_SECONDS = 300.0
_CHECK_SECONDS = 120.0
_POLL_SECONDS = 1.0
_ANSWERED = (ExitCode.OK, ExitCode.VIOLATED)


class Violation(msgspec.Struct, frozen=True):
    """What does not hold, of `common.inspection`."""

    invariant: int
    reason: str
    subject: str
    message: str

    def __str__(self) -> str:
        return f"invariant {self.invariant}, {self.reason} of {self.subject}: {self.message}"


class Checked(msgspec.Struct, frozen=True):
    """What the command tells, as far as it matters here."""

    documents: int
    objects: int
    jobs: int
    chunks: int
    in_flight: int
    violations: tuple[Violation, ...]


def check(environment: Mapping[str, str]) -> Checked:
    """Check once; `environment` is an operator's. Raises `StartError` (CHECK_FAILED)."""
    command = [str(Path(sysconfig.get_path("scripts"), "ai-infra")), "admin", "check", "--json"]
    ended = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        capture_output=True,
        timeout=_CHECK_SECONDS,
        check=False,
    )
    if ended.returncode not in _ANSWERED:
        raise StartError("CHECK_FAILED", f"`ai-infra admin check` could not check: {ended.stderr.decode()}")
    return msgspec.json.decode(ended.stdout, type=Checked)


def checked_at_rest(environment: Mapping[str, str]) -> tuple[Checked, float]:
    """The first check that finds nothing on its way, and the seconds until then. Raises `StartError` (NO_REST)."""
    begun = time.monotonic()
    while (checked := check(environment)).in_flight:
        if time.monotonic() - begun > REST_SECONDS:
            raise StartError("NO_REST", f"{checked.in_flight} were still on their way after {REST_SECONDS:g} s.")
        time.sleep(_POLL_SECONDS)
    return checked, time.monotonic() - begun
