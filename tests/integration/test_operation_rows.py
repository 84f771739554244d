"""`OperationRows` on Postgres: objects without a place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from common.database import Unrouted
from common.model.documents import Route, StoredObject
from tests.rows import BUCKET, Installation

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
