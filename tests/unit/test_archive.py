"""The functions' source archive."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from deployment.archive import FILES, PACKAGES, archive


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """The part of the checkout that is packed."""
    for name in FILES:
        shutil.copyfile(root / name, tmp_path / name)
    for name in PACKAGES:
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def names(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.testzip() is None
        return packed.namelist()


def test_the_same_tree_makes_the_same_bytes(copy: Path) -> None:
    before = archive(copy)
    for file in sorted(copy.rglob("*.py"), reverse=True):
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content)
        file.chmod(0o700)
        os.utime(file, (0, 0))
    assert archive(copy) == before


def test_another_content_makes_another_archive(copy: Path) -> None:
    before = archive(copy)
    file = copy / "common" / "messages.py"
    file.write_bytes(file.read_bytes() + b"\n")
    assert archive(copy) != before


def test_what_tools_leave_behind_is_not_packed(copy: Path) -> None:
    before = archive(copy)
    for name in ("common/__pycache__/model.cpython-313.pyc", "functions/.DS_Store", "requirements.txt", "tests/a.py"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("left behind")
    assert archive(copy) == before


def test_the_archive_holds_what_the_functions_need_and_nothing_else(root: Path) -> None:
    packed = names(archive(root))
    assert {name.partition("/")[0] for name in packed} == {"pyproject.toml", "uv.lock", "common", "functions"}
    for function in (root / "functions").glob("*/main.py"):
        assert f"functions/{function.parent.name}/main.py" in packed
    assert packed == sorted(packed)
    assert not [name for name in packed if name.endswith(("requirements.txt", ".pyc"))]
