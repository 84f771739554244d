"""`reconcile` and the bucket: in pages that the next run goes on with, beside another run, and after any crash."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast
from uuid import uuid4

import pytest

from common.adapters.clock import SystemClock
from common.database import Database, Transaction
from common.errors import ConfigurationError
from common.messages import Message
from common.model.documents import StoredObject
from common.ports import ObjectStore, Publisher
from functions.reconcile.use_case import Reconcile, Reconciled
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK

PROGRESS = "select cursor, examined, pass_finished_at from reconcile_progress where task = 'bucket'"


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture(autouse=True)
def empty(installation: Installation) -> Iterator[None]:
    """No object and no document of another test, and a pass that has not begun."""
    yield
    installation.rows(
        "update documents set wanted_job_id = null, active_job_id = null, deleted_generation = generation;"
    )
    installation.rows("update ingestion_jobs set status = 'failed', purge_closed = true, retired_at = now()")
    installation.rows("update deletions set completed_at = now()")
    installation.rows("delete from reconcile_progress")
    for blob in installation.storage.list_blobs(installation.bucket):
        blob.delete()


def reconciler(installation: Installation, **changes: Any) -> Reconcile:
    """The use case on the installation's own parts, but for those that are changed."""
    application = installation.applications[0]
    parts = {
        "database": application.database,
        "objects": application.objects,
        "publisher": application.publisher,
        "clock": SystemClock(),
        "upload_bucket": installation.bucket,
        "stalled_seconds": 300,
        "grace_seconds": 40,
        "query_log_seconds": 0,
        "failed_message_seconds": 0,
        "fetch_log_seconds": 0,
        "seconds": 60,
        "limit": 1000,
        "objects_limit": 1000,
    }
    return Reconcile(**{**parts, **changes})


def upload(installation: Installation, *names: str) -> list[str]:
    for name in names:
        installation.upload(f"acme/docs/{name}", "A text.")
    return [f"acme/docs/{name}" for name in names]


def announced(installation: Installation) -> list[tuple[str, str]]:
    """The objects that events were published of, with the subscription that takes them."""
    return [(each.subscription, each.attributes["objectId"]) for each in installation.topics.take()]


def test_a_pass_goes_on_where_the_last_run_ended_and_then_begins_anew(installation: Installation) -> None:
    a, b, c, d, e = upload(installation, *"abcde")
    reconcile = reconciler(installation, objects_limit=2)
    first = reconcile()
    assert (first.objects, first.examined, first.cursor, first.left_over) == (2, 2, b, ("bucket",))
    assert (first.exhausted, first.last_pass_seconds) == (False, None)
    [early] = upload(installation, "aa")
    second = reconcile()
    assert (second.examined, second.cursor) == (2, d)
    third = reconcile()
    assert (third.examined, third.cursor, third.exhausted) == (1, "", True)
    assert third.last_pass_seconds == 0
    assert announced(installation) == [("intake", name) for name in (a, b, c, d, e)]
    installation.rows("delete from unrouted_objects")
    assert reconcile().cursor == early
    assert announced(installation) == [("intake", a), ("intake", early)]


def test_a_run_puts_no_more_right_than_its_limit(installation: Installation) -> None:
    names = upload(installation, *"abc")
    reconcile = reconciler(installation, limit=2)
    assert (reconcile().objects, reconcile().objects) == (2, 1)
    assert [name for _, name in announced(installation)] == names


def test_an_object_whose_deletion_nobody_was_told_of_is_taken_out_of_the_answers(installation: Installation) -> None:
    names = [f"acme/docs/{name}.md" for name in "abc"]
    document_ids = [installation.ingest(name, HANDBOOK).content["document_id"] for name in names]
    installation.storage.bucket(installation.bucket).blob(names[1]).delete()
    done = reconciler(installation)()
    assert (done.gone, done.objects, done.deletions, done.exhausted) == (1, 0, 0, True)
    installation.run()
    answering = [installation.document(each)["active_job_id"] is not None for each in document_ids]
    assert answering == [True, False, True]
    installation.rows("update ingestion_jobs set retired_at = now() - interval '1 hour' where retired_at is not null")
    assert reconciler(installation)().gone == 0


def test_the_last_objects_of_a_bucket_may_be_the_ones_that_are_gone(installation: Installation) -> None:
    names = [f"acme/docs/{name}.md" for name in "abcd"]
    for name in names:
        installation.register(name, HANDBOOK)
    for name in names[1:]:
        installation.storage.bucket(installation.bucket).blob(name).delete()
    reconcile = reconciler(installation, limit=2)
    first, second = reconcile(), reconcile()
    assert (first.gone, first.cursor, first.exhausted) == (2, names[2], False)
    assert (second.gone, second.cursor, second.exhausted) == (1, "", True)
    assert announced(installation) == [("retire-object", name) for name in names[1:]]


@dataclass
class Objects:
    """The installation's bucket, with something that happens in between."""

    store: ObjectStore
    listed: Callable[[], object] = lambda: None
    refusing: bool = False

    def list_page(self, bucket: str, prefix: str, start_after: str, limit: int) -> Sequence[StoredObject]:
        page = self.store.list_page(bucket, prefix, start_after, limit)
        self.listed()
        return page

    def find(self, bucket: str, name: str) -> StoredObject | None:
        return self.store.find(bucket, name)

    def delete(self, bucket: str, name: str, generation: int) -> None:
        if self.refusing:
            raise ConfigurationError(f"The object {name} is under a hold.")
        self.store.delete(bucket, name, generation)


def test_an_object_that_comes_while_its_page_is_looked_at_is_not_taken_for_gone(installation: Installation) -> None:
    objects = Objects(installation.applications[0].objects)
    objects.listed = lambda: installation.register("acme/docs/late.md", HANDBOOK)
    assert reconciler(installation, objects=objects)().gone == 0
    assert announced(installation) == []


def test_of_two_runs_at_once_the_one_that_comes_second_leaves_the_pass_to_the_other(installation: Installation) -> None:
    names = upload(installation, *"abcdef")
    others: list[Reconciled] = []

    def meanwhile() -> None:
        if not others:
            others.append(reconciler(installation, objects_limit=4)())

    objects = Objects(installation.applications[0].objects, meanwhile)
    done = reconciler(installation, objects=objects, objects_limit=2)()
    assert (others[0].objects, others[0].cursor) == (4, names[3])
    assert (done.objects, done.examined) == (2, 2)
    assert installation.row(PROGRESS)["cursor"] == names[3]
    assert installation.row(PROGRESS)["examined"] == 4
    assert sorted(announced(installation)) == sorted(("intake", name) for name in [*names[:4], *names[:2]])
    assert reconciler(installation)().objects == 2


def test_a_run_that_falls_behind_a_whole_pass_leaves_the_next_alone(installation: Installation) -> None:
    names = upload(installation, *"ab")
    reconcile = reconciler(installation)
    objects = Objects(installation.applications[0].objects)

    def whole_pass() -> None:
        objects.listed = lambda: None
        reconcile()

    objects.listed = whole_pass
    reconciler(installation, objects=objects)()
    finished = installation.row(PROGRESS)
    assert (finished["cursor"], finished["examined"]) == ("", 2)
    assert [name for _, name in announced(installation)] == [*names, *names]


def test_an_object_that_may_not_be_deleted_stops_no_pass(installation: Installation) -> None:
    for name in "ab":
        content = installation.ingest(f"acme/docs/{name}.md", HANDBOOK).content
        installation.accept("retire", installation.deleted(content["object_name"], content["generation"]))
    [waiting] = upload(installation, "c")
    objects = Objects(installation.applications[0].objects, refusing=True)
    done = reconciler(installation, objects=objects, objects_limit=1)()
    assert [(each.step, each.message) for each in done.failed] == [
        ("bucket", "The object acme/docs/a.md is under a hold.")
    ]
    assert reconciler(installation, objects=objects)().objects == 1
    assert ("intake", waiting) in announced(installation)
    assert reconciler(installation)().deletions == 2


class Killed(BaseException):
    """The instance is gone."""


class Moments:
    """The moments before each call of a part, at one of which the run ends: with what the calls before it did."""

    def __init__(self, last: int) -> None:
        self._last = last
        self.passed = 0

    def pass_by(self) -> None:
        self.passed += 1
        if self.passed == self._last:
            raise Killed


@dataclass(frozen=True)
class Noted:
    """Topics that note whom each message is about."""

    messages: set[tuple[str, str]] = field(default_factory=set)

    def publish(self, messages: Iterable[Message]) -> None:
        self.messages.update((message.topic, message.attributes()["document_id"]) for message in messages)

    def publish_raw(self, _topic: str, _data: bytes, attributes: Mapping[str, str]) -> None:
        self.messages.add((attributes["eventType"], attributes["objectId"]))


class Mortal:
    """A part whose every call has its moment."""

    def __init__(self, part: object, moments: Moments) -> None:
        self._part, self._moments = part, moments

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._part, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._moments.pass_by()
            return method(*arguments, **named)

        return call


@dataclass
class MortalDatabase:
    """A database whose every transaction has its moments: before it and before its commit."""

    database: Database
    moments: Moments

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self.moments.pass_by()
        with self.database.transaction() as transaction:
            yield transaction
            self.moments.pass_by()


def test_whenever_a_run_is_killed_the_next_one_finds_all_that_it_left(installation: Installation) -> None:
    """A run of each moment at which the one before it may have ended, on the same losses."""
    new, *_ = upload(installation, "new")
    stalled, replaced, gone = (
        installation.register(f"acme/docs/{uuid4()}.md", HANDBOOK),
        installation.ingest("acme/docs/replaced.md", HANDBOOK),
        installation.ingest("acme/docs/gone.md", HANDBOOK),
    )
    installation.ingest("acme/docs/replaced.md", HANDBOOK.replace("43", "44"))
    installation.rows("update ingestion_jobs set retired_at = now() - interval '1 hour' where retired_at is not null")
    installation.storage.bucket(installation.bucket).blob("acme/docs/gone.md").delete()
    application = installation.applications[0]
    lost = {
        ("OBJECT_FINALIZE", new),
        ("OBJECT_DELETE", gone.content["object_name"]),
        ("document-registered", stalled.content["document_id"]),
        ("document-retired", replaced.content["document_id"]),
    }

    def killed_at(moment: int, topics: Noted) -> bool:
        moments = Moments(moment)
        mortal = reconciler(
            installation,
            database=MortalDatabase(application.database, moments),
            objects=cast(ObjectStore, Mortal(application.objects, moments)),
            publisher=cast(Publisher, Mortal(topics, moments)),
        )
        try:
            mortal()
        except Killed:
            return True
        return False

    for moment in count(1):
        topics = Noted()
        installation.rows("delete from reconcile_progress")
        stand_still(installation, stalled.content["job_id"])
        killed = killed_at(moment, topics)
        stand_still(installation, stalled.content["job_id"])
        reconciler(installation, publisher=topics)()
        assert topics.messages == lost, moment
        if not killed:
            assert moment > 25
            return


def stand_still(installation: Installation, job_id: object) -> None:
    installation.rows("update ingestion_jobs set updated_at = now() - interval '1 hour' where id = :id", id=job_id)
