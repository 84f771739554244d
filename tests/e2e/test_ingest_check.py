"""`./dev ingest-check` on a folder: every file is told of, and so is a function's death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bench.ingest_check.__main__ import INTERRUPTED
from bench.ingest_check.check import IngestCheck
from bench.ingest_check.files import find
from bench.ingest_check.result import Result, Row
from local.functions import processes_of
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
    assert last.endswith(" embedder=token-hashes")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_sums_up_what_it_has_seen(root: Path, tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in range(200):
        (folder / f"{name}.txt").write_bytes(WORDS)
    command = [str(root / "dev"), "ingest-check", str(folder), "--at-once", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        begun = [run.stdout.readline() for _ in range(4)]
        run.send_signal(number)
        *rows, last = [*begun[1:], *run.stdout]
    assert run.returncode == INTERRUPTED
    assert last.startswith(f"ingest-check: files={len(rows)} ready={len(rows)} failed=0 (none) unfinished=0 ")
    assert last.endswith(f" died=0 {last.split()[-4]} embedder=token-hashes interrupted left={200 - len(rows)}\n")


def embed(stack: Stack) -> int:
    return stack.functions.children()["embed"].pid


def fork_server(stack: Stack) -> int:
    """It is told from its children by its age."""
    chunk = processes_of(stack.functions.children()["chunk"])
    return min(pid for pid in chunk if b"fork_server" in Path(f"/proc/{pid}/cmdline").read_bytes())


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.parametrize(
    ("victim", "name"), [(embed, "embed"), (fork_server, "fork server of chunk")], ids=["function", "fork server"]
)
def test_a_process_that_dies_is_told(tmp_path: Path, victim: Callable[[Stack], int], name: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_bytes(WORDS)
    shown: list[Row] = []
    with Stack(StackOptions(data=tmp_path / "data", durable=False, log=show)) as stack:

        def kill_one(row: Row) -> None:
            shown.append(row)
            if len(shown) == 1:
                os.kill(victim(stack), signal.SIGKILL)

        result = IngestCheck(stack=stack, at_once=1, show=kill_one).run(find(folder))
    assert result.died == (name,)
    assert result.faulty
    assert [row.outcome for row in shown] == ["ready"] * 3
