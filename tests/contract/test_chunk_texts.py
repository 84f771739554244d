"""`ChunkTexts`, on every implementation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from common.adapters.firestore_texts import FirestoreChunkTexts, firestore_client
from common.adapters.postgres.chunk_texts import PostgresChunkTexts
from common.messages import DocumentRegistered
from common.model.questions import Scope
from common.ports import ChunkTexts
from local.firestore import start_firestore
from local.ports import free_ports
from tests.firestore import skip_without_firestore
from tests.rows import Installation, chunk_ids, new_place, registered


@dataclass(frozen=True)
class Texts:
    """What the pipeline writes to and the API reads from, with an owner of texts."""

    written: ChunkTexts
    read: ChunkTexts
    message: DocumentRegistered

    @property
    def scope(self) -> Scope:
        return Scope(self.message.team_id, self.message.project_id)


@pytest.fixture(scope="module")
def firestore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirestoreChunkTexts]:
    """On Google's emulator."""
    skip_without_firestore()
    directory, (port,) = tmp_path_factory.mktemp("firestore"), free_ports(1)
    with start_firestore(directory, port=port, log=lambda _: None) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", server.address)
        client = firestore_client("contract", "texts")
        yield FirestoreChunkTexts(client, remote_seconds=20, retry_seconds=40)


@pytest.fixture(params=["postgres", "firestore"])
def texts(request: pytest.FixtureRequest, installation: Installation) -> Texts:
    message = registered(installation, new_place(installation))
    if request.param == "firestore":
        firestore: FirestoreChunkTexts = request.getfixturevalue("firestore")
        return Texts(firestore, firestore, message)
    return Texts(PostgresChunkTexts(installation.pipeline), PostgresChunkTexts(installation.api), message)


def test_texts_are_read_as_they_were_written(texts: Texts) -> None:
    written = dict(zip(chunk_ids(texts.message), ['"quoted" \\ %s :name', "Größe ≥ 1 🙂\n\ttab", " "], strict=True))
    texts.written.put(texts.message.owner, written)
    assert texts.read.get(texts.scope, list(written)) == written


def test_only_what_is_asked_for_and_there_is_got(texts: Texts) -> None:
    first, second, third = chunk_ids(texts.message)
    texts.written.put(texts.message.owner, {first: "one", second: "two"})
    assert texts.read.get(texts.scope, [second, third, uuid4()]) == {second: "two"}
    assert texts.read.get(texts.scope, []) == {}


def test_writing_again_changes_nothing(texts: Texts) -> None:
    written = dict.fromkeys(chunk_ids(texts.message), "text")
    for _ in range(2):
        texts.written.put(texts.message.owner, written)
    assert texts.read.get(texts.scope, list(written)) == written


def test_nothing_to_write_is_done(texts: Texts) -> None:
    texts.written.put(texts.message.owner, {})
    assert texts.read.get(texts.scope, chunk_ids(texts.message)) == {}


def test_deleted_texts_are_gone_and_the_rest_stays(texts: Texts) -> None:
    first, second, third = chunk_ids(texts.message)
    texts.written.put(texts.message.owner, dict.fromkeys([first, second, third], "text"))
    for _ in range(2):
        texts.written.delete(texts.message.owner, [first, third, uuid4()])
    assert texts.read.get(texts.scope, [first, second, third]) == {second: "text"}


def test_only_what_is_there_is_present(texts: Texts) -> None:
    first, second, third = chunk_ids(texts.message)
    texts.written.put(texts.message.owner, dict.fromkeys([first, second], "text"))
    assert texts.written.present(texts.message.owner, [second, third, uuid4(), first, first]) == {first, second}
    assert texts.written.present(texts.message.owner, []) == frozenset()
    texts.written.delete(texts.message.owner, [first])
    assert texts.written.present(texts.message.owner, [first, second]) == {second}


def test_of_another_owner_nothing_is_present(texts: Texts, installation: Installation) -> None:
    ids = chunk_ids(texts.message)
    texts.written.put(texts.message.owner, dict.fromkeys(ids, "text"))
    team = installation.administration.team(str(texts.message.team_id)).name
    for place in (new_place(installation), new_place(installation, team)):
        assert texts.written.present(registered(installation, place).owner, ids) == frozenset()


def test_another_project_gets_nothing(texts: Texts, installation: Installation) -> None:
    ids = chunk_ids(texts.message)
    texts.written.put(texts.message.owner, dict.fromkeys(ids, "text"))
    team = installation.administration.team(str(texts.message.team_id)).name
    neighbour = new_place(installation, team)
    assert texts.read.get(Scope(neighbour.team_id, neighbour.project_id), ids) == {}


def test_another_team_gets_nothing(texts: Texts, installation: Installation) -> None:
    ids = chunk_ids(texts.message)
    texts.written.put(texts.message.owner, dict.fromkeys(ids, "text"))
    stranger = new_place(installation)
    assert texts.read.get(Scope(stranger.team_id, texts.message.project_id), ids) == {}
    assert texts.read.get(Scope(stranger.team_id, stranger.project_id), ids) == {}


def test_another_team_deletes_nothing(texts: Texts, installation: Installation) -> None:
    ids = chunk_ids(texts.message)
    texts.written.put(texts.message.owner, dict.fromkeys(ids, "text"))
    stranger = registered(installation, new_place(installation))
    texts.written.delete(stranger.owner, ids)
    assert len(texts.read.get(texts.scope, ids)) == len(ids)
