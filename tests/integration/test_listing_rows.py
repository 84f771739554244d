"""`ListingRows` on Postgres: documents whose object a listing does not show."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from common.messages import DocumentRegistered
from common.model.documents import Route, Stage, StoredObject
from tests.rows import Installation, live, new_place, next_generation, registered


@pytest.fixture
def bucket() -> str:
    return f"bucket-{uuid4()}"


def stored(bucket: str, name: str, generation: int = 1) -> StoredObject:
    return StoredObject(bucket, name, generation, 10)


def missing(
    installation: Installation, bucket: str, *listed: str, after: str = "", last: str | None = None, limit: int = 10
) -> list[tuple[str, int]]:
    page = [stored(bucket, name) for name in listed]
    with installation.database.transaction() as transaction:
        found = transaction.listing.missing(bucket, after, last, page, limit)
    assert {each.bucket for each in found} <= {bucket}
    return [(each.name, each.generation) for each in found]


def fail(installation: Installation, message: DocumentRegistered) -> None:
    with installation.database.transaction() as transaction:
        transaction.jobs.fail(message.job_id, stage=Stage.CHUNK, reason="NO_TEXT", message="No text.", retryable=False)


def test_what_is_not_listed_is_missing_whether_it_answers_waits_or_failed(
    installation: Installation, place: Route, bucket: str
) -> None:
    live(installation, place, stored(bucket, "live"))
    registered(installation, place, stored(bucket, "waiting"))
    fail(installation, registered(installation, place, stored(bucket, "failed")))
    assert missing(installation, bucket) == [("failed", 1), ("live", 1), ("waiting", 1)]
    assert missing(installation, bucket, "live", "other") == [("failed", 1), ("waiting", 1)]


def test_a_stretch_begins_behind_its_first_name_and_ends_with_its_last(
    installation: Installation, place: Route, bucket: str
) -> None:
    for name in "abcd":
        registered(installation, place, stored(bucket, name))
    assert missing(installation, bucket, after="a", last="c") == [("b", 1), ("c", 1)]
    assert missing(installation, bucket, after="c") == [("d", 1)]
    assert missing(installation, bucket, limit=2) == [("a", 1), ("b", 1)]


def test_names_are_in_the_order_of_the_bucket(installation: Installation, place: Route, bucket: str) -> None:
    names = ["B", "a", "a b", "a/b", "é", "\U0001f600"]
    for name in reversed(names):
        registered(installation, place, stored(bucket, name))
    assert sorted(names, key=str.encode) == names
    assert [name for name, _ in missing(installation, bucket)] == names
    for at, name in enumerate(names):
        assert [each for each, _ in missing(installation, bucket, after=name)] == names[at + 1 :]


def test_the_newest_generation_is_named_once_whoever_has_it(
    installation: Installation, place: Route, bucket: str
) -> None:
    first = stored(bucket, "shared")
    registered(installation, place, first)
    registered(installation, place, next_generation(first))
    registered(installation, new_place(installation), replace(first, generation=5))
    assert missing(installation, bucket) == [("shared", 5)]


def test_what_is_deleted_or_of_another_bucket_is_not_missing(
    installation: Installation, place: Route, bucket: str
) -> None:
    deleted = live(installation, place, stored(bucket, "deleted"))
    installation.execute(
        "update documents set deleted_generation = generation, wanted_job_id = null, active_job_id = null"
        " where id = :id",
        id=deleted.document_id,
    )
    live(installation, place, stored(f"{bucket}-2", "elsewhere"))
    assert missing(installation, bucket) == []
