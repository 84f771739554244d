"""The jobs' image, as far as it can be read: nothing here builds one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest


@pytest.fixture
def lines(root: Path) -> list[str]:
    return (root / "deployment" / "Dockerfile").read_text(encoding="utf-8").splitlines()


def test_the_image_has_the_packages_of_the_project_and_no_other_file(root: Path, lines: list[str]) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert {name for names in copied for name in names} == packages | {"pyproject.toml", "uv.lock"}
    context = (root / ".dockerignore").read_text(encoding="utf-8").split()
    assert context[0] == "*"
    assert {entry[1:] for entry in context if entry.startswith("!")} == packages | {"pyproject.toml", "uv.lock"}


def test_the_image_runs_the_python_of_the_project_and_what_is_locked(root: Path, lines: list[str]) -> None:
    version = (root / ".python-version").read_text(encoding="utf-8").strip()
    images = {line.split()[1] for line in lines if line.startswith("FROM ")}
    assert images == {f"python:{'.'.join(version.split('.')[:2])}-slim"}
    syncs = [line for line in lines if "uv sync" in line]
    assert syncs
    assert all("--locked" in line and "--group" not in line for line in syncs)
    assert re.search(r"uv==\d+\.\d+\.\d+$", next(line for line in lines if "pip install" in line))


def test_the_image_s_programs_are_nobody_s(lines: list[str]) -> None:
    final = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert [line for line in final if line.startswith("USER ")] == ["USER 65532:65532"]
    assert not any(re.match(r"(ENV|ARG).*(KEY|PASSWORD|TOKEN|SECRET|PEPPER)", line) for line in lines)
