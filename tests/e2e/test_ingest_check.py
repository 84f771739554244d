"""`./dev ingest-check` on a folder: every file is told of, and so is a function's death."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import msgspec
import pytest

from bench.ingest_check.check import IngestCheck
from bench.ingest_check.files import find
from bench.ingest_check.result import Result, Row
from local.stack import Stack, StackOptions
from tests.conftest import show

WORDS = b"The keeper lights the lamp at dusk."
READY = [b"a b.txt", b"..foo", b".dot", b"100%", "😀.txt".encode(), b"new\nline", b"\xff\xfe.txt", b"x" * 255]

pytestmark = pytest.mark.full


def fill(folder: Path) -> None:
    for name in READY:
        (folder / os.fsdecode(name)).write_bytes(WORDS)
    deep = folder / "/".join(["d" * 200] * 5)
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(WORDS)
    (folder / "empty.pdf").touch()
    (folder / "archive.docx").write_bytes(b"PK\5\6" + bytes(18))
    (folder / "link").symlink_to(folder)


def test_the_command_tells_of_every_file(root: Path, tmp_path: Path) -> None:
    folder, report = tmp_path / "files", tmp_path / "report.json"
    folder.mkdir()
    fill(folder)
    command = [str(root / "dev"), "ingest-check", str(folder), "--json", str(report)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    result = msgspec.json.decode(report.read_bytes(), type=Result)
    count = len(READY) + 3
    assert (result.files, result.ready) == (count, len(READY) + 1)
    assert result.failed == {"EMPTY_FILE": 1, "UNSUPPORTED_TYPE": 1}
    assert (result.healthy, result.healthy_ready, result.died) == (count, count, ())
    heading, *lines, last = ended.stdout.splitlines()
    assert heading.split() == ["file", "type", "outcome", "reason", "pages", "chunks", "warnings", "seconds"]
    assert len(lines) == count
    assert last.startswith(f"ingest-check: files={count} ready={count - 2} failed=2 (")


def test_a_function_that_dies_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_bytes(WORDS)
    shown: list[Row] = []
    with Stack(StackOptions(data=tmp_path / "data", durable=False, log=show)) as stack:

        def kill_embed(row: Row) -> None:
            shown.append(row)
            if len(shown) == 1:
                os.kill(stack.functions.children()["embed"].pid, signal.SIGKILL)

        result = IngestCheck(stack=stack, at_once=1, show=kill_embed).run(find(folder))
    assert result.died == ("embed",)
    assert result.faulty
    assert [row.outcome for row in shown] == ["ready"] * 3
