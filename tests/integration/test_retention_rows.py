"""`RetentionRows` on Postgres: the old goes, oldest first, and what still matters stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest

from common.database import FailedMessage, RetentionRows
from common.messages import DocumentRegistered
from common.model.documents import DeletionCause, Route
from common.model.fetches import FetchStatus
from tests.rows import Installation, answered, chunk_ids, live, new_fetch

DAY = 86_400.0


@pytest.fixture(autouse=True)
def nothing_left_over(installation: Installation) -> Iterator[None]:
    yield
    for table in ("query_citations", "query_logs", "idempotency_keys", "failed_messages", "fetches"):
        installation.execute(f"delete from {table}")


def ask(installation: Installation, what: Callable[[RetentionRows], int]) -> int:
    with installation.database.transaction() as transaction:
        return what(transaction.retention)


def forget_questions(installation: Installation, limit: int = 10) -> int:
    return ask(installation, lambda rows: rows.forget_questions(DAY, limit))


def asked(installation: Installation, message: DocumentRegistered, *cited: UUID, hours: int) -> None:
    """A question so many hours ago."""
    before = {row.id for row in installation.rows("select id from query_logs")}
    answered(installation, message, *cited)
    [new] = {row.id for row in installation.rows("select id from query_logs")} - before
    installation.execute(
        "update query_logs set created_at = now() - :hours * interval '1 hour' where id = :id", hours=hours, id=new
    )


def hours_kept(installation: Installation) -> list[int]:
    age = "extract(epoch from now() - created_at)::int / 3600"
    return [row.hours for row in installation.rows(f"select {age} as hours from query_logs order by 1")]


def purged(installation: Installation, message: DocumentRegistered) -> None:
    installation.execute("update ingestion_jobs set purged_at = now() where id = :id", id=message.job_id)


def rows_of(installation: Installation, message: DocumentRegistered) -> list[UUID]:
    rows = installation.rows(
        "select id from document_chunks where job_id = :id order by chunk_index", id=message.job_id
    )
    return [row.id for row in rows]


def test_old_questions_go_with_their_citations_oldest_first(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    for hours in (30, 23, 50, 40):
        asked(installation, message, *chunk_ids(message, 2), hours=hours)
    assert forget_questions(installation, limit=2) == 2
    assert hours_kept(installation) == [23, 30]
    assert forget_questions(installation, limit=2) == 1
    assert forget_questions(installation, limit=2) == 0
    assert hours_kept(installation) == [23]
    assert installation.row("select count(*) as citations from query_citations").citations == 2


def test_chunks_of_a_job_that_answers_stay(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    asked(installation, message, *chunk_ids(message), hours=30)
    assert forget_questions(installation) == 1
    assert rows_of(installation, message) == chunk_ids(message)


def test_a_tombstone_goes_with_its_last_citation(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    first, second, third = chunk_ids(message)
    asked(installation, message, first, second, hours=50)
    asked(installation, message, second, third, hours=30)
    asked(installation, message, third, hours=1)
    purged(installation, message)
    assert forget_questions(installation, limit=1) == 1
    assert rows_of(installation, message) == [second, third]
    assert forget_questions(installation) == 1
    assert rows_of(installation, message) == [third]


def test_answers_to_idempotency_keys_go_after_their_time(installation: Installation, place: Route) -> None:
    def keys() -> list[str]:
        return [row.key for row in installation.rows("select key from idempotency_keys order by key")]

    for hours, key in enumerate("abc", start=23):
        with installation.team_database.transaction(place.team_id) as transaction:
            transaction.idempotency.begin(key, "hash")
        installation.execute(
            "update idempotency_keys set created_at = now() - :hours * interval '61 minutes' where key = :key",
            hours=hours,
            key=key,
        )
    assert ask(installation, lambda rows: rows.forget_idempotency_keys(DAY, 1)) == 1
    assert keys() == ["a", "b"]
    assert ask(installation, lambda rows: rows.forget_idempotency_keys(DAY, 10)) == 1
    assert keys() == ["a"]


def test_failed_messages_go_once_they_have_long_needed_nobody(installation: Installation) -> None:
    def kept() -> list[str]:
        return [row.message_id for row in installation.rows("select message_id from failed_messages order by 1")]

    for message_id, resolution in (("a", None), ("b", "seen"), ("c", "seen"), ("d", "seen")):
        message = FailedMessage(
            subscription="embed",
            topic=None,
            message_id=message_id,
            data=b"text",
            attributes={},
            delivery_attempts=1,
            published_at=None,
            reason="UNDELIVERABLE",
            error="Given up.",
            document_id=uuid4(),
            resolution=resolution,
        )
        with installation.database.transaction() as transaction:
            transaction.failed_messages.keep(message)
    installation.execute("update failed_messages set received_at = now() - interval '9 days'")
    for message_id, hours in (("b", 30), ("c", 40)):
        installation.execute(
            "update failed_messages set resolved_at = now() - :hours * interval '1 hour' where message_id = :id",
            hours=hours,
            id=message_id,
        )
    assert ask(installation, lambda rows: rows.forget_failed(DAY, 1)) == 1
    assert kept() == ["a", "b", "d"]
    assert ask(installation, lambda rows: rows.forget_failed(DAY, 10)) == 1
    assert kept() == ["a", "d"]


def fetched(installation: Installation, message: DocumentRegistered, *days: int, ended: bool = True) -> None:
    """Fetches of the document so many days ago."""
    for age in days:
        fetch = new_fetch(message)
        with installation.team_database.transaction(message.team_id) as team:
            team.fetches.open(fetch)
        with installation.database.transaction() as transaction:
            if ended:
                transaction.fetches.end(fetch.id, FetchStatus.FETCHED, 1)
        aged = "update fetches set created_at = now() - :age, finished_at = finished_at - :age where id = :id"
        installation.execute(aged.replace(":age", f"interval '{age} days'"), id=fetch.id)


def days_kept(installation: Installation, message: DocumentRegistered) -> list[int]:
    age = "extract(day from now() - created_at)::int"
    statement = f"select {age} as days from fetches where document_id = :id order by 1"
    return [row.days for row in installation.rows(statement, id=message.document_id)]


def test_old_fetches_go_but_for_the_newest_of_a_document_that_is_there(
    installation: Installation, place: Route
) -> None:
    often, once, waiting, deleted = (live(installation, place) for _ in range(4))
    fetched(installation, often, 9, 5, 3, 0)
    fetched(installation, once, 8, 7)
    fetched(installation, waiting, 6, ended=False)
    fetched(installation, waiting, 4)
    fetched(installation, deleted, 2)
    with installation.database.transaction() as transaction:
        transaction.documents.delete(deleted.document_id, deleted.generation, DeletionCause.OBJECT)

    def forgotten(limit: int) -> int:
        return ask(installation, lambda rows: rows.forget_fetches(DAY, limit))

    assert forgotten(1) == 1
    assert days_kept(installation, often) == [0, 3, 5]
    assert (forgotten(10), forgotten(10)) == (4, 0)
    assert [days_kept(installation, each) for each in (often, once, waiting, deleted)] == [[0], [7], [4, 6], []]
