"""The drop folder on real files: against objects in memory step by step, against the storage server as a whole."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from local.drop_folder import Changes, DropFolder, Listing, changes, is_ignored, scan
from local.drop_state import DropState, Stamp
from local.ports import free_ports
from local.storage import BucketUploader, Notifications, create_buckets, start_storage, storage_client

NEVER = threading.Event()
STAMPS = st.builds(Stamp, st.integers(0, 3), st.integers(0, 3))
FOLDERS = st.dictionaries(st.sampled_from(["a", "b", "t/p/a", "t/p/b", "t/p/sub/c"]), STAMPS)


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class ObjectsInMemory:
    """A bucket that can be out of order."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.fails = False
        self.generation = 0

    def upload(self, path: Path, name: str) -> int:
        if self.fails:
            raise ConnectionError("the bucket is away")
        self.objects[name] = path.read_bytes()
        self.uploads.append(name)
        self.generation += 1
        return self.generation

    def delete(self, name: str) -> None:
        if self.fails:
            raise ConnectionError("the bucket is away")
        self.objects.pop(name, None)


class Watched:
    """A drop folder whose clock the test moves, by eighths of a second, which floating point adds exactly."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "drop"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.bucket = ObjectsInMemory()
        self.log: list[str] = []
        self.now = 0.0
        self._mtime = 1_790_000_000_000_000_000
        self._state_file = home / "drop.sqlite"
        self.state = DropState(self._state_file)
        self.drop = self._watcher()

    def _watcher(self) -> DropFolder:
        return DropFolder(self.folder, self.state, self.bucket, self.log.append, settle_seconds=0.5)

    def write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        # A change that the file system's clock is too coarse to show cannot be what the tests are about.
        self._mtime += 1_000_000_000
        os.utime(path, ns=(self._mtime, self._mtime))

    def scan(self, seconds_later: float = 0.375) -> None:
        self.now += seconds_later
        self.drop.scan_once(self.now, NEVER)

    def settle(self) -> None:
        self.scan()
        self.scan(0.5)

    def restart(self) -> None:
        self.state.close()
        self.state = DropState(self._state_file)
        self.drop = self._watcher()

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()
        }


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    watched.state.close()


@given(FOLDERS, FOLDERS)
def test_changes_lead_from_what_was_to_what_is(before: dict[str, Stamp], now: dict[str, Stamp]) -> None:
    due = changes(before, now)
    after = {name: stamp for name, stamp in before.items() if name not in due.deletes}
    after |= {name: now[name] for name in due.uploads}
    assert after == now
    assert all(before.get(name) != now[name] for name in due.uploads)
    assert changes(after, now) == Changes((), ())


@given(FOLDERS, FOLDERS, st.sampled_from(["", "t", "t/p", "t/p/sub", "t/p/a", "x"]))
def test_what_cannot_be_read_is_never_deleted(before: dict[str, Stamp], seen: dict[str, Stamp], unread: str) -> None:
    now = Listing(seen, {unread: PermissionError()}).with_unread(before)
    below = {name for name in before if f"{name}/".startswith(f"{unread}/" if unread else "")}
    assert set(changes(before, now).deletes) == before.keys() - seen.keys() - below


@pytest.mark.parametrize(
    "name",
    [".DS_Store", ".hidden", "._resource", ".~lock.a.odt#", "a.txt~", "~$a.docx", "a.pdf.part", "a.crdownload", "A.TMP",
     "b.download", "c.partial", "Thumbs.db", "desktop.ini", "bad\udcff.txt"],
)  # fmt: skip
def test_unfinished_and_hidden_files_are_left_out(name: str) -> None:
    assert is_ignored(name)


@pytest.mark.parametrize("name", ["a.pdf", "a", "part", "a.part.pdf", "tmp", "a~b", "ä ö.md", "thumbs.db.txt"])
def test_other_names_are_not(name: str) -> None:
    assert not is_ignored(name)


def test_a_file_is_uploaded_when_it_has_stopped_growing(watched: Watched) -> None:
    watched.write("team/project/deep/er/a.txt", b"1")
    watched.scan()
    watched.scan()
    assert watched.bucket.uploads == []
    watched.write("team/project/deep/er/a.txt", b"12")
    watched.scan()
    watched.scan(0.375)
    assert watched.bucket.uploads == []
    watched.scan(0.125)
    assert watched.bucket.objects == {"team/project/deep/er/a.txt": b"12"}
    watched.settle()
    assert watched.bucket.uploads == ["team/project/deep/er/a.txt"]


def test_files_without_team_or_project_are_uploaded_as_well(watched: Watched) -> None:
    watched.write("lost.txt", b"1")
    watched.write("team/lost.txt", b"2")
    watched.settle()
    assert watched.bucket.objects == {"lost.txt": b"1", "team/lost.txt": b"2"}


def test_an_overwritten_file_is_a_new_generation_and_a_deleted_one_is_deleted(watched: Watched) -> None:
    watched.write("t/p/a", b"one")
    watched.settle()
    first = watched.state.generation("t/p/a")
    watched.write("t/p/a", b"two")
    watched.settle()
    second = watched.state.generation("t/p/a")
    assert first is not None
    assert second is not None
    assert first < second
    (watched.folder / "t/p/a").unlink()
    watched.scan()
    assert watched.bucket.objects == {}
    assert watched.state.generation("t/p/a") is None


def test_a_file_that_changes_while_it_is_uploaded_is_uploaded_again(watched: Watched) -> None:
    watched.write("t/p/a", b"half")
    original = watched.bucket.upload

    def upload_and_write(path: Path, name: str) -> int:
        generation = original(path, name)
        watched.write("t/p/a", b"half and half")
        return generation

    watched.bucket.upload = upload_and_write  # type: ignore[method-assign]
    watched.settle()
    watched.bucket.upload = original  # type: ignore[method-assign]
    watched.settle()
    assert watched.bucket.objects == {"t/p/a": b"half and half"}


def test_a_restart_uploads_and_deletes_only_what_changed_meanwhile(watched: Watched) -> None:
    for name in ("same", "changed", "removed"):
        watched.write(f"t/p/{name}", b"1")
    watched.settle()
    watched.bucket.uploads.clear()
    watched.write("t/p/changed", b"2")
    watched.write("t/p/added", b"1")
    (watched.folder / "t/p/removed").unlink()
    watched.restart()
    watched.settle()
    assert watched.bucket.uploads == ["t/p/added", "t/p/changed"]
    assert watched.bucket.objects == watched.files()


def test_a_failure_is_said_once_and_tried_again(watched: Watched) -> None:
    watched.write("t/p/a", b"1")
    watched.write("t/p/b", b"1")
    watched.settle()
    (watched.folder / "t/p/b").unlink()
    watched.write("t/p/c", b"1")
    watched.bucket.fails = True
    watched.log.clear()
    for _ in range(5):
        watched.settle()
    assert watched.log == [
        "t/p/b could not be deleted; it is tried again (ConnectionError: the bucket is away)",
        "t/p/c could not be uploaded; it is tried again (ConnectionError: the bucket is away)",
    ]
    watched.bucket.fails = False
    watched.scan()
    assert watched.bucket.objects == watched.files()


def test_a_drop_folder_that_is_not_there_is_not_taken_as_emptied(watched: Watched) -> None:
    watched.write("t/p/a", b"1")
    watched.settle()
    away = watched.folder.rename(watched.folder.with_name("away"))
    watched.settle()
    assert watched.bucket.objects == {"t/p/a": b"1"}
    assert "cannot be read, so it is taken as unchanged" in watched.log[-1]
    away.rename(watched.folder)
    watched.settle()
    assert watched.bucket.uploads == ["t/p/a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_keeps_its_objects_and_disturbs_no_other(watched: Watched) -> None:
    watched.write("t/p/a", b"1")
    watched.settle()
    (watched.folder / "t/p").chmod(0)
    try:
        watched.write("t/q/b", b"1")
        watched.settle()
        assert set(watched.bucket.objects) == {"t/p/a", "t/q/b"}
    finally:
        (watched.folder / "t/p").chmod(0o700)


def test_links_and_what_is_no_file_are_left_out(watched: Watched, tmp_path: Path) -> None:
    watched.write("t/p/real", b"1")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("s")
    (watched.folder / "t/p/out").symlink_to(tmp_path / "outside")
    (watched.folder / "t/p/in").symlink_to(watched.folder / "t/p/real")
    (watched.folder / "t/p/circle").symlink_to(watched.folder)
    os.mkfifo(watched.folder / "t/p/fifo")
    watched.settle()
    assert set(watched.bucket.objects) == {"t/p/real"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_no_object_can_have_disturbs_no_other(watched: Watched) -> None:
    Path(os.fsdecode(os.fsencode(watched.folder) + b"/bad\xff.txt")).write_bytes(b"1")
    watched.write("good.txt", b"1")
    watched.settle()
    assert set(watched.bucket.objects) == {"good.txt"}


def test_a_closed_terminal_does_not_end_the_watching(watched: Watched) -> None:
    def closed(_: str) -> None:
        raise BrokenPipeError

    watched.drop.log = closed
    watched.write("t/p/a", b"1")
    watched.settle()
    assert watched.bucket.objects == {"t/p/a": b"1"}


def test_five_thousand_files(watched: Watched) -> None:
    for number in range(5000):
        watched.write(f"t/p/{number % 50}/{number}.md", b"x")
    watched.settle()
    assert len(watched.bucket.objects) == 5000
    watched.restart()
    began = time.process_time()
    watched.settle()
    assert len(watched.bucket.uploads) == 5000
    # Two scans; a hundred times slower would be a defect, a busy machine would not.
    assert time.process_time() - began < 5


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens to folder, bucket and watcher: when it is over, the bucket holds what the folder holds."""

    names = st.sampled_from(["a", "t/a", "t/p/a", "t/p/b", "t/p/sub/c"])

    def __init__(self) -> None:
        super().__init__()
        self._home = tempfile.TemporaryDirectory()
        self.watched = Watched(Path(self._home.name))

    @rule(name=names, content=st.binary(max_size=2))
    def write(self, name: str, content: bytes) -> None:
        if not any(parent.is_file() for parent in (self.watched.folder / name).parents):
            self.watched.write(name, content)

    @rule(name=names)
    def delete(self, name: str) -> None:
        (self.watched.folder / name).unlink(missing_ok=True)

    @rule(name=names, target_name=names)
    def rename(self, name: str, target_name: str) -> None:
        if (self.watched.folder / name).is_file():
            (self.watched.folder / target_name).parent.mkdir(parents=True, exist_ok=True)
            (self.watched.folder / name).rename(self.watched.folder / target_name)

    @rule(seconds=st.sampled_from([0.0, 0.125, 0.5]))
    def scan(self, seconds: float) -> None:
        self.watched.scan(seconds)

    @rule(fails=st.booleans())
    def bucket_comes_and_goes(self, fails: bool) -> None:
        self.watched.bucket.fails = fails

    @rule()
    def restart(self) -> None:
        self.watched.restart()

    @invariant()
    def every_object_was_a_file_once_settled(self) -> None:
        assert set(self.watched.state.stamps()) == set(self.watched.bucket.objects)

    def teardown(self) -> None:
        self.watched.bucket.fails = False
        self.watched.settle()
        try:
            assert self.watched.bucket.objects == self.watched.files()
        finally:
            self.watched.state.close()
            self._home.cleanup()


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=25)


def test_scanning_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "t" / "p").mkdir(parents=True)
    (tmp_path / "t" / "p" / "a").write_bytes(b"123")
    os.utime(tmp_path / "t" / "p" / "a", ns=(5, 7))
    assert scan(tmp_path).files == {"t/p/a": Stamp(3, 7)}


@contextmanager
def running(folder: Path, state_file: Path, endpoint: str, log: list[str]) -> Iterator[None]:
    """The watcher in its thread, on the real client."""
    stop = threading.Event()
    client = storage_client(endpoint, "test-project")
    with DropState(state_file) as state:
        drop = DropFolder(folder, state, BucketUploader(client.bucket("test-uploads")), log.append)
        thread = threading.Thread(target=drop.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            client.close()


def test_the_whole_way_into_the_bucket(tmp_path: Path) -> None:
    """Dropped before the server is there, overwritten, deleted, restarted."""
    folder, state_file = tmp_path / "drop", tmp_path / "drop.sqlite"
    file = folder / "team" / "project" / "a b.md"
    file.parent.mkdir(parents=True)
    file.write_text("one")
    storage_port, nobodys_port = free_ports(2)
    endpoint = f"http://127.0.0.1:{storage_port}"
    log: list[str] = []
    with running(folder, state_file, endpoint, log):
        assert eventually(lambda: any("could not be uploaded; it is tried again" in line for line in log))
        notifications = Notifications(nobodys_port, "test-project", "object-events", "test-uploads")
        with start_storage(tmp_path, port=storage_port, notifications=notifications, log=lambda _: None):
            client = storage_client(endpoint, "test-project")
            create_buckets(client, ["test-uploads"])
            bucket = client.bucket("test-uploads")
            assert eventually(lambda: bucket.get_blob("team/project/a b.md") is not None)
            first = bucket.get_blob("team/project/a b.md")
            assert (first.content_type, first.download_as_bytes()) == ("text/markdown", b"one")
            file.write_text("another")
            assert eventually(lambda: bucket.get_blob("team/project/a b.md").generation > first.generation)
            assert bucket.get_blob("team/project/a b.md").download_as_bytes() == b"another"
            file.unlink()
            assert eventually(lambda: bucket.get_blob("team/project/a b.md") is None)
            client.close()
