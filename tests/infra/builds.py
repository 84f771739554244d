"""A Cloud Build file as Cloud Build reads it, and what would make it refuse or misread one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import yaml

# The substitutions that Cloud Build itself gives to every build, by a trigger or not.
BUILT_IN = frozenset({"BUILD_ID", "LOCATION", "PROJECT_ID", "PROJECT_NUMBER"})
LONGEST_BUILD = 24 * 3600
DEFAULT_TIMEOUT = 600

_SUBSTITUTION = re.compile(r"\$\{?(?P<name>[A-Za-z_]\w*)?")


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step. Without `waitFor` it would wait for all before it: each states it here."""

    id: str
    name: str
    entrypoint: str
    args: list[str]
    wait_for: list[str] = msgspec.field(name="waitFor")
    timeout: str | None = None

    @property
    def script(self) -> str | None:
        """The shell script that it runs, as the shell gets it but for the substitutions; None where it runs a file."""
        return self.args[1].replace("$$", "$") if self.args[0].startswith("-c") else None

    @property
    def seconds(self) -> int:
        """Its time-out; 0 where it has none but the build's."""
        return int(self.timeout.removesuffix("s")) if self.timeout else 0


class Build(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A build file. What Cloud Build does not know, or this project does not use, is no field."""

    steps: list[Step]
    options: dict[str, str]
    timeout: str
    substitutions: dict[str, str] = {}

    @property
    def seconds(self) -> int:
        """Its time-out."""
        return int(self.timeout.removesuffix("s"))

    def step(self, name: str) -> Step:
        """The step of this id."""
        return next(step for step in self.steps if step.id == name)

    def before(self, name: str) -> set[str]:
        """All steps that have ended well when the step of this id starts."""
        direct = set(self.step(name).wait_for) - {"-"}
        return direct.union(*(self.before(each) for each in direct))

    def longest_seconds(self, name: str) -> int:
        """The longest way to the end of the step of this id, as far as steps have time-outs."""
        step = self.step(name)
        return step.seconds + max((self.longest_seconds(each) for each in step.wait_for if each != "-"), default=0)


def read_build(text: str) -> Build:
    """The build in the text; raises `msgspec.ValidationError` naming the field that does not belong there."""
    return msgspec.convert(yaml.safe_load(text), Build)


def faults(build: Build) -> list[str]:
    """What is wrong with the build, a sentence each."""
    if unordered := list(_order_faults(build)):
        return unordered  # no way through the steps, so no time of one
    return [*_substitution_faults(build), *_script_faults(build), *_time_faults(build)]


def _order_faults(build: Build) -> Iterator[str]:
    earlier: set[str] = set()
    for step in build.steps:
        if step.id in earlier:
            yield f"{step.id} stands twice"
        for name in step.wait_for:
            if name != "-" and name not in earlier:
                yield f"{step.id} waits for {name}, which is no earlier step"
        if ("-" in step.wait_for and len(step.wait_for) > 1) or not step.wait_for:
            yield f"{step.id} waits for nothing, or for something: both cannot be"
        earlier.add(step.id)


def _substitution_faults(build: Build) -> Iterator[str]:
    used: set[str] = set()
    for step in build.steps:
        for match in _SUBSTITUTION.finditer(" ".join([step.name, *step.args]).replace("$$", "")):
            if match["name"] is None:
                yield f"{step.id} has a $ that is neither a substitution nor doubled for the shell"
            elif match["name"] not in BUILT_IN | build.substitutions.keys():
                yield f"{step.id} uses {match['name']}, which is not declared; a variable of the shell needs $$"
            else:
                used.add(match["name"])
    for name in build.substitutions:
        if not re.fullmatch(r"_[A-Z0-9_]+", name):
            yield f"the substitution {name} must start with _ and have capitals only"
        if name not in used:
            yield f"the substitution {name} is not used"


def _script_faults(build: Build) -> Iterator[str]:
    for step in build.steps:
        if step.script is None:
            if not Path(step.args[0]).is_file():
                yield f"{step.id} runs {step.args[0]}, which is no file"
            continue
        if step.entrypoint not in {"bash", "sh"} or "e" not in step.args[0] or "u" not in step.args[0]:
            yield f"{step.id} must run its script by bash or sh with -ceu: an error ends it"
        checked = subprocess.run(["bash", "-n"], input=step.script, text=True, capture_output=True, check=False)
        if checked.returncode:
            yield f"{step.id} is no shell script: {checked.stderr.strip()}"


def _time_faults(build: Build) -> Iterator[str]:
    if build.seconds > LONGEST_BUILD:
        yield "the build may take longer than Cloud Build allows"
    for step in build.steps:
        if build.longest_seconds(step.id) + DEFAULT_TIMEOUT > build.seconds:
            yield f"the build's time-out leaves {step.id} less time than its own"


def is_ordered(build: Build, *names: str) -> bool:
    """Whether each of the steps waits, over others or not, for the one before it."""
    return all(first in build.before(second) for first, second in pairwise(names))
