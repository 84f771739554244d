"""`DocumentRows` on Postgres."""

from __future__ import annotations

from dataclasses import replace

import pytest

from common.database import Unrouted
from common.model.documents import (
    DeletionCause,
    Document,
    ProjectSettings,
    Route,
    SourceType,
    StoredObject,
    document_id,
)
from tests.rows import (
    Installation,
    chunk_ids,
    finished,
    live,
    new_object,
    new_place,
    next_generation,
    registered,
    reprocessed,
)


def route(installation: Installation, team: str, project: str) -> Route | Unrouted:
    with installation.database.transaction() as transaction:
        return transaction.documents.route(team, project)


def names(installation: Installation, place: Route) -> tuple[str, str]:
    found = installation.administration.project(str(place.team_id), str(place.project_id))
    return found.team, found.name


def known_elsewhere(installation: Installation, stored: StoredObject, place: Route) -> bool:
    with installation.database.transaction() as transaction:
        return transaction.documents.known_elsewhere(stored, place.project_id)


def delete(installation: Installation, document: Document, generation: int) -> None:
    with installation.database.transaction() as transaction:
        transaction.documents.lock(document.id)
        transaction.documents.delete(document.id, generation, DeletionCause.OBJECT)


def created(installation: Installation, place: Route, stored: StoredObject) -> Document:
    with installation.database.transaction() as transaction:
        return transaction.documents.lock_or_create(place, stored, SourceType.UPLOAD, "title")


def answering_chunks(installation: Installation, document: Document) -> int:
    counted = installation.row(
        "select count(*) as n from document_chunks where document_id = :id and retired_at is null", id=document.id
    )
    return int(counted.n)


def test_names_and_ids_lead_to_the_same_place(installation: Installation, place: Route) -> None:
    team, project = names(installation, place)
    for team_part in (team, str(place.team_id)):
        for project_part in (project, str(place.project_id)):
            assert route(installation, team_part, project_part) == place


def test_a_route_carries_the_project_s_settings(installation: Installation, place: Route) -> None:
    settings = ProjectSettings(chunk_size=77, min_score=0.5)
    installation.administration.change_settings(str(place.team_id), str(place.project_id), lambda _: settings)
    assert route(installation, *names(installation, place)) == replace(place, settings=settings)


def test_an_unknown_team_or_project_is_named(installation: Installation, place: Route) -> None:
    team, project = names(installation, place)
    nowhere = route(installation, "nobody", project)
    assert isinstance(nowhere, Unrouted)
    assert nowhere.reason == "UNKNOWN_TEAM"
    assert "'nobody'" in nowhere.message
    nothing = route(installation, team, "nothing")
    assert isinstance(nothing, Unrouted)
    assert nothing.reason == "UNKNOWN_PROJECT"
    assert "'nothing'" in nothing.message


def test_another_team_s_project_is_unknown(installation: Installation, place: Route) -> None:
    team, _ = names(installation, place)
    stranger = new_place(installation)
    for project in (names(installation, stranger)[1], str(stranger.project_id)):
        assert isinstance(route(installation, team, project), Unrouted)


def test_what_was_deleted_leads_nowhere_and_its_name_leads_to_its_successor(installation: Installation) -> None:
    place = new_place(installation)
    team, project = names(installation, place)
    installation.administration.delete_project(team, project)
    assert isinstance(route(installation, team, project), Unrouted)
    assert isinstance(route(installation, team, str(place.project_id)), Unrouted)
    successor = installation.administration.create_project(team, project)
    assert route(installation, team, project) == Route(place.team_id, successor.id)
    installation.administration.delete_team(team)
    for team_part in (team, str(place.team_id)):
        unknown = route(installation, team_part, project)
        assert isinstance(unknown, Unrouted)
        assert unknown.reason == "UNKNOWN_TEAM"


def test_an_object_has_one_row_in_a_project_however_often_it_comes(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    first, again = created(installation, place, stored), created(installation, place, next_generation(stored))
    assert first == again
    assert first.id == document_id(place.project_id, stored.bucket, stored.name)
    assert (first.generation, first.wanted_job_id, first.active_job_id) == (0, None, None)
    assert first.project_living
    assert not first.living


def test_a_new_row_says_where_the_object_is_and_how_it_came(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    with installation.database.transaction() as transaction:
        document = transaction.documents.lock_or_create(place, stored, SourceType.MANUAL, "A title")
    row = installation.row("select * from documents where id = :id", id=document.id)
    assert (row.gcs_uri, row.source_type, row.title, row.status) == (stored.uri, "manual", "A title", "uploaded")
    assert (row.bucket, row.object_name, row.mime_type) == (stored.bucket, stored.name, None)


def test_a_document_that_is_not_there_cannot_be_locked(installation: Installation, place: Route) -> None:
    with installation.database.transaction() as transaction:
        assert transaction.documents.lock(place.project_id) is None


def test_a_document_knows_that_its_project_or_team_was_deleted(installation: Installation) -> None:
    in_project, in_team = new_place(installation), new_place(installation)
    one, other = registered(installation, in_project), registered(installation, in_team)
    assert installation.document(one).living
    installation.administration.delete_project(str(in_project.team_id), str(in_project.project_id))
    installation.administration.delete_team(str(in_team.team_id))
    for message in (one, other):
        assert not installation.document(message).living
        assert not installation.document(message).wants(message.job_id)


def test_an_object_s_documents_are_found_in_every_project(installation: Installation, place: Route) -> None:
    stored, other = new_object(place), new_place(installation)
    ids = {created(installation, each, stored).id for each in (place, other)}
    created(installation, place, new_object(place))
    with installation.database.transaction() as transaction:
        found = transaction.documents.of_object(stored.bucket, stored.name)
        assert set(found) == ids
        assert transaction.documents.of_object("another-bucket", stored.name) == []


def test_a_generation_that_another_project_saw_is_known_there(installation: Installation) -> None:
    former, place = new_place(installation), new_place(installation)
    stored = new_object(former, generation=5)
    registered(installation, former, stored)
    assert known_elsewhere(installation, stored, place)
    assert known_elsewhere(installation, replace(stored, generation=4), place)
    assert not known_elsewhere(installation, replace(stored, generation=6), place)
    assert not known_elsewhere(installation, stored, former)
    with installation.database.transaction() as transaction:
        assert transaction.documents.known_elsewhere(stored, None)
        assert not transaction.documents.known_elsewhere(replace(stored, generation=6), None)
    installation.administration.delete_project(str(former.team_id), str(former.project_id))
    assert known_elsewhere(installation, stored, place)


def test_a_generation_that_was_only_deleted_elsewhere_is_known_there(installation: Installation) -> None:
    former, place = new_place(installation), new_place(installation)
    stored = new_object(former, generation=5)
    delete(installation, created(installation, former, stored), 5)
    assert known_elsewhere(installation, stored, place)
    assert not known_elsewhere(installation, replace(stored, generation=6), place)


def test_what_reading_told_is_kept(installation: Installation, place: Route) -> None:
    document = created(installation, place, new_object(place))
    with installation.database.transaction() as transaction:
        transaction.documents.describe(document.id, mime_type="text/plain", sha256="0f" * 32)
    row = installation.row("select mime_type, sha256 from documents where id = :id", id=document.id)
    assert row == ("text/plain", "0f" * 32)


def test_a_deleted_document_leaves_every_answer_at_once(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    assert answering_chunks(installation, installation.document(message)) == 3
    delete(installation, installation.document(message), message.generation)
    document = installation.document(message)
    assert (document.deleted_generation, document.wanted_job_id, document.active_job_id) == (1, None, None)
    assert not document.living
    assert answering_chunks(installation, document) == 0
    job = installation.row("select status::text, retired_at from ingestion_jobs where id = :id", id=message.job_id)
    assert job.status == "succeeded"
    assert job.retired_at is not None


def test_a_job_at_work_on_a_deleted_generation_ends_superseded(installation: Installation, place: Route) -> None:
    message = registered(installation, place)
    delete(installation, installation.document(message), message.generation)
    job = installation.row("select * from ingestion_jobs where id = :id", id=message.job_id)
    assert (job.status, job.reason) == ("failed", "SUPERSEDED")
    assert job.finished_at is not None
    assert job.error_message


def test_a_delete_before_its_finalize_stands(installation: Installation, place: Route) -> None:
    stored = new_object(place, generation=7)
    document = created(installation, place, stored)
    delete(installation, document, 7)
    again = created(installation, place, stored)
    assert again.is_deleted(7)
    assert again.is_deleted(6)
    assert not again.is_deleted(8)


def test_a_newer_generation_lives_after_a_delete(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    old = live(installation, place, stored)
    delete(installation, installation.document(old), 1)
    new = live(installation, place, next_generation(stored))
    document = installation.document(new)
    assert document.living
    assert (document.active_job_id, document.deleted_generation) == (new.job_id, 1)
    assert answering_chunks(installation, document) == 3


def test_a_delete_of_an_older_generation_than_the_newest_changes_nothing(
    installation: Installation, place: Route
) -> None:
    stored = new_object(place)
    old = live(installation, place, stored)
    new = finished(installation, registered(installation, place, next_generation(stored)))
    before = installation.document(new)
    delete(installation, before, old.generation)
    assert installation.document(new) == before
    assert before.active_job_id == old.job_id
    assert answering_chunks(installation, before) == 6
    assert installation.row("select retired_at from ingestion_jobs where id = :id", id=old.job_id).retired_at is None


def test_deleting_again_keeps_the_first_time_and_the_newest_generation(
    installation: Installation, place: Route
) -> None:
    message = live(installation, place)
    delete(installation, installation.document(message), 4)
    retired = installation.rows("select retired_at from document_chunks where id = any(:ids)", ids=chunk_ids(message))
    delete(installation, installation.document(message), 2)
    assert installation.document(message).deleted_generation == 4
    assert retired == installation.rows(
        "select retired_at from document_chunks where id = any(:ids)", ids=chunk_ids(message)
    )


def test_every_run_of_a_deleted_generation_is_retired(installation: Installation, place: Route) -> None:
    first = live(installation, place)
    second = finished(installation, reprocessed(installation, first))
    delete(installation, installation.document(second), 1)
    assert answering_chunks(installation, installation.document(second)) == 0


@pytest.mark.parametrize("recorded_as", ["document", "deleted document", "unrouted object"])
def test_an_object_is_unregistered_until_its_generation_is_on_record(
    installation: Installation, place: Route, recorded_as: str
) -> None:
    stored = new_object(place, generation=3)
    with installation.database.transaction() as transaction:
        assert transaction.documents.unregistered([stored]) == [stored]
    if recorded_as == "document":
        registered(installation, place, stored)
    elif recorded_as == "deleted document":
        delete(installation, created(installation, place, stored), 3)
    else:
        with installation.database.transaction() as transaction:
            transaction.operations.keep_unrouted(stored, Unrouted("UNKNOWN_TEAM", "There is no such team."))
    older, newer = replace(stored, generation=2), replace(stored, generation=4)
    elsewhere = replace(stored, bucket="another-bucket")
    with installation.database.transaction() as transaction:
        assert transaction.documents.unregistered([older, stored, newer, elsewhere]) == [newer, elsewhere]
        assert transaction.documents.unregistered([]) == []


def test_an_object_is_deleted_once_a_document_holds_its_generation_as_deleted(
    installation: Installation, place: Route
) -> None:
    stored = new_object(place, generation=3)
    message = registered(installation, place, stored)
    older, newer = replace(stored, generation=2), replace(stored, generation=4)
    objects = [older, stored, newer, replace(stored, bucket="another-bucket"), replace(stored, name="another")]
    with installation.database.transaction() as transaction:
        assert transaction.documents.deleted(objects) == []
        transaction.documents.delete(message.document_id, 3, DeletionCause.OBJECT)
        assert transaction.documents.deleted(objects) == [older, stored]
        assert transaction.documents.deleted([]) == []
