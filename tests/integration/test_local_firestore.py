"""The stack's Firestore: Google's emulator, and what stands before it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from uuid import uuid4

import pytest
from google.api_core.exceptions import MethodNotImplemented
from google.cloud.firestore_v1 import Client

from common.adapters.firestore_texts import FirestoreChunkTexts, firestore_client
from common.model.chunks import ChunkOwner
from common.model.questions import Scope
from local import firestore
from local.errors import StartError
from local.firestore import FirestoreServer, start_firestore
from local.firestore_front import FirestoreCounts
from local.ports import free_ports
from tests.firestore import skip_without_firestore

OWNER = ChunkOwner(team_id=uuid4(), project_id=uuid4(), document_id=uuid4(), job_id=uuid4())
SCOPE = Scope(OWNER.team_id, OWNER.project_id)


@pytest.fixture
def installed() -> None:
    skip_without_firestore()


def _start(directory: Path) -> FirestoreServer:
    return start_firestore(directory, port=free_ports(1)[0], log=lambda _: None)


def _client(server: FirestoreServer, monkeypatch: pytest.MonkeyPatch, database: str = "(default)") -> Client:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.address)
    return firestore_client("local", database)


def _texts(client: Client) -> FirestoreChunkTexts:
    return FirestoreChunkTexts(client, remote_seconds=20, retry_seconds=40)


@pytest.mark.full
@pytest.mark.usefixtures("installed")
def test_what_was_written_survives_a_crash_and_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = {uuid4(): f"{number} Größe\x00🙂" + 5_000 * "x" for number in range(700)}
    gone, changed = list(written)[:2]
    expected = {key: text for key, text in written.items() if key != gone} | {changed: "changed"}
    with _start(tmp_path) as server:
        texts = _texts(_client(server, monkeypatch))
        texts.put(OWNER, written)
        texts.put(OWNER, {changed: "changed"})
        texts.delete(OWNER, [gone])
        _texts(_client(server, monkeypatch, "other")).put(OWNER, {gone: "in another database"})
        os.kill(server.process.pid, signal.SIGKILL)
    with _start(tmp_path) as server:
        assert _texts(_client(server, monkeypatch)).get(SCOPE, list(written)) == expected
        assert _texts(_client(server, monkeypatch, "other")).get(SCOPE, [gone]) == {gone: "in another database"}


@pytest.mark.usefixtures("installed")
def test_documents_are_counted_and_what_could_not_be_kept_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [uuid4() for _ in range(5)]
    with _start(tmp_path) as server:
        client = _client(server, monkeypatch)
        texts = _texts(client)
        texts.put(OWNER, dict.fromkeys(ids, "text"))
        texts.get(SCOPE, [*ids, uuid4()])
        texts.delete(OWNER, ids[:2])
        for refused in (
            lambda: client.document("a/b").set({"field": 1}, merge=True, retry=None),
            lambda: client.document("a/b").create({"field": 1}, retry=None),
            lambda: list(client.collection("a").stream(retry=None)),
        ):
            with pytest.raises(MethodNotImplemented):
                refused()
        assert server.counts == FirestoreCounts(writes=5, deletes=2, reads=6)


def test_without_java_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartError, match="install a Java runtime") as raised:
        _start(tmp_path)
    assert raised.value.reason == "FIRESTORE_MISSING"


def test_without_the_emulator_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "java"
    java.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(firestore, "JAR", Path("no", "such.jar"))
    with pytest.raises(StartError, match="gcloud components install cloud-firestore-emulator"):
        _start(tmp_path)
