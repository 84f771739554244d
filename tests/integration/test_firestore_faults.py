"""Chunk texts in Firestore, over a wire on which calls fail: nothing is lost, and no part passes for the whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import grpc
import pytest

from common.adapters.firestore_texts import MAX_TEXT_BYTES, QUOTA_SECONDS, FirestoreChunkTexts, firestore_client
from common.errors import ConfigurationError, Deferred, Permanent, Retryable
from common.model.chunks import ChunkOwner
from common.model.questions import Scope
from tests.integration.faulty_firestore import (
    MOST_BYTES,
    MOST_WRITES,
    Fault,
    FaultyFirestore,
    answers,
    drops_the_connection,
    ends_early,
    keeps_silent,
)

pytestmark = pytest.mark.full

OWNER = ChunkOwner(team_id=uuid4(), project_id=uuid4(), document_id=uuid4(), job_id=uuid4())
SCOPE = Scope(OWNER.team_id, OWNER.project_id)
TEXTS = {uuid4(): f"text {number}" for number in range(20)}
PASSING = {
    "unavailable": answers(grpc.StatusCode.UNAVAILABLE),
    "internal": answers(grpc.StatusCode.INTERNAL),
    "aborted": answers(grpc.StatusCode.ABORTED),
    "slow": keeps_silent,
    "dropped": drops_the_connection,
}

type Call = Callable[[FirestoreChunkTexts], object]
CALLS: dict[str, Call] = {
    "put": lambda texts: texts.put(OWNER, TEXTS),
    "get": lambda texts: texts.get(SCOPE, list(TEXTS)),
    "present": lambda texts: texts.present(OWNER, list(TEXTS)),
    "delete": lambda texts: texts.delete(OWNER, list(TEXTS)),
}


@pytest.fixture
def firestore(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyFirestore]:
    with FaultyFirestore() as server:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.wire.address)
        yield server


@pytest.fixture
def texts(firestore: FaultyFirestore) -> FirestoreChunkTexts:
    return FirestoreChunkTexts(firestore_client("faults", "texts"), remote_seconds=30, retry_seconds=60)


@pytest.fixture
def hasty(firestore: FaultyFirestore) -> FirestoreChunkTexts:
    """Does not wait long for one answer, and long for the right one."""
    return FirestoreChunkTexts(firestore_client("faults", "texts"), remote_seconds=1, retry_seconds=60)


@pytest.fixture
def impatient(firestore: FaultyFirestore) -> FirestoreChunkTexts:
    return FirestoreChunkTexts(firestore_client("faults", "texts"), remote_seconds=0.5, retry_seconds=1)


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_put_is_repeated_until_its_texts_are_there(
    firestore: FaultyFirestore, hasty: FirestoreChunkTexts, fault: Fault, moment: str
) -> None:
    getattr(firestore, moment).append(fault)
    hasty.put(OWNER, TEXTS)
    assert not firestore.before
    assert not firestore.after
    assert hasty.get(SCOPE, list(TEXTS)) == TEXTS


@pytest.mark.parametrize("fault", [*PASSING.values(), ends_early], ids=[*PASSING, "ends early"])
def test_a_get_that_breaks_off_half_way_is_repeated_until_it_is_whole(
    firestore: FaultyFirestore, hasty: FirestoreChunkTexts, fault: Fault
) -> None:
    hasty.put(OWNER, TEXTS)
    firestore.after.append(fault)
    assert hasty.get(SCOPE, [*TEXTS, uuid4()]) == TEXTS
    assert not firestore.after


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_delete_is_repeated_until_its_texts_are_gone(
    firestore: FaultyFirestore, hasty: FirestoreChunkTexts, fault: Fault, moment: str
) -> None:
    kept = uuid4()
    hasty.put(OWNER, {**TEXTS, kept: "kept"})
    getattr(firestore, moment).append(fault)
    hasty.delete(OWNER, list(TEXTS))
    assert not firestore.before
    assert not firestore.after
    assert hasty.get(SCOPE, [*TEXTS, kept]) == {kept: "kept"}


@pytest.mark.parametrize("fault", [answers(grpc.StatusCode.UNAVAILABLE), keeps_silent], ids=["unavailable", "slow"])
def test_what_fails_beyond_the_budget_is_retryable(
    firestore: FaultyFirestore, impatient: FirestoreChunkTexts, call: Call, fault: Fault
) -> None:
    firestore.before.extend([fault] * 1000)
    started = time.monotonic()
    with pytest.raises(Retryable) as raised:
        call(impatient)
    assert raised.value.reason == "CHUNK_TEXTS_UNAVAILABLE"
    assert time.monotonic() - started < 20


def test_reads_that_always_end_early_are_no_result(
    firestore: FaultyFirestore, texts: FirestoreChunkTexts, impatient: FirestoreChunkTexts
) -> None:
    texts.put(OWNER, TEXTS)
    firestore.after.extend([ends_early] * 1000)
    with pytest.raises(Retryable):
        impatient.get(SCOPE, list(TEXTS))


@pytest.mark.parametrize(("retry_seconds", "wait_seconds"), [(7.5, 7.5), (None, QUOTA_SECONDS)])
def test_a_used_up_quota_defers_and_is_not_pressed(
    firestore: FaultyFirestore,
    texts: FirestoreChunkTexts,
    call: Call,
    retry_seconds: float | None,
    wait_seconds: float,
) -> None:
    firestore.before.append(answers(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_seconds=retry_seconds))
    with pytest.raises(Deferred) as raised:
        call(texts)
    assert (raised.value.reason, raised.value.wait_seconds) == ("QUOTA", wait_seconds)
    assert len(firestore.calls) == 1


@pytest.mark.parametrize(
    ("code", "named"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "AI_INFRA_GOOGLE_PROJECT"),
        (grpc.StatusCode.UNAUTHENTICATED, "AI_INFRA_GOOGLE_PROJECT"),
        (grpc.StatusCode.NOT_FOUND, "AI_INFRA_FIRESTORE_DATABASE"),
        (grpc.StatusCode.FAILED_PRECONDITION, "AI_INFRA_FIRESTORE_DATABASE"),
    ],
)
def test_a_wrong_account_or_database_is_one_sentence_that_names_the_setting(
    firestore: FaultyFirestore, texts: FirestoreChunkTexts, call: Call, code: grpc.StatusCode, named: str
) -> None:
    firestore.before.append(answers(code))
    with pytest.raises(ConfigurationError, match=named):
        call(texts)
    assert len(firestore.calls) == 1


def test_missing_credentials_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    with pytest.raises(ConfigurationError, match="credentials"):
        firestore_client("faults", "texts")


def test_an_error_that_no_repetition_mends_is_not_repeated(
    firestore: FaultyFirestore, texts: FirestoreChunkTexts, call: Call
) -> None:
    firestore.before.append(answers(grpc.StatusCode.INVALID_ARGUMENT))
    with pytest.raises(Retryable):
        call(texts)
    assert len(firestore.calls) == 1


def test_many_texts_are_written_in_commits_within_the_limits_and_read_in_one_round_trip(
    firestore: FaultyFirestore, texts: FirestoreChunkTexts
) -> None:
    many = {uuid4(): "€" * 20_000 for _ in range(100)} | {uuid4(): "short" for _ in range(600)}
    texts.put(OWNER, many)
    assert len(firestore.commits) == 4
    assert all(writes <= MOST_WRITES and size <= MOST_BYTES // 2 for writes, size in firestore.commits)
    firestore.calls.clear()
    assert texts.get(SCOPE, list(many) * 2) == many
    assert firestore.calls == ["read"]
    texts.delete(OWNER, list(many))
    assert not firestore.documents


def test_a_put_that_broke_off_between_its_commits_is_mended_by_a_repetition(
    firestore: FaultyFirestore, texts: FirestoreChunkTexts
) -> None:
    many = {uuid4(): f"text {number}" for number in range(2 * MOST_WRITES + 1)}
    firestore.before.extend([lambda _, __: None, answers(grpc.StatusCode.RESOURCE_EXHAUSTED)])
    with pytest.raises(Deferred):
        texts.put(OWNER, many)
    assert len(texts.get(SCOPE, list(many))) == MOST_WRITES
    texts.put(OWNER, many)
    assert texts.get(SCOPE, list(many)) == many


def test_a_text_that_no_document_can_hold_is_permanent_and_nothing_is_written(
    firestore: FaultyFirestore, texts: FirestoreChunkTexts
) -> None:
    with pytest.raises(Permanent) as raised:
        texts.put(OWNER, {uuid4(): "fits", uuid4(): "é" * (MAX_TEXT_BYTES // 2) + "!"})
    assert (raised.value.reason, raised.value.retryable) == ("TEXT_TOO_LONG", False)
    assert firestore.calls == []


def test_a_document_that_says_it_is_another_teams_is_not_given(
    firestore: FaultyFirestore, texts: FirestoreChunkTexts
) -> None:
    texts.put(OWNER, TEXTS)
    for field, document in zip(["team_id", "project_id"], firestore.documents.values(), strict=False):
        document.fields[field] = {"string_value": str(uuid4())}
    untouched = dict(list(TEXTS.items())[2:])
    assert texts.get(SCOPE, list(TEXTS)) == untouched
    assert texts.present(OWNER, list(TEXTS)) == untouched.keys()


def test_whether_texts_are_there_is_asked_without_reading_them(
    firestore: FaultyFirestore, texts: FirestoreChunkTexts
) -> None:
    texts.put(OWNER, TEXTS)
    for document in firestore.documents.values():
        document.fields["text"] = {"string_value": "x" * MAX_TEXT_BYTES}
    before = firestore.sent
    assert texts.present(OWNER, list(TEXTS)) == TEXTS.keys()
    assert firestore.sent - before < MAX_TEXT_BYTES


def test_nothing_to_do_makes_no_call(firestore: FaultyFirestore, texts: FirestoreChunkTexts) -> None:
    nothing: list[UUID] = []
    texts.put(OWNER, {})
    texts.delete(OWNER, nothing)
    assert texts.get(SCOPE, nothing) == {}
    assert texts.present(OWNER, nothing) == frozenset()
    assert firestore.calls == []
