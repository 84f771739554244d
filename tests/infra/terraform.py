"""Runs the real terraform on infra/, with the project's stand-in in place of hashicorp/google.

Assertions on what an installation is made of read a profile's state after an apply to the stand-in, where references
have become names:

    state = state_of("vertex")                          # vertex, pgvector, smallest, full: see profiles.py
    state.of("google_pubsub_topic.this")                # {"chunk-batch": {…values…}, …}, by its for_each key
    state.one("google_storage_bucket.uploads")          # the values of a resource with neither for_each nor count
    state.types()                                       # {"google_pubsub_topic", …}
    state.outputs["api_url"]

`plan_of(profile)` has the plan's `resources` (what the provider computes is unknown there: absent), its `changes` by
address, and the `configuration`, which holds references and depends_on. Plan and state are made once a session; the
profile `vertex` costs about 2 s. The others belong into tests marked `full`.

For a changed copy, such as a mutant, or another folder:

    with workspace(edits=[Edit("storage.tf", old, new)]) as folder:
        folder.init()
        folder.terraform("validate")                    # Result(code, output): `.ok`
        folder.state(PROFILES["vertex"])                # plans and applies; raises TerraformError on a failure

Without terraform on PATH, each of these skips the test that calls it. By hand:
`python -m tests.infra.standin terraform -chdir=FOLDER validate`.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.infra.inventory import Plan, State
from tests.infra.profiles import PROFILES
from tests.infra.standin.serving import serving

INFRA = Path(__file__).parents[2] / "infra"

_LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'
_VARIABLES = "profile.auto.tfvars.json"


class TerraformError(AssertionError):
    """terraform refused what a test needed it to do; holds its output."""


@dataclass(frozen=True)
class Result:
    """How a terraform command ended, and all that it wrote."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.code == 0


@dataclass(frozen=True)
class Edit:
    """A change of a file: `old` stands in it once, and becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Workspace:
    """A copy of a folder of Terraform files that keeps its state beside them."""

    path: Path

    def terraform(self, *arguments: str) -> Result:
        """Runs `terraform ARGUMENTS` here."""
        return terraform(f"-chdir={self.path}", *arguments)

    def init(self) -> None:
        """Makes the folder ready for the other commands."""
        self._done("init", "-input=false", "-reconfigure")

    def plan(self, variables: Mapping[str, Any]) -> Plan:
        """Plans with the variables."""
        self._give(variables)
        self._done("plan", "-input=false", "-lock=false", "-out=made.tfplan")
        return Plan.read(json.loads(self._done("show", "-json", "made.tfplan")))

    def apply(self) -> State:
        """Applies the last plan."""
        self._done("apply", "-input=false", "-lock=false", "made.tfplan")
        return self._state()

    def state(self, variables: Mapping[str, Any]) -> State:
        """Applies with the variables, without a look at the plan."""
        self._give(variables)
        self._done("apply", "-input=false", "-lock=false", "-auto-approve")
        return self._state()

    def differences(self) -> Result:
        """Plans once more: code 0 where nothing would change, 2 where something would."""
        return self.terraform("plan", "-input=false", "-lock=false", "-detailed-exitcode")

    def _give(self, variables: Mapping[str, Any]) -> None:
        (self.path / _VARIABLES).write_text(json.dumps(variables), encoding="utf-8")

    def _state(self) -> State:
        return State.read(json.loads(self._done("show", "-json")))

    def _done(self, *arguments: str) -> str:
        result = self.terraform(*arguments)
        if not result.ok:
            raise TerraformError(f"terraform {' '.join(arguments)} ended with {result.code}:\n{result.output}")
        return result.output


@contextmanager
def workspace(source: Path = INFRA, edits: Sequence[Edit] = ()) -> Iterator[Workspace]:
    """A copy of `source` with `edits`, for as long as the context lasts; bootstrap/ inside it stays out."""
    with tempfile.TemporaryDirectory(prefix="infra-") as folder:
        yield _copy(source, Path(folder), edits)


def plan_of(profile: str) -> Plan:
    """The plan of a profile from nothing, made once a session."""
    return _planned(profile)[1]


@cache
def state_of(profile: str) -> State:
    """The state of a profile after an apply to the stand-in, made once a session."""
    return _planned(profile)[0].apply()


def applied(profile: str) -> Workspace:
    """The folder in which `state_of` was made, to plan there again."""
    state_of(profile)
    return _planned(profile)[0]


def terraform(*arguments: str) -> Result:
    """Runs `terraform ARGUMENTS` with the stand-in, away from the settings of the machine."""
    binary = shutil.which("terraform")
    if binary is None:
        pytest.skip("terraform is not on PATH: install Terraform 1.11 or later to check infra/")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    with serving() as environment:
        done = subprocess.run(
            [binary, *arguments],
            env=kept | environment | {"GOGC": "400"},  # its garbage collector takes a quarter of an apply else
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    return Result(done.returncode, done.stdout)


@cache
def _planned(profile: str) -> tuple[Workspace, Plan]:
    folder = Path(tempfile.mkdtemp(prefix=f"infra-{profile}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = _copy(INFRA, folder, ())
    copy.init()
    return copy, copy.plan(PROFILES[profile])


def _copy(source: Path, target: Path, edits: Sequence[Edit]) -> Workspace:
    left_out = shutil.ignore_patterns("bootstrap", ".terraform*", "*.tfstate*", "*.tfvars", "*.tfplan")
    shutil.copytree(source, target, ignore=left_out, dirs_exist_ok=True)
    (target / "backend_override.tf").write_text(_LOCAL_STATE, encoding="utf-8")
    for edit in edits:
        file = target / edit.file
        text = file.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise TerraformError(f"{edit.file} has {text.count(edit.old)} times, not once: {edit.old!r}")
        file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    return Workspace(target)
