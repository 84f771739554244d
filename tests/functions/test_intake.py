"""`intake`: from an object's notification to its document and job, once."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from common.model.documents import document_id, job_id
from tests.functions.events import content_of, event
from tests.functions.installation import Installation


@pytest.fixture(scope="module", autouse=True)
def coast(installation: Installation) -> None:
    installation.project("coast", "docs")


def of_object(installation: Installation, name: str) -> list[dict[str, Any]]:
    return installation.rows("select * from documents where object_name = :name", name=name)


def unrouted(installation: Installation, name: str) -> list[tuple[object, object]]:
    rows = installation.rows("select reason, generation from unrouted_objects where object_name = :name", name=name)
    return [(row["reason"], row["generation"]) for row in rows]


def test_a_finalized_object_gets_its_document_and_its_job(installation: Installation) -> None:
    name = "coast/docs/a folder/first.txt"
    [published] = installation.accept("intake", installation.finalized(name, 7, size="42"))
    [document] = of_object(installation, name)
    project = installation.administration.project("coast", "docs")
    assert document["id"] == document_id(project.id, installation.bucket, name)
    assert (document["team_id"], document["project_id"]) == (project.team_id, project.id)
    assert (document["title"], document["source_type"], document["status"]) == ("first.txt", "upload", "uploaded")
    assert (document["generation"], document["size"]) == (7, 42)
    assert document["gcs_uri"] == f"gs://{installation.bucket}/{name}"
    job = installation.job(document["wanted_job_id"])
    assert job["id"] == job_id(document["id"], 7, 1)
    assert (job["status"], job["stage"], job["attempts"], job["started_at"]) == ("queued", "registered", 0, None)
    assert published.subscription == "chunk"
    assert published.attributes == {
        "team_id": str(project.team_id),
        "document_id": str(document["id"]),
        "job_id": str(job["id"]),
    }
    assert published.content == {
        **published.attributes,
        "project_id": str(project.id),
        "settings": {"chunk_size": 64, "chunk_overlap": 8, "embedding_model": "all-minilm-l6-v2-int8"},
        "bucket": installation.bucket,
        "object_name": name,
        "generation": 7,
    }


def test_the_events_of_the_tests_are_what_the_functions_send_each_other(installation: Installation) -> None:
    registered = content_of("document-registered")
    ids = {"team": registered["team_id"], "project": registered["project_id"]}
    installation.rows("insert into teams (id, name) values (:team, 'acme')", team=ids["team"])
    installation.rows("insert into projects (id, team_id, name) values (:project, :team, 'handbook')", **ids)

    def sent(function: str, name: str) -> list[tuple[dict[str, Any], dict[str, str]]]:
        return [(each.content, each.attributes) for each in installation.accept(function, event(name))]

    def stored(name: str) -> tuple[dict[str, Any], dict[str, str]]:
        return content_of(name), event(name)["message"]["attributes"]

    assert sent("intake", "object-finalize") == [stored("document-registered")]
    job = registered["job_id"]
    installation.rows("update ingestion_jobs set total_chunks = 2, status = 'running' where id = :job", job=job)
    installation.rows(
        "insert into ingestion_batches (job_id, batch_index, team_id, chunk_start, chunk_count)"
        " values (:job, 0, :team, 0, 2)",
        job=job,
        team=ids["team"],
    )
    assert sent("embed", "chunk-batch") == [stored("batch-embedded")]
    assert sent("record", "batch-embedded") == []
    assert installation.job(job)["status"] == "succeeded"
    assert sent("dead_letter", "dead-letter") == []
    assert sent("retire", "object-delete") == [stored("document-retired")]
    assert sent("retire", "document-retired") == []
    assert sent("intake", "object-finalize") == []


def test_names_and_ids_lead_to_the_same_project(installation: Installation) -> None:
    project = installation.administration.project("coast", "docs")
    for name in (
        "coast/docs/routed.txt",
        f"{project.team_id}/{project.id}/routed.txt",
        f"coast/{project.id}/routed.txt",
    ):
        installation.accept("intake", installation.finalized(name, 1))
        assert [row["project_id"] for row in of_object(installation, name)] == [project.id]


def test_duplicates_register_once_and_publish_again_what_waits(installation: Installation) -> None:
    push = installation.finalized("coast/docs/often.txt", 3)
    first, second, third = (installation.accept("intake", push) for _ in range(3))
    [document] = of_object(installation, "coast/docs/often.txt")
    jobs = installation.rows("select id from ingestion_jobs where document_id = :id", id=document["id"])
    assert [job["id"] for job in jobs] == [document["wanted_job_id"]]
    assert [each.content for each in first] == [each.content for each in second] == [each.content for each in third]
    assert len(first) == 1


def test_a_duplicate_of_what_is_finished_publishes_nothing(installation: Installation) -> None:
    push = installation.finalized("coast/docs/finished.txt", 3)
    [published] = installation.accept("intake", push)
    installation.rows("update ingestion_jobs set status = 'succeeded' where id = :id", id=published.content["job_id"])
    assert installation.accept("intake", push) == []


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 1, 2), (2, 1, 3), (1, 3, 2)])
def test_the_newest_generation_wins_in_every_order(installation: Installation, order: tuple[int, ...]) -> None:
    name = f"coast/docs/order-{''.join(map(str, order))}.txt"
    published = [
        each for number in order for each in installation.accept("intake", installation.finalized(name, number))
    ]
    [document] = of_object(installation, name)
    assert (document["generation"], document["wanted_job_id"]) == (3, job_id(document["id"], 3, 1))
    newest_so_far = [max(order[: place + 1]) for place in range(3)]
    assert [each.content["generation"] for each in published] == sorted(set(newest_so_far))
    others = installation.rows(
        "select status, reason, retryable from ingestion_jobs where document_id = :id and generation < 3",
        id=document["id"],
    )
    assert all(tuple(job.values()) == ("failed", "SUPERSEDED", False) for job in others)
    assert len(others) == len(published) - 1


def test_a_generation_up_to_a_deleted_one_is_ignored(installation: Installation) -> None:
    name = "coast/docs/deleted.txt"
    assert installation.accept("retire", installation.deleted(name, 5)) == []
    for generation in (4, 5):
        assert installation.accept("intake", installation.finalized(name, generation)) == []
    [document] = of_object(installation, name)
    assert (document["generation"], document["deleted_generation"], document["wanted_job_id"]) == (0, 5, None)
    [published] = installation.accept("intake", installation.finalized(name, 6))
    assert published.content["generation"] == 6


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("stray.txt", "NO_PROJECT_IN_NAME"),
        ("coast/stray.txt", "NO_PROJECT_IN_NAME"),
        ("/docs/stray.txt", "NO_PROJECT_IN_NAME"),
        ("coast//stray.txt", "NO_PROJECT_IN_NAME"),
        ("nobody/docs/stray.txt", "UNKNOWN_TEAM"),
        ("00000000-0000-0000-0000-000000000000/docs/stray.txt", "UNKNOWN_TEAM"),
        ("coast/nothing/stray.txt", "UNKNOWN_PROJECT"),
    ],
)
def test_what_leads_nowhere_is_kept_with_the_reason(installation: Installation, name: str, reason: str) -> None:
    for generation in (2, 1, 2):
        assert installation.accept("intake", installation.finalized(name, generation)) == []
    assert unrouted(installation, name) == [(reason, 2)]
    assert of_object(installation, name) == []


def test_an_unrouted_object_is_taken_up_when_its_team_and_project_exist(installation: Installation) -> None:
    name = "later/docs/waiting.txt"
    push = installation.finalized(name, 1)
    installation.accept("intake", push)
    installation.administration.create_team("later")
    installation.accept("intake", push)
    assert unrouted(installation, name) == [("UNKNOWN_PROJECT", 1)]
    installation.administration.create_project("later", "docs")
    [published] = installation.accept("intake", push)
    assert published.content["object_name"] == name
    assert unrouted(installation, name) == []


@pytest.mark.parametrize("name", ["coast/docs/", "coast/docs/folder/", "nobody/docs/"])
def test_a_placeholder_of_a_folder_is_no_document(installation: Installation, name: str) -> None:
    generation = 1
    assert installation.accept("intake", installation.finalized(name, generation, size="0")) == []
    assert installation.accept("retire", installation.deleted(name, generation)) == []
    assert of_object(installation, name) == []
    assert unrouted(installation, name) == []


def test_a_generation_known_under_a_deleted_project_is_never_routed_again(installation: Installation) -> None:
    name = "coast/brief/plan.txt"
    first = installation.project("coast", "brief")
    installation.accept("intake", installation.finalized(name, 4))
    installation.administration.delete_project("coast", "brief")
    assert installation.accept("intake", installation.finalized(name, 4)) == []
    assert unrouted(installation, name) == []
    second = installation.administration.create_project("coast", "brief")
    assert installation.accept("intake", installation.finalized(name, 4)) == []
    assert [row["project_id"] for row in of_object(installation, name)] == [first.id]
    [published] = installation.accept("intake", installation.finalized(name, 5))
    assert published.content["project_id"] == str(second.id)


def test_a_newer_generation_under_a_deleted_project_is_kept_as_unrouted(installation: Installation) -> None:
    name = "coast/former/plan.txt"
    installation.project("coast", "former")
    installation.accept("intake", installation.finalized(name, 4))
    installation.administration.delete_project("coast", "former")
    assert installation.accept("intake", installation.finalized(name, 5)) == []
    assert unrouted(installation, name) == [("UNKNOWN_PROJECT", 5)]


def test_title_and_way_in_are_taken_from_the_object(installation: Installation) -> None:
    name = "coast/docs/0001.txt"
    metadata = {"source-type": "url", "title": "A page of the web"}
    installation.accept("intake", installation.finalized(name, 1, metadata=metadata))
    [document] = of_object(installation, name)
    assert (document["title"], document["source_type"]) == ("A page of the web", "url")


def test_a_project_decides_how_its_documents_are_split(installation: Installation) -> None:
    project = installation.project("coast", "own settings")
    installation.rows("""update projects set settings = '{"chunk_size": 40}' where id = :id""", id=project.id)
    [published] = installation.accept("intake", installation.finalized("coast/own settings/a.txt", 1))
    assert published.content["settings"]["chunk_size"] == 40
    assert published.content["settings"]["chunk_overlap"] == 8


def test_what_was_not_committed_is_not_said_to_be_registered(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    push = installation.finalized("coast/docs/refused.txt", 7)
    at_commit = "after insert on ingestion_jobs deferrable initially deferred for each row execute function refuse()"
    installation.rows("create function refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$")
    installation.rows(f"create constraint trigger refuse {at_commit}")
    try:
        with caplog.at_level(logging.INFO, logger="common.registration"):
            assert installation.deliver("intake", push).status_code == 500
    finally:
        installation.rows("drop trigger refuse on ingestion_jobs")
        installation.rows("drop function refuse()")
    assert [each for each in caplog.records if each.name == "common.registration"] == []
    with caplog.at_level(logging.INFO, logger="common.registration"):
        for _ in range(2):
            assert len(installation.accept("intake", push)) == 1
    [said] = [each for each in caplog.records if each.name == "common.registration"]
    assert said.__dict__["event"] == "object_registered"
