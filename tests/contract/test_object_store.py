"""`ObjectStore`, on every implementation.

Where the emulator departs from Cloud Storage, `EMULATOR_DIFFERS` says so, and the test asserts the departure: an entry
that is no longer true fails.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import requests

from common.adapters.google_storage import GoogleObjectStore
from common.errors import Permanent
from common.model.documents import StoredObject
from common.ports import ObjectStore
from local.ports import free_ports
from local.pubsub.emulator import PubSubEmulator
from local.storage import Notifications, create_buckets, start_storage, storage_client

EMULATOR_DIFFERS = {
    "size": "takes any number of bytes at an upload's address",
    "delete": "ignores the precondition on delete: whatever generation is asked for, the newest goes",
}
PROJECT, BUCKET = "contract", "contract-objects"
LARGE = 20 * 1024 * 1024 + 1

_numbers = count(1)


@dataclass(frozen=True)
class Store:
    objects: ObjectStore
    is_emulator: bool

    def differs(self, how: str) -> bool:
        """Whether this store departs from Cloud Storage in the way that `EMULATOR_DIFFERS` describes."""
        return bool(EMULATOR_DIFFERS[how]) and self.is_emulator


@pytest.fixture(scope="module", params=["fake-gcs-server"])
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    (port,) = free_ports(1)
    with PubSubEmulator() as pubsub:
        notifications = Notifications(int(pubsub.host.rpartition(":")[2]), PROJECT, "events", "another-bucket")
        folder = tmp_path_factory.mktemp("storage")
        with start_storage(folder, port=port, notifications=notifications, log=lambda _: None) as server:
            client = storage_client(server.endpoint, PROJECT)
            create_buckets(client, [BUCKET])
            client.close()
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("STORAGE_EMULATOR_HOST", server.endpoint)
                objects = GoogleObjectStore(PROJECT, anonymous=True)
                yield Store(objects, is_emulator=True)
            objects._client.close()


@pytest.fixture
def objects(store: Store) -> ObjectStore:
    return store.objects


@pytest.fixture
def prefix() -> str:
    """A place in the bucket that is the test's own."""
    return f"place-{next(_numbers)}/"


def put(objects: ObjectStore, name: str, content: bytes = b"content") -> StoredObject:
    return objects.upload(BUCKET, name, content, "text/plain", {})


def test_an_uploaded_object_is_described_as_it_is_stored(objects: ObjectStore, prefix: str) -> None:
    name = prefix + "Ein Überblick (1).md"
    stored = objects.upload(BUCKET, name, b"# Heading", "text/markdown", {"title": "Überblick", "source-type": "url"})
    assert stored == StoredObject(
        BUCKET, name, stored.generation, 9, "text/markdown", {"title": "Überblick", "source-type": "url"}
    )
    assert stored.generation > 0
    assert objects.list_page(BUCKET, prefix, "", 10) == [stored]
    assert objects.read(BUCKET, name) == b"# Heading"


def test_every_upload_is_a_newer_generation(objects: ObjectStore, prefix: str) -> None:
    generations = [put(objects, prefix + "a", content).generation for content in (b"1", b"2", b"3")]
    assert generations == sorted(set(generations))
    assert objects.read(BUCKET, prefix + "a") == b"3"
    assert [stored.generation for stored in objects.list_page(BUCKET, prefix, "", 10)] == generations[-1:]


@pytest.mark.parametrize("size", [0, 1, LARGE])
def test_a_download_is_the_generation_byte_by_byte(
    objects: ObjectStore, prefix: str, size: int, tmp_path: Path
) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    stored = put(objects, prefix + "a", content[:size])
    downloaded = objects.download(BUCKET, stored.name, stored.generation, tmp_path / "file", size)
    assert downloaded == StoredObject(BUCKET, stored.name, stored.generation, size, "text/plain")
    assert (tmp_path / "file").read_bytes() == content[:size]


@pytest.mark.parametrize(("size", "max_bytes"), [(1, 0), (101, 100), (LARGE, LARGE - 1), (LARGE, 1_000_000)])
def test_a_download_of_more_than_is_allowed_ends_before_it_is_written(
    objects: ObjectStore, prefix: str, size: int, max_bytes: int, tmp_path: Path
) -> None:
    stored = put(objects, prefix + "a", bytes(size))
    with pytest.raises(Permanent) as caught:
        objects.download(BUCKET, stored.name, stored.generation, tmp_path / "file", max_bytes)
    assert caught.value.reason == "TOO_LARGE"
    assert str(max_bytes) in caught.value.message
    assert (tmp_path / "file").stat().st_size <= max_bytes


@pytest.mark.parametrize("size", [0, 1, LARGE])
def test_an_uploaded_file_is_stored_byte_by_byte(objects: ObjectStore, prefix: str, size: int, tmp_path: Path) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    (tmp_path / "file").write_bytes(content)
    stored = objects.upload_file(BUCKET, prefix + "a", tmp_path / "file", "application/pdf")
    assert stored == StoredObject(BUCKET, prefix + "a", stored.generation, size, "application/pdf")
    assert objects.list_page(BUCKET, prefix, "", 10) == [stored]
    assert objects.read(BUCKET, prefix + "a") == content


def test_a_file_for_a_bucket_that_is_not_there_is_refused(objects: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with pytest.raises(Permanent) as caught:
        objects.upload_file("no-such-bucket", "a", tmp_path / "file", "text/plain")
    assert caught.value.reason == "BUCKET_NOT_FOUND"


def test_an_overwritten_generation_is_gone(objects: ObjectStore, prefix: str, tmp_path: Path) -> None:
    old, new = put(objects, prefix + "a", b"old"), put(objects, prefix + "a", b"new")
    assert objects.download(BUCKET, old.name, old.generation, tmp_path / "file", 3) is None
    assert objects.download(BUCKET, new.name, new.generation, tmp_path / "file", 3) is not None
    assert (tmp_path / "file").read_bytes() == b"new"


def test_what_was_never_there_is_none(objects: ObjectStore, prefix: str, tmp_path: Path) -> None:
    assert objects.read(BUCKET, prefix + "a") is None
    assert objects.download(BUCKET, prefix + "a", 1, tmp_path / "file", 3) is None
    assert objects.list_page(BUCKET, prefix, "", 10) == []


def test_what_is_there_is_found_as_the_store_describes_it(objects: ObjectStore, prefix: str) -> None:
    before = datetime.now(UTC)
    stored = put(objects, prefix + "a/Ä b.txt")
    for generation in (None, stored.generation):
        found = objects.find(BUCKET, stored.name, generation)
        assert found == stored
        assert found is not None
        assert found.created_at is not None
        assert abs(found.created_at - before) < timedelta(minutes=1)


def test_a_generation_that_is_gone_is_not_found_and_the_newest_is(objects: ObjectStore, prefix: str) -> None:
    old, new = put(objects, prefix + "a", b"old"), put(objects, prefix + "a", b"newer")
    assert objects.find(BUCKET, old.name, old.generation) is None
    assert objects.find(BUCKET, old.name) == new
    objects.delete(BUCKET, new.name)
    assert objects.find(BUCKET, new.name, new.generation) is None
    assert objects.find(BUCKET, new.name) is None
    assert objects.find(BUCKET, prefix + "never") is None


def test_a_taken_name_is_not_created_again_and_keeps_its_content(objects: ObjectStore, prefix: str) -> None:
    assert objects.create(BUCKET, prefix + "a", b"first", "text/plain")
    (stored,) = objects.list_page(BUCKET, prefix, "", 10)
    assert not objects.create(BUCKET, prefix + "a", b"second", "text/html")
    assert objects.read(BUCKET, prefix + "a") == b"first"
    assert objects.list_page(BUCKET, prefix, "", 10) == [stored]


def test_of_creations_at_once_one_alone_wins(objects: ObjectStore, prefix: str) -> None:
    contents = [str(number).encode() for number in range(4)]
    together = threading.Barrier(len(contents))

    def create(content: bytes) -> bool:
        together.wait()
        return objects.create(BUCKET, prefix + "a", content, "text/plain")

    with ThreadPoolExecutor(len(contents)) as threads:
        won = list(threads.map(create, contents))
    assert sorted(won) == [False, False, False, True]
    assert objects.read(BUCKET, prefix + "a") == contents[won.index(True)]


def test_a_deleted_name_is_gone_and_free_again(objects: ObjectStore, prefix: str) -> None:
    stored = put(objects, prefix + "a")
    objects.delete(BUCKET, stored.name, stored.generation)
    assert objects.read(BUCKET, stored.name) is None
    assert objects.create(BUCKET, stored.name, b"again", "text/plain")


@pytest.mark.parametrize("generation", [None, 1])
def test_deleting_what_is_gone_is_done(objects: ObjectStore, prefix: str, generation: int | None) -> None:
    objects.delete(BUCKET, prefix + "a", generation)
    assert objects.read(BUCKET, prefix + "a") is None


def test_deleting_without_a_generation_takes_the_newest(objects: ObjectStore, prefix: str) -> None:
    put(objects, prefix + "a", b"old")
    put(objects, prefix + "a", b"new")
    objects.delete(BUCKET, prefix + "a")
    assert objects.read(BUCKET, prefix + "a") is None


def test_deleting_an_overwritten_generation_leaves_the_newer(store: Store, prefix: str) -> None:
    old = put(store.objects, prefix + "a", b"old")
    put(store.objects, prefix + "a", b"new")
    store.objects.delete(BUCKET, old.name, old.generation)
    assert store.objects.read(BUCKET, old.name) == (None if store.differs("delete") else b"new")


def test_pages_follow_each_other_by_name_until_nothing_is_left(objects: ObjectStore, prefix: str) -> None:
    names = [prefix + name for name in ("a", "b/1", "b/2", "c d", "Ä", "é/ü")]
    for name in reversed(names):
        put(objects, name)
    put(objects, "place-elsewhere/a")
    found: list[str] = []
    for length in (4, 2, 0):
        page = objects.list_page(BUCKET, prefix, found[-1] if found else "", 4)
        assert len(page) == length
        found += [stored.name for stored in page]
    assert found == sorted(names)


def test_a_page_begins_behind_a_name_that_is_not_there(objects: ObjectStore, prefix: str) -> None:
    for name in ("a", "c"):
        put(objects, prefix + name)
    assert [stored.name for stored in objects.list_page(BUCKET, prefix, prefix + "b", 5)] == [prefix + "c"]


def test_whoever_has_an_upload_s_address_makes_the_object(store: Store) -> None:
    name, content = f"uploads/{next(_numbers)} ä.txt", b"words" * 100_000
    url = store.objects.open_upload(BUCKET, name, len(content), "text/plain", {"year": "2026"})
    assert store.objects.find(BUCKET, name) is None
    half = 256 * 1024
    first = requests.put(
        url,
        data=content[:half],
        headers={"Content-Range": f"bytes 0-{half - 1}/{len(content)}"},
        timeout=60,
        allow_redirects=False,
    )
    assert (first.status_code, first.headers["Range"]) == (308, f"bytes=0-{half - 1}")
    place = f"bytes {half}-{len(content) - 1}/{len(content)}"
    last = requests.put(url, data=content[half:], headers={"Content-Range": place}, timeout=60)
    assert last.status_code == 200
    stored = store.objects.find(BUCKET, name)
    assert stored is not None
    assert (stored.generation, stored.size) == (int(last.json()["generation"]), len(content))
    assert (stored.content_type, stored.metadata) == ("text/plain", {"year": "2026"})


def test_an_upload_takes_as_many_bytes_as_were_said(store: Store) -> None:
    url = store.objects.open_upload(BUCKET, f"uploads/{next(_numbers)}", 3, "text/plain", {})
    assert (requests.put(url, data=b"four", timeout=60).status_code == 200) is store.differs("size")


def test_a_file_is_uploaded_with_its_metadata(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"words")
    stored = store.objects.upload_file(BUCKET, f"uploads/{next(_numbers)}", source, "text/html", {"year": "2026"})
    assert (stored.size, stored.content_type, stored.metadata) == (5, "text/html", {"year": "2026"})
    assert store.objects.find(BUCKET, stored.name) == stored
