"""`./dev ingest-check`: which files are found, what their objects are called, and what is said of them."""

from __future__ import annotations

import os
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.ingest_check.files import MAX_PART_BYTES, Found, find, object_name
from bench.ingest_check.flight import Flight
from bench.ingest_check.places import LARGE_BYTES, SLOW_SECONDS, Places
from bench.ingest_check.result import Result, Row, printable
from bench.ingest_check.rows import Seen
from bench.ingest_check.uploads import Pair
from common.names import MAX_OBJECT_BYTES

PREFIX = "demo/docs/files/"
PARTS = st.binary(min_size=1, max_size=255).filter(lambda part: not {0, 47} & set(part) and part not in (b".", b".."))
PATHS = st.lists(PARTS, min_size=1, max_size=6).map(lambda parts: os.fsdecode(b"/".join(parts)))
NAMES = [b"a b.txt", b"..foo", b".dot", "😀".encode(), b"new\nline", b"\xff\xfe", b"x" * 255, b"-rf", b"*?[]"]


@given(PATHS)
def test_an_object_has_a_name_that_cloud_storage_takes(path: str) -> None:
    name = object_name(path, PREFIX)
    assert name.startswith(PREFIX)
    assert len(name.encode()) <= MAX_OBJECT_BYTES
    assert {"", ".", ".."}.isdisjoint(name.split("/"))
    assert all(len(part.encode()) <= MAX_PART_BYTES for part in name.split("/"))
    assert not {"\r", "\n"} & set(name)


@given(PATHS, PATHS)
def test_two_files_are_two_objects(one: str, other: str) -> None:
    assert (object_name(one, PREFIX) == object_name(other, PREFIX)) == (one == other)


def test_a_usual_name_stays() -> None:
    assert object_name("notes/Grüße 😀.txt", PREFIX) == f"{PREFIX}notes/Grüße 😀.txt"


def test_all_files_are_found_whatever_they_are_called_and_links_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    for name in NAMES:
        (folder / os.fsdecode(name)).write_bytes(name)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "file-link").symlink_to(folder / ".dot")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert sorted(os.fsencode(found.name) for found in find(tmp_path)) == sorted(b"sub/" + name for name in NAMES)


def test_a_name_is_shown_on_one_line() -> None:
    assert printable("a\nb\u202e\x1b[2J é 😀") == r"a\nb\u202e\x1b[2J é 😀"
    assert printable(os.fsdecode(b"\xff.txt")) == r"\xff.txt"


@dataclass(frozen=True)
class Taken:
    """A place that is taken."""

    file: Found
    begun: float = 0.0


def found(*sizes: int) -> list[Found]:
    return [Found(path=Path("f"), name=str(number), size=size) for number, size in enumerate(sizes)]


def put_in(places: Places, taken: list[Taken], now: float) -> list[Taken]:
    """All that is put in now."""
    new: list[Taken] = []
    while file := places.next([*taken, *new], now):
        new.append(Taken(file, now))
    return new


@given(st.lists(st.integers(0, 2 * LARGE_BYTES), max_size=60), st.integers(1, 40))
def test_every_file_gets_a_place_and_no_more_than_there_are(sizes: list[int], at_once: int) -> None:
    places, order = Places(found(*sizes), at_once), list[str]()
    while new := put_in(places, [], 0.0):
        assert len(new) <= at_once
        order += [each.file.name for each in new]
    assert sorted(order) == sorted(str(number) for number in range(len(sizes)))
    assert not places


def test_large_files_leave_places_to_small_ones() -> None:
    places = Places(found(*[LARGE_BYTES + 1] * 100, *[1] * 100), 32)
    new = put_in(places, [], 0.0)
    assert sum(each.file.size == 1 for each in new) == 28
    assert len(new) == 32
    large = [each for each in new if each.file.size > 1]
    assert [each.file.size for each in put_in(places, large, 1.0)] == [1] * 28


def test_slow_files_take_no_place_until_there_are_many() -> None:
    places = Places(found(*[1] * 1000), 8)
    taken: list[Taken] = []
    for now in range(0, 10 * int(SLOW_SECONDS), int(SLOW_SECONDS)):
        taken += put_in(places, taken, float(now))
    assert len(taken) == 32


def seen(**changes: Any) -> Seen:
    known: dict[str, Any] = {
        "object_name": "file", "status": "processing", "mime_type": "text/csv", "stage": "embed", "reason": None,
        "message": None, "pages": 1, "chunks": 90, "warnings": [], "attempts": 0, "pages_read": 1, "recorded": 32,
        "lease": None,
    }  # fmt: skip
    return Seen(**known | changes)


def flight(**healthy: Any) -> Flight:
    """A file put in at 0 and its healthy document, which is ready or as it is said to be."""
    sent: Future[float] = Future()
    sent.set_result(0.0)
    made = Flight(Pair(file=found(1)[0], name="file", healthy="healthy", sent=sent), 0.0)
    made.note({"healthy": seen(**{"object_name": "healthy", "status": "ready", **healthy})}, 1.0)
    return made


def test_a_file_that_stands_still_tells_where_and_since_when() -> None:
    made = flight()
    made.note({**made.seen, "file": seen()}, 2.0)
    made.note({**made.seen, "file": seen()}, 50.0)
    assert (made.moved, made.is_over) == (2.0, False)
    row = made.row(902.0)
    assert (row.outcome, row.seconds, row.healthy) == ("processing", 902.0, "ready")
    assert row.message == "at embed for 900 s, 0 failed attempts, 1 of 1 pages read, 32 of 90 chunks recorded"
    assert row.faulty


def test_a_file_that_fails_again_and_again_is_given_up_with_its_last_error() -> None:
    made = flight()
    failing = {"stage": "chunk", "chunks": None, "pages": None, "reason": "INTERNAL", "message": "A KeyError."}
    over = []
    for attempts in (5, 6):
        made.note({**made.seen, "file": seen(**failing, attempts=attempts)}, 3.0)
        over.append(made.is_over)
    assert over == [False, True]
    row = made.row(3.0)
    assert (row.outcome, row.reason, row.faulty) == ("processing", "INTERNAL", True)
    assert row.message == "at chunk for 0 s, 6 failed attempts; last error: A KeyError."


def test_a_file_that_is_never_registered_is_told() -> None:
    row = flight().row(301.0)
    assert (row.outcome, row.message) == ("not registered", "put into the bucket, and not registered within 301 s")


def row(**changes: str) -> Row:
    return Row(**{"file": "a.pdf", "outcome": "ready", "healthy": "ready", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "died", "faulty"),
    [
        (row(), (), False),
        (row(outcome="failed", reason="CORRUPT_PDF"), (), False),
        (row(outcome="failed", reason="INTERNAL"), (), True),
        (row(outcome="failed"), (), True),
        (row(outcome="processing"), (), True),
        (row(outcome="not registered"), (), True),
        (row(healthy="failed INTERNAL"), (), True),
        (row(), ("chunk",), True),
    ],
)
def test_what_is_wrong_is_told_and_counted(row: Row, died: tuple[str, ...], faulty: bool) -> None:
    result = Result.of([row], died, 1.0)
    assert result.faulty == faulty
    assert len(list(result.lines())) == 1 + faulty


def test_the_last_line_sums_up() -> None:
    rows = [row(), row(), row(outcome="failed", reason="EMPTY_FILE", healthy=""), row(outcome="uploaded")]
    sums = "ingest-check: files=4 ready=2 failed=1 (EMPTY_FILE=1) unfinished=1 healthy=3/3 died=0 seconds=61 embedder=e"
    *_, last = Result.of(rows, (), 61.2, embedder="e").lines()
    assert last == sums
    *_, last = Result.of(rows, (), 61.2, embedder="e", left=7).lines()
    assert last == f"{sums} interrupted left=7"
