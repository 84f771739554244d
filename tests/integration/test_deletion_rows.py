"""`DeletionRows` on Postgres: receipts, and what a deleted project or team leaves in the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row

from common.messages import DocumentRegistered
from common.model.documents import DeletionCause, Route, StoredObject, deletion_id
from tests.rows import (
    Installation,
    answered,
    chunk_ids,
    live,
    new_object,
    new_place,
    next_generation,
    registered,
    reprocessed,
    split,
)

LIMIT = 100


def delete(installation: Installation, message: DocumentRegistered, generation: int | None = None) -> None:
    with installation.database.transaction() as transaction:
        transaction.documents.lock(message.document_id)
        transaction.documents.delete(message.document_id, generation or message.generation, DeletionCause.API)


def withdraw(installation: Installation, limit: int = LIMIT) -> list[tuple[UUID, UUID]]:
    with installation.database.transaction() as transaction:
        return list(transaction.deletions.withdraw(limit))


def documents_pending(installation: Installation, limit: int = LIMIT) -> list[tuple[UUID, UUID]]:
    with installation.database.transaction() as transaction:
        return list(transaction.deletions.documents_pending(limit))


def purge(installation: Installation, *messages: DocumentRegistered) -> None:
    with installation.database.transaction() as transaction:
        for message in messages:
            transaction.purges.begin(message.job_id)
            transaction.purges.complete(message.job_id, 3600, 604800)


def look(installation: Installation, message: DocumentRegistered, most: int = 100) -> list[tuple[UUID, int]]:
    """See that all is gone, of so many chunks of each job; returns the jobs and where each began."""
    with installation.database.transaction() as transaction:
        jobs = transaction.deletions.unchecked(message.document_id)
        for job in jobs:
            transaction.deletions.check(job.owner.job_id, min(job.checked + most, job.total_chunks))
    return [(job.owner.job_id, job.checked) for job in jobs]


def complete(installation: Installation, message: DocumentRegistered, standing: int | None = None) -> int:
    with installation.database.transaction() as transaction:
        return transaction.deletions.complete(message.document_id, standing)


def receipts(installation: Installation, message: DocumentRegistered) -> Sequence[Row[Any]]:
    return installation.rows(
        "select * from deletions where document_id = :id order by generation", id=message.document_id
    )


def names(*messages: DocumentRegistered) -> set[tuple[UUID, UUID]]:
    return {(message.team_id, message.document_id) for message in messages}


def close(installation: Installation, place: Route, deleted: str = "project") -> None:
    if deleted == "team":
        installation.administration.delete_team(str(place.team_id))
    else:
        installation.administration.delete_project(str(place.team_id), str(place.project_id))


@pytest.mark.parametrize("deleted", ["project", "team"])
def test_what_a_deleted_project_s_documents_want_or_answer_with_is_withdrawn(
    installation: Installation, deleted: str
) -> None:
    place, other = new_place(installation), live(installation, new_place(installation))
    answering = live(installation, place)
    waiting = registered(installation, place, next_generation(_stored(answering)))
    unfinished = registered(installation, place)
    split(installation, unfinished, chunks=3)
    close(installation, place, deleted)
    assert set(withdraw(installation)) == names(answering, unfinished)
    for message in (answering, unfinished):
        document = installation.document(message)
        assert (document.wanted_job_id, document.active_job_id, document.deleted_generation) == (None, None, None)
        [receipt] = receipts(installation, message)
        assert receipt.id == deletion_id(document.id, document.generation)
        assert (receipt.team_id, receipt.project_id, receipt.cause) == (place.team_id, place.project_id, deleted)
        assert receipt.completed_at is None
    for message, status in ((answering, "succeeded"), (waiting, "failed"), (unfinished, "failed")):
        job = installation.row("select * from ingestion_jobs where id = :id", id=message.job_id)
        assert (job.status, job.reason) == (status, None if status == "succeeded" else "SUPERSEDED")
        assert job.retired_at is not None
        assert job.finished_at is not None
    unretired = "select count(*) as n from document_chunks where document_id = :id and retired_at is null"
    assert installation.row(unretired, id=answering.document_id).n == 0
    assert installation.row(unretired, id=other.document_id).n == 3
    assert withdraw(installation) == []


def _stored(message: DocumentRegistered) -> StoredObject:
    return StoredObject(message.bucket, message.object_name, message.generation, 10)


def test_no_more_are_withdrawn_than_asked_for_and_none_that_another_has_locked(installation: Installation) -> None:
    place = new_place(installation)
    messages = [registered(installation, place) for _ in range(3)]
    close(installation, place)
    with installation.database.transaction() as busy:
        busy.documents.lock(messages[0].document_id)
        assert set(withdraw(installation)) == names(*messages[1:])
    assert withdraw(installation, limit=1) == list(names(messages[0]))


def test_what_was_deleted_before_its_project_has_one_receipt(installation: Installation) -> None:
    place = new_place(installation)
    message = live(installation, place)
    delete(installation, message)
    close(installation, place)
    assert withdraw(installation) == []
    assert [receipt.cause for receipt in receipts(installation, message)] == ["api"]


def test_a_deletion_has_one_receipt_however_often_it_is_told(installation: Installation, place: Route) -> None:
    stored = next_generation(new_object(place))
    message = live(installation, place, stored)
    for generation in (2, 2, 1):
        delete(installation, message, generation)
    [receipt] = receipts(installation, message)
    assert (receipt.id, receipt.generation) == (deletion_id(message.document_id, 2), 2)


def test_an_older_generation_s_delete_opens_none(installation: Installation, place: Route) -> None:
    message = live(installation, place, next_generation(new_object(place)))
    delete(installation, message, 1)
    assert receipts(installation, message) == []


def test_each_deletion_of_a_document_that_came_again_has_its_own(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    first = live(installation, place, stored)
    delete(installation, first)
    second = live(installation, place, next_generation(stored))
    purge(installation, first)
    assert [job for job, _ in look(installation, first)] == [first.job_id]
    assert complete(installation, first) == 1
    delete(installation, second)
    purge(installation, second)
    look(installation, second)
    assert complete(installation, second) == 1
    counts = [(r.generation, r.jobs, r.chunks, r.vectors) for r in receipts(installation, first)]
    assert counts == [(1, 1, 3, 3), (2, 2, 3, 6)]


def test_a_receipt_leaves_out_what_was_gone_for_good_before(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    old = live(installation, place, stored)
    new = live(installation, place, next_generation(stored))
    purge(installation, old)
    installation.execute("update ingestion_jobs set purge_closed = true where id = :id", id=old.job_id)
    delete(installation, new)
    purge(installation, new)
    assert look(installation, new) == [(new.job_id, 0)]
    assert complete(installation, new) == 1
    [receipt] = receipts(installation, new)
    assert (receipt.jobs, receipt.chunks, receipt.vectors, receipt.chunk_texts) == (1, 3, 3, 3)


def test_a_receipt_waits_until_every_job_is_purged_and_looked_at(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    run = reprocessed(installation, message)
    split(installation, run, chunks=3)
    delete(installation, message)
    assert documents_pending(installation) == []
    purge(installation, run)
    assert look(installation, message) == [(run.job_id, 0)]
    assert complete(installation, message) == 0
    purge(installation, message)
    assert names(message) <= set(documents_pending(installation))
    assert complete(installation, message) == 0
    assert look(installation, message, most=2) == [(message.job_id, 0)]
    assert complete(installation, message) == 0
    assert look(installation, message, most=2) == [(message.job_id, 2)]
    assert look(installation, message) == []
    assert complete(installation, message) == 1
    assert complete(installation, message) == 0
    assert documents_pending(installation) == []
    [receipt] = receipts(installation, message)
    assert (receipt.jobs, receipt.chunks, receipt.vectors, receipt.extractions) == (2, 3, 6, 2)


def test_a_receipt_waits_while_a_purge_is_to_be_repeated_at_once(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    delete(installation, message)
    purge(installation, message)
    with installation.database.transaction() as transaction:
        transaction.purges.again(message.job_id)
    assert documents_pending(installation) == []
    purge(installation, message)
    assert set(documents_pending(installation)) == names(message)
    look(installation, message)
    complete(installation, message)


@pytest.mark.parametrize(("standing", "completed"), [(None, 1), (1, 0), (2, 1)])
def test_a_receipt_of_a_deleted_object_waits_until_that_is_gone(
    installation: Installation, place: Route, standing: int | None, completed: int
) -> None:
    message = live(installation, place)
    delete(installation, message)
    purge(installation, message)
    look(installation, message)
    assert complete(installation, message, standing) == completed
    complete(installation, message)


def test_a_deleted_project_s_object_stays_and_holds_nothing_up(installation: Installation) -> None:
    place = new_place(installation)
    message = live(installation, place)
    close(installation, place)
    withdraw(installation)
    purge(installation, message)
    look(installation, message)
    assert complete(installation, message, standing=1) == 1


def test_tombstones_are_counted_apart_from_what_was_removed(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    answered(installation, message, chunk_ids(message)[1])
    delete(installation, message)
    purge(installation, message)
    look(installation, message)
    assert complete(installation, message) == 1
    [receipt] = receipts(installation, message)
    assert (receipt.chunks, receipt.tombstones) == (2, 1)


def test_a_chunk_that_is_not_retired_holds_the_receipt_up(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    answered(installation, message, chunk_ids(message)[1])
    delete(installation, message)
    purge(installation, message)
    look(installation, message)
    installation.execute("update document_chunks set retired_at = null where job_id = :id", id=message.job_id)
    assert complete(installation, message) == 0
    purge(installation, message)
    assert complete(installation, message) == 1


def test_documents_pending_come_in_order_and_no_more_than_asked_for(installation: Installation, place: Route) -> None:
    messages = [registered(installation, place) for _ in range(3)]
    for minutes, message in zip((10, 30, 20), messages, strict=True):
        delete(installation, message)
        purge(installation, message)
        installation.execute(
            "update deletions set requested_at = now() - make_interval(mins => :minutes) where document_id = :id",
            minutes=minutes,
            id=message.document_id,
        )
    expected = [(each.team_id, each.document_id) for each in (messages[1], messages[2], messages[0])]
    assert documents_pending(installation) == expected
    assert documents_pending(installation, limit=2) == expected[:2]
