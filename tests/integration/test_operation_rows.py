"""`OperationRows` on Postgres: objects without a place, messages without a delivery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from common.database import FailedMessage, Unrouted
from common.messages import DocumentRegistered
from common.model.documents import Route, StoredObject
from tests.rows import BUCKET, Installation, new_object, registered

NO_TEAM = Unrouted("UNKNOWN_TEAM", "There is no such team.")


@pytest.fixture(autouse=True)
def nothing_left_over(installation: Installation) -> Iterator[None]:
    yield
    installation.execute("delete from unrouted_objects")


def named(name: str, generation: int = 1) -> StoredObject:
    return StoredObject(BUCKET, name, generation, 12, "text/plain", {"title": "Größe"})


def keep(installation: Installation, *objects: StoredObject, unrouted: Unrouted = NO_TEAM) -> None:
    for stored in objects:
        with installation.database.transaction() as transaction:
            transaction.operations.keep_unrouted(stored, unrouted)


def unrouted(installation: Installation, limit: int = 10) -> list[StoredObject]:
    with installation.database.transaction() as transaction:
        return list(transaction.operations.unrouted(limit))


def routable(installation: Installation, limit: int = 10) -> list[StoredObject]:
    with installation.database.transaction() as transaction:
        return list(transaction.operations.routable(limit))


def forget(installation: Installation, stored: StoredObject) -> None:
    with installation.database.transaction() as transaction:
        transaction.operations.forget_unrouted(stored.bucket, stored.name, stored.generation)


def test_unrouted_objects_are_kept_whole_oldest_first(installation: Installation) -> None:
    objects = [named(f"nobody/project/{name}") for name in "cab"]
    keep(installation, *objects)
    assert unrouted(installation) == objects
    assert unrouted(installation, limit=2) == objects[:2]


def test_an_object_is_kept_once_in_its_newest_generation(installation: Installation) -> None:
    first, second = named("nobody/project/a", 1), named("nobody/project/a", 2)
    keep(installation, first, first, second)
    keep(installation, first, unrouted=Unrouted("UNKNOWN_PROJECT", "Too late."))
    assert unrouted(installation) == [second]
    assert installation.row("select reason from unrouted_objects").reason == "UNKNOWN_TEAM"


def test_the_reason_kept_is_the_newest(installation: Installation) -> None:
    stored = named("team/nothing/a")
    keep(installation, stored)
    keep(installation, stored, unrouted=Unrouted("UNKNOWN_PROJECT", "There is no such project."))
    row = installation.row("select reason, message from unrouted_objects")
    assert row == ("UNKNOWN_PROJECT", "There is no such project.")


def test_an_object_is_forgotten_up_to_a_generation(installation: Installation) -> None:
    stored = named("nobody/project/a", 5)
    keep(installation, stored)
    forget(installation, replace(stored, generation=4))
    forget(installation, replace(stored, name="nobody/project/b"))
    forget(installation, replace(stored, bucket="another-bucket"))
    assert unrouted(installation) == [stored]
    forget(installation, stored)
    assert unrouted(installation) == []


def test_objects_are_routable_once_their_team_and_project_exist(installation: Installation) -> None:
    team, project = f"team-{uuid4().hex}", "late project"
    waiting = named(f"{team}/{project}/folder/a.txt")
    keep(installation, waiting, named(f"{team}/other/a.txt"), named(f"{team}/{project}"), named(f"{team}/{project}/"))
    assert routable(installation) == []
    installation.administration.create_team(team)
    assert routable(installation) == []
    created = installation.administration.create_project(team, project)
    assert routable(installation) == [waiting]
    by_id = named(f"{created.team_id}/{created.id}/b.txt")
    keep(installation, by_id)
    assert routable(installation) == [waiting, by_id]
    assert routable(installation, limit=1) == [waiting]
    assert list(installation.administration.routable(10)) == [waiting, by_id]
    installation.administration.delete_project(team, project)
    assert routable(installation) == []


def test_an_object_under_another_team_s_project_is_not_routable(installation: Installation, place: Route) -> None:
    other = installation.administration.create_team(f"team-{uuid4().hex}")
    keep(installation, named(f"{other.name}/{place.project_id}/a.txt"))
    assert routable(installation) == []


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
            transaction.operations.keep_failed(message)


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
    for _ in range(2):
        with installation.database.transaction() as transaction:
            transaction.operations.scrub_failed(document.document_id)
    assert [installation.row(FAILED, id=message.message_id).data for message in ours] == [b"", b""]
    assert all(installation.row(FAILED, id=message.message_id).data == message.data for message in others)
    kept = installation.row(FAILED, id=ours[0].message_id)
    assert (kept.reason, kept.attributes) == ("UNDELIVERABLE", ours[0].attributes)
