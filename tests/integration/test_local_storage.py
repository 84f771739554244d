"""The stack's Cloud Storage, with the real client; the notifications that it publishes are taken down over gRPC."""

from __future__ import annotations

import json
import os
import queue
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from google.api_core.exceptions import NotFound
from google.cloud.storage import Client
from google.pubsub_v1.types import PublishRequest, PublishResponse, PubsubMessage

from local.errors import StartError
from local.ports import free_ports
from local.storage import (
    BucketUploader,
    Notifications,
    StorageServer,
    create_buckets,
    start_storage,
    storage_client,
)

PROJECT, TOPIC, UPLOADS, ARTIFACTS = "test-project", "object-events", "test-uploads", "test-artifacts"


@dataclass(frozen=True)
class Recorder:
    """A Pub/Sub server that knows one call and keeps what is published."""

    port: int
    published: queue.Queue[PubsubMessage]

    def next_event(self) -> dict[str, str]:
        message = self.published.get(timeout=20)
        assert json.loads(message.data)["name"] == message.attributes["objectId"]
        return {name: message.attributes[name] for name in ("eventType", "bucketId", "objectId", "objectGeneration")}


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    published: queue.Queue[PubsubMessage] = queue.Queue()

    def publish(request: PublishRequest, _: object) -> PublishResponse:
        assert request.topic == f"projects/{PROJECT}/topics/{TOPIC}"
        for message in request.messages:
            published.put(message)
        return PublishResponse(message_ids=["1"] * len(request.messages))

    call = grpc.unary_unary_rpc_method_handler(publish, PublishRequest.deserialize, PublishResponse.serialize)
    calls = grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", {"Publish": call})
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers([calls])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield Recorder(port, published)
        server.stop(None).wait()


@pytest.fixture(autouse=True)
def nothing_left_over(recorder: Recorder) -> Iterator[None]:
    yield
    while not recorder.published.empty():
        recorder.published.get_nowait()


def serve(home: Path, recorder: Recorder) -> StorageServer:
    [port] = free_ports(1)
    return start_storage(
        home, port=port, notifications=Notifications(recorder.port, PROJECT, TOPIC, UPLOADS), log=lambda _: None
    )


def client_of(server: StorageServer) -> Client:
    client = storage_client(server.endpoint, PROJECT)
    create_buckets(client, [UPLOADS, ARTIFACTS])
    return client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder) -> Iterator[StorageServer]:
    with serve(tmp_path_factory.mktemp("storage"), recorder) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: StorageServer) -> Iterator[Client]:
    client = client_of(server)
    yield client
    client.close()


def test_buckets_are_created_once(client: Client) -> None:
    create_buckets(client, [UPLOADS, ARTIFACTS])
    assert {bucket.name for bucket in client.list_buckets()} == {UPLOADS, ARTIFACTS}


def test_an_upload_is_stored_with_its_type_and_reported(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "anything"
    file.write_bytes(b"# Heading\n")
    name = "team/project/a folder/Überblick.md"
    generation = BucketUploader(client.bucket(UPLOADS)).upload(file, name)
    assert recorder.next_event() == {
        "eventType": "OBJECT_FINALIZE",
        "bucketId": UPLOADS,
        "objectId": name,
        "objectGeneration": str(generation),
    }
    blob = client.bucket(UPLOADS).get_blob(name)
    assert (blob.generation, blob.content_type) == (generation, "text/markdown")
    assert blob.download_as_bytes() == b"# Heading\n"


def test_a_file_larger_than_one_request_arrives_whole(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    content = os.urandom(1 << 20) * 20
    file.write_bytes(content)
    generation = BucketUploader(client.bucket(UPLOADS)).upload(file, "large.bin")
    assert recorder.next_event()["objectGeneration"] == str(generation)
    assert client.bucket(UPLOADS).blob("large.bin").download_as_bytes() == content


def test_an_overwrite_and_a_delete_are_reported(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "f.txt"
    uploader = BucketUploader(client.bucket(UPLOADS))
    file.write_text("one")
    first = uploader.upload(file, "team/f.txt")
    file.write_text("two")
    second = uploader.upload(file, "team/f.txt")
    uploader.delete("team/f.txt")
    events = [recorder.next_event() for _ in range(4)]
    assert sorted((event["eventType"], int(event["objectGeneration"])) for event in events) == [
        ("OBJECT_DELETE", first),
        ("OBJECT_DELETE", second),
        ("OBJECT_FINALIZE", first),
        ("OBJECT_FINALIZE", second),
    ]
    assert first < second


def test_deleting_what_is_gone_is_no_error(client: Client) -> None:
    BucketUploader(client.bucket(UPLOADS)).delete("never/was")


def test_an_upload_to_a_missing_bucket_fails(client: Client, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(NotFound):
        BucketUploader(client.bucket("missing")).upload(tmp_path / "f", "f")


def test_other_buckets_are_not_reported(client: Client, recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    BucketUploader(client.bucket(ARTIFACTS)).upload(tmp_path / "f", "quiet")
    BucketUploader(client.bucket(UPLOADS)).upload(tmp_path / "f", "loud")
    assert recorder.next_event()["objectId"] == "loud"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_objects_and_growing_generations_survive_a_restart(
    tmp_path: Path, recorder: Recorder, how: signal.Signals
) -> None:
    (tmp_path / "f").write_text("x")
    generations: list[int] = []
    for _ in range(3):
        with serve(tmp_path, recorder) as server:
            client = client_of(server)
            bucket = client.bucket(UPLOADS)
            assert [blob.generation for blob in bucket.list_blobs()] == generations[-1:]
            generations += [BucketUploader(bucket).upload(tmp_path / "f", "team/f") for _ in range(20)]
            client.close()
            os.kill(server.process.pid, how)
    assert generations == sorted(set(generations))


def test_the_data_folder_may_be_on_another_file_system(recorder: Recorder) -> None:
    memory = Path("/dev/shm")  # noqa: S108
    if not memory.is_dir() or memory.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev:
        pytest.skip("needs a second file system")
    with tempfile.TemporaryDirectory(dir=memory) as home:
        (Path(home) / "f").write_text("x")
        try:
            server = serve(Path(home), recorder)
        except StartError as error:
            if error.reason != "NO_EXTENDED_ATTRIBUTES":
                raise
            pytest.skip("tmpfs has extended attributes since Linux 6.6")
        with server:
            client = client_of(server)
            BucketUploader(client.bucket(UPLOADS)).upload(Path(home) / "f", "team/f")
            assert client.bucket(UPLOADS).blob("team/f").download_as_bytes() == b"x"
            client.close()


def test_what_a_killed_server_had_not_finished_is_removed(tmp_path: Path, recorder: Recorder) -> None:
    unfinished = tmp_path / "storage.unfinished" / "half an object"
    unfinished.parent.mkdir()
    unfinished.write_text("x")
    with serve(tmp_path, recorder):
        assert not unfinished.exists()
