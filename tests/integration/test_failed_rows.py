"""`FailedRows` on Postgres: messages without a delivery, and what the attempts at them said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from common.database import FailedMessage
from common.errors import AiInfraError
from common.messages import DocumentRegistered
from common.model.documents import Route, Stage
from tests.rows import Installation, embedded, made_live, new_object, recorded, registered, split


@pytest.fixture
def document(installation: Installation, place: Route) -> DocumentRegistered:
    return registered(installation, place, new_object(place))


def failed(document: DocumentRegistered | None = None, message_id: str | None = None) -> FailedMessage:
    return FailedMessage(
        subscription="embed",
        topic=None,
        message_id=message_id or uuid4().hex,
        data=b"\x00text\xff",
        attributes={"title": "Größe"},
        delivery_attempts=20,
        published_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        reason="UNDELIVERABLE",
        error="Given up.",
        document_id=document.document_id if document else None,
        job_id=document.job_id if document else None,
    )


def keep_failed(installation: Installation, *messages: FailedMessage) -> None:
    for message in messages:
        with installation.database.transaction() as transaction:
            transaction.failed_messages.keep(message)


FAILED = "select * from failed_messages where message_id = :id order by subscription"


def test_a_failed_message_is_kept_whole_with_its_team(installation: Installation, document: DocumentRegistered) -> None:
    message = failed(document)
    keep_failed(installation, message)
    row = installation.row(FAILED, id=message.message_id)
    assert (row.subscription, row.topic, row.data, row.attributes) == ("embed", None, message.data, message.attributes)
    assert (row.delivery_attempts, row.published_at) == (20, message.published_at)
    assert (row.reason, row.error) == ("UNDELIVERABLE", "Given up.")
    assert (row.team_id, row.document_id, row.job_id) == (document.team_id, document.document_id, document.job_id)
    assert (row.resolved_at, row.resolution) == (None, None)


def test_a_message_about_nothing_known_is_kept_too(installation: Installation) -> None:
    nowhere, unknown = failed(), replace(failed(), document_id=uuid4())
    keep_failed(installation, nowhere, unknown)
    assert installation.row(FAILED, id=nowhere.message_id).document_id is None
    assert installation.row(FAILED, id=unknown.message_id).team_id is None


def test_the_same_delivery_kept_twice_is_one_row(installation: Installation) -> None:
    message = failed()
    keep_failed(installation, message, replace(message, error="Another error.", resolution="Done."))
    row = installation.row(FAILED, id=message.message_id)
    assert (row.error, row.resolution) == ("Given up.", None)


def test_deliveries_of_two_subscriptions_are_two_rows(installation: Installation) -> None:
    message = failed()
    keep_failed(installation, message, replace(message, subscription="record"))
    rows = installation.rows(FAILED, id=message.message_id)
    assert [row.subscription for row in rows] == ["embed", "record"]


def test_a_message_that_needs_nobody_is_kept_as_resolved(installation: Installation) -> None:
    message = replace(failed(), resolution="Nothing waits for it any more.")
    keep_failed(installation, message)
    row = installation.row(FAILED, id=message.message_id)
    assert row.resolution == "Nothing waits for it any more."
    assert row.resolved_at is not None
    listed = [each.message_id for each in installation.administration.failed(100, resolved=False)]
    assert message.message_id not in listed
    assert message.message_id in [each.message_id for each in installation.administration.failed(100, resolved=True)]


def test_scrubbing_empties_the_bodies_of_one_document_alone(
    installation: Installation, document: DocumentRegistered, place: Route
) -> None:
    ours = [failed(document), failed(document)]
    others = [failed(registered(installation, place)), failed()]
    keep_failed(installation, *ours, *others)
    scrubbed: list[int] = []
    for _ in range(2):
        with installation.database.transaction() as transaction:
            scrubbed.append(transaction.failed_messages.scrub(document.document_id))
    assert scrubbed == [2, 0]
    assert [installation.row(FAILED, id=message.message_id).data for message in ours] == [b"", b""]
    assert all(installation.row(FAILED, id=message.message_id).data == message.data for message in others)
    kept = installation.row(FAILED, id=ours[0].message_id)
    assert (kept.reason, kept.attributes) == ("UNDELIVERABLE", ours[0].attributes)


def resolve(installation: Installation, message: FailedMessage, resolution: str, *, replayed: bool) -> None:
    with installation.database.transaction() as transaction:
        identity = installation.row(FAILED, id=message.message_id).id
        assert transaction.failed_messages.lock(identity) is not None
        transaction.failed_messages.resolve(identity, resolution, replayed=replayed)


def test_a_message_is_found_as_it_was_kept(installation: Installation, document: DocumentRegistered) -> None:
    message = replace(failed(document), topic="chunk-batch")
    keep_failed(installation, message)
    row = installation.row(FAILED, id=message.message_id)
    with installation.database.transaction() as transaction:
        found = transaction.failed_messages.find(row.id)
        assert found == transaction.failed_messages.lock(row.id)
        assert transaction.failed_messages.find(uuid4()) is transaction.failed_messages.lock(uuid4()) is None
    assert found is not None
    assert (found.id, found.topic, found.data, found.attributes) == (
        row.id,
        "chunk-batch",
        message.data,
        message.attributes,
    )
    assert (found.reason, found.document_id, found.job_id) == ("UNDELIVERABLE", document.document_id, document.job_id)
    assert (found.received_at, found.resolution) == (row.received_at, None)


@pytest.mark.parametrize("replayed", [True, False])
def test_what_became_of_a_message_is_noted_once(installation: Installation, *, replayed: bool) -> None:
    message = failed()
    keep_failed(installation, message)
    resolve(installation, message, "Done.", replayed=replayed)
    resolve(installation, message, "Done once more.", replayed=True)
    row = installation.row(FAILED, id=message.message_id)
    assert (row.resolution, row.resolved_at is not None) == ("Done.", True)
    assert (row.replays, row.replayed_at) == ((1, row.resolved_at) if replayed else (0, None))


ERROR = AiInfraError("QUOTA", "Later.")


def note(installation: Installation, document: DocumentRegistered, batch: int | None, error: AiInfraError) -> None:
    with installation.database.transaction() as transaction:
        transaction.failed_messages.note(document.job_id, batch, error)


def last_error(installation: Installation, document: DocumentRegistered, batch: int | None) -> tuple[str, str] | None:
    with installation.database.transaction() as transaction:
        error = transaction.failed_messages.last_error(document.job_id, batch)
    return None if error is None else (error.reason, error.message)


def test_job_and_batches_each_keep_the_last_error_of_their_own(
    installation: Installation, document: DocumentRegistered
) -> None:
    split(installation, document, chunks=3)
    assert [last_error(installation, document, batch) for batch in (None, 0, 1, 2)] == [None] * 4
    note(installation, document, None, ERROR)
    note(installation, document, 1, ERROR)
    note(installation, document, 1, AiInfraError("AWAY", "Gone."))
    note(installation, document, 2, ERROR)
    errors = [last_error(installation, document, batch) for batch in (None, 0, 1, 2)]
    assert errors == [("QUOTA", "Later."), None, ("AWAY", "Gone."), None]


def test_an_error_does_not_outlive_what_it_kept_from_going_on(
    installation: Installation, document: DocumentRegistered
) -> None:
    note(installation, document, None, ERROR)
    split(installation, document, chunks=2)
    assert last_error(installation, document, None) is None
    note(installation, document, 0, ERROR)
    batch = embedded(installation, document, 0)
    assert last_error(installation, document, 0) is None
    note(installation, document, 0, ERROR)
    recorded(installation, batch)
    assert last_error(installation, document, 0) is None
    note(installation, document, None, ERROR)
    made_live(installation, document)
    assert last_error(installation, document, None) is None
    assert installation.row("select reason from ingestion_jobs where id = :id", id=document.job_id).reason is None


def test_a_job_that_has_ended_keeps_its_own_reason(installation: Installation, document: DocumentRegistered) -> None:
    with installation.database.transaction() as transaction:
        transaction.jobs.fail(
            document.job_id, stage=Stage.CHUNK, reason="NO_TEXT", message="No text was found.", retryable=False
        )
    note(installation, document, None, ERROR)
    assert installation.row("select reason from ingestion_jobs where id = :id", id=document.job_id).reason == "NO_TEXT"
    assert last_error(installation, document, None) is None
