"""The look-up of an API key, which comes before a team is known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from common.model.questions import Scope
from local.postgres import PostgresServer
from migrations.upgrade import upgrade
from tests.conftest import TestDatabase
from tests.rows import Installation, chunk_ids, installed, live, new_api_key, new_place

OWNER = "schema_owner"

FIND = text("select * from find_api_key(:key_id)")
KEY_ID = "select key_id from api_keys where id = :id"


def test_a_key_is_found_by_its_public_id_without_a_team(installation: Installation) -> None:
    place = new_place(installation)
    key = new_api_key(installation, place.team_id)
    assert (key.team_id, key.project_id, key.status) == (place.team_id, None, "active")
    assert key.scopes == {"query"}
    assert (key.pepper_version, key.expires_at, key.last_used_at) == (1, None, None)
    stored = installation.row("select key_hash from api_keys where id = :id", id=key.id)
    assert key.key_hash == stored.key_hash


@pytest.mark.parametrize("key_id", ["", "unknown", "%", "' or true --"])
def test_an_unknown_key_is_not_found(installation: Installation, key_id: str) -> None:
    new_api_key(installation, new_place(installation).team_id)
    assert installation.team_database.find_key(key_id) is None


def test_a_revoked_key_is_found_as_revoked(installation: Installation) -> None:
    key = new_api_key(installation, new_place(installation).team_id)
    key_id = installation.row(KEY_ID, id=key.id).key_id
    installation.administration.revoke_key(key_id)
    found = installation.team_database.find_key(key_id)
    assert found is not None
    assert found.status == "revoked"


def test_a_deleted_team_s_key_is_not_found(installation: Installation) -> None:
    place = new_place(installation)
    key_id = installation.row(KEY_ID, id=new_api_key(installation, place.team_id).id).key_id
    installation.administration.delete_team(str(place.team_id))
    assert installation.team_database.find_key(key_id) is None


@pytest.mark.parametrize("login", ["pipeline", "operator"])
def test_only_the_api_may_look_keys_up(installation: Installation, login: str) -> None:
    with getattr(installation, login).connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(FIND, {"key_id": "unknown"})


@pytest.fixture(scope="module")
def plainly_owned(postgres: PostgresServer) -> Iterator[Installation]:
    """An installation whose schema belongs to a role that is no superuser, as on Cloud SQL."""
    database = TestDatabase(postgres, "owned_by_a_plain_role")
    postgres.create_database(database.name)
    superuser = database.engine()
    with superuser.begin() as connection:
        connection.execute(text(f"create role {OWNER} login createrole"))
        connection.execute(text(f"alter database {database.name} owner to {OWNER}"))
        connection.execute(text(f"grant ai_infra_search to {OWNER} with inherit false, set true"))
        for extension in ("vector", "btree_gin"):
            connection.execute(text(f"create extension {extension}"))
    superuser.dispose()
    owner = database.engine(OWNER)
    upgrade(owner)
    owner.dispose()
    with installed(database) as installation:
        yield installation
    postgres.drop_database(database.name)


def test_a_plain_owner_s_installation_finds_keys_and_shows_no_row(plainly_owned: Installation) -> None:
    place = new_place(plainly_owned)
    assert new_api_key(plainly_owned, place.team_id).team_id == place.team_id
    with plainly_owned.api.connect() as connection:
        assert connection.execute(text("select count(*) from api_keys")).scalar_one() == 0


def test_a_plain_owner_s_installation_takes_documents_in(plainly_owned: Installation) -> None:
    message = live(plainly_owned, new_place(plainly_owned))
    assert plainly_owned.document(message).active_job_id == message.job_id


def test_a_plain_owner_s_installation_finds_words_of_its_team_alone(plainly_owned: Installation) -> None:
    ours, theirs = (live(plainly_owned, new_place(plainly_owned)) for _ in range(2))
    with plainly_owned.team_database.transaction(ours.team_id) as transaction:
        hits = transaction.questions.lexical_hits(Scope(ours.team_id, ours.project_id), ["chunk"], 50)
        assert {hit.chunk_id for hit in hits} == set(chunk_ids(ours))
        assert transaction.questions.lexical_hits(Scope(theirs.team_id, theirs.project_id), ["chunk"], 50) == []


def test_a_plain_owner_reads_nothing_of_tenants_beyond_the_look_up(plainly_owned: Installation) -> None:
    live(plainly_owned, new_place(plainly_owned))
    owner = create_engine(plainly_owned.owner.url.set(username=OWNER), connect_args={"ssl_context": False})
    with owner.connect() as connection:
        for table in ("projects", "documents", "document_chunks", "chunk_texts", "chunk_vectors", "query_logs"):
            assert connection.execute(text(f"select count(*) from {table}")).scalar_one() == 0
    owner.dispose()
