"""`reconcile`: finds what got lost and puts it back on its way."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from common.split_store import object_name as split_name
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Published

DONE = ("objects", "jobs", "withdrawn", "purges", "receipts", "gone", "deletions", "forgotten")
NOTHING: dict[str, int] = {}


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture(autouse=True)
def settled(installation: Installation) -> None:
    """Nothing of another test is left to be found."""
    grace_is_over(installation)
    while reconcile(installation) != NOTHING:
        installation.run()


@pytest.fixture
def name() -> str:
    return f"acme/docs/{uuid4()}.md"


def reconcile(installation: Installation) -> dict[str, int]:
    """What a run did of each thing that it did anything of."""
    answered = installation.functions["reconcile"].post("/")
    assert answered.status_code == 200, answered.text
    assert answered.json is not None
    return {name: answered.json[name] for name in DONE if answered.json[name]}


def stand_still(installation: Installation, published: Published) -> None:
    """Nothing has moved on the job for an hour."""
    installation.rows(
        "update ingestion_jobs set updated_at = now() - interval '1 hour' where id = :id",
        id=published.content["job_id"],
    )


def grace_is_over(installation: Installation) -> None:
    installation.rows("update ingestion_jobs set retired_at = now() - interval '1 hour' where retired_at is not null")


def has_object(installation: Installation, name: str) -> bool:
    return installation.storage.bucket(installation.bucket).get_blob(name) is not None


def status(installation: Installation, name: str) -> str:
    return str(installation.row("select status from documents where object_name = :name", name=name)["status"])


def test_where_nothing_is_lost_nothing_is_done(installation: Installation, name: str) -> None:
    installation.ingest(name, HANDBOOK)
    assert reconcile(installation) == NOTHING
    assert installation.topics.take() == []


def test_an_object_whose_notification_was_lost_becomes_a_document(installation: Installation, name: str) -> None:
    generation = installation.upload(name, HANDBOOK)
    assert reconcile(installation) == {"objects": 1}
    [published] = installation.topics.take()
    assert published.subscription == "intake"
    assert published.attributes == {
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "JSON_API_V1",
        "bucketId": installation.bucket,
        "objectId": name,
        "objectGeneration": str(generation),
    }
    installation.deliver("intake", published.body)
    installation.run()
    assert status(installation, name) == "ready"
    assert reconcile(installation) == NOTHING


def test_a_newer_generation_whose_notification_was_lost_is_found(installation: Installation, name: str) -> None:
    installation.ingest(name, HANDBOOK)
    generation = installation.upload(name, HANDBOOK.replace("43", "44"))
    assert reconcile(installation)["objects"] == 1
    installation.run()
    row = installation.row("select generation, status from documents where object_name = :name", name=name)
    assert tuple(row.values()) == (generation, "ready")


def test_a_placeholder_of_a_folder_is_not_found(installation: Installation) -> None:
    installation.upload(f"acme/docs/{uuid4()}/", b"")
    assert reconcile(installation) == NOTHING


def test_an_object_without_a_place_is_announced_once(installation: Installation) -> None:
    name = f"nobody/docs/{uuid4()}.txt"
    installation.upload(name, HANDBOOK)
    assert reconcile(installation)["objects"] == 1
    installation.run()
    assert reconcile(installation) == NOTHING


def test_an_unrouted_object_is_taken_up_once_it_has_a_place(installation: Installation) -> None:
    team = f"team {uuid4().hex}"
    name = f"{team}/docs/waiting.md"
    installation.accept("intake", installation.finalized(name, installation.upload(name, HANDBOOK)))
    installation.administration.create_team(team)
    assert reconcile(installation) == NOTHING
    installation.administration.create_project(team, "docs")
    assert reconcile(installation) == {"objects": 1}
    installation.run()
    assert status(installation, name) == "ready"


def test_an_object_that_outlived_its_document_is_deleted(installation: Installation, name: str) -> None:
    content = installation.ingest(name, HANDBOOK).content
    other = installation.ingest(f"acme/docs/{uuid4()}.md", HANDBOOK).content
    installation.accept("retire", installation.deleted(name, content["generation"]))
    assert reconcile(installation) == {"deletions": 1}
    assert not has_object(installation, name)
    assert has_object(installation, other["object_name"])
    assert reconcile(installation) == NOTHING


def test_a_newer_object_than_the_deleted_one_is_taken_in_and_stays(installation: Installation, name: str) -> None:
    content = installation.ingest(name, HANDBOOK).content
    installation.accept("retire", installation.deleted(name, content["generation"]))
    installation.upload(name, HANDBOOK)
    assert reconcile(installation) == {"objects": 1}
    installation.run()
    assert (has_object(installation, name), status(installation, name)) == (True, "ready")


def test_of_a_deleted_project_nothing_is_left_but_its_objects(installation: Installation) -> None:
    project = f"closed-{uuid4()}"
    installation.project("acme", project)
    live = installation.ingest(f"acme/{project}/live.md", HANDBOOK)
    waiting = installation.register(f"acme/{project}/waiting.md", HANDBOOK)
    [batch, *_] = installation.accept("chunk", waiting.body)
    installation.accept("embed", batch.body)
    installation.administration.delete_project("acme", project)
    assert reconcile(installation) == {"withdrawn": 2, "purges": 1}
    installation.run()
    assert installation.job(live.content["job_id"])["purged_at"] is None
    grace_is_over(installation)
    assert reconcile(installation) == {"purges": 1}
    installation.run()
    for content in (live.content, waiting.content):
        assert installation.ids(content["job_id"]) == ([], [], [])
        assert installation.job(content["job_id"])["purged_at"] is not None
        assert has_object(installation, content["object_name"])
    extractions = installation.storage.bucket(installation.extraction_bucket)
    assert extractions.get_blob(split_name(UUID(live.content["job_id"]))) is None
    assert reconcile(installation) == NOTHING


def test_a_job_that_stands_still_is_sent_on_its_way_again(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    stand_still(installation, registered)
    assert reconcile(installation) == {"jobs": 1}
    [published] = installation.topics.take()
    assert (published.subscription, published.content) == ("chunk", registered.content)
    assert published.attributes == registered.attributes


@pytest.mark.parametrize("lost", ["chunk", "embed", "record"])
def test_whichever_message_was_lost_the_document_becomes_ready(
    installation: Installation, name: str, lost: str
) -> None:
    registered = installation.register(name, HANDBOOK)
    waiting = [registered]
    while waiting:
        published = waiting.pop(0)
        if published.subscription != lost:
            waiting += installation.accept(installation.topics.function_of(published), published.body)
    stand_still(installation, registered)
    assert reconcile(installation) == {"jobs": 1}
    installation.run()
    assert status(installation, name) == "ready"


def test_a_job_that_only_waits_to_go_live_goes_live(installation: Installation, name: str) -> None:
    registered = installation.register(name, HANDBOOK)
    batches = [
        each
        for batch in installation.accept("chunk", registered.body)
        for each in installation.accept("embed", batch.body)
    ]
    gone_live = "if new.active_job_id is not null then raise exception 'the instance was stopped'; end if; return new;"
    with installation.triggered("documents", "before update", gone_live):
        answers = [installation.deliver("record", batch.body).status_code for batch in batches]
    assert answers == [204, 204, 500]
    states = installation.rows(
        "select state from ingestion_batches where job_id = :id", id=registered.content["job_id"]
    )
    assert [row["state"] for row in states] == ["recorded"] * 3
    stand_still(installation, registered)
    assert reconcile(installation)["jobs"] == 1
    installation.run()
    assert status(installation, name) == "ready"


def test_a_job_that_moves_is_left_alone(installation: Installation, name: str) -> None:
    installation.register(name, HANDBOOK)
    assert reconcile(installation) == NOTHING


@pytest.mark.parametrize(("table", "column"), [("ingestion_jobs", "id"), ("ingestion_batches", "job_id")])
def test_a_job_that_somebody_is_at_work_on_is_left_to_them(
    installation: Installation, name: str, table: str, column: str
) -> None:
    registered = installation.register(name, HANDBOOK)
    installation.accept("chunk", registered.body)
    lease = (
        f"update {table} set lease_token = {column}, lease_expires_at = now() + :left * interval '1 minute'"
        f" where {column} = :id"
    )
    installation.rows(lease, id=registered.content["job_id"], left=1)
    stand_still(installation, registered)
    assert reconcile(installation) == NOTHING
    installation.rows(lease, id=registered.content["job_id"], left=-1)
    stand_still(installation, registered)
    assert reconcile(installation) == {"jobs": 1}


def test_a_purge_that_is_due_is_sent_for(installation: Installation, name: str) -> None:
    old = installation.ingest(name, HANDBOOK).content
    installation.ingest(name, HANDBOOK.replace("43", "44"))
    assert reconcile(installation) == NOTHING
    installation.rows(
        "update ingestion_jobs set retired_at = now() - interval '1 hour' where id = :id", id=old["job_id"]
    )
    assert reconcile(installation) == {"purges": 1}
    [published] = installation.topics.take()
    assert published.subscription == "retire-document"
    assert published.content == {"team_id": old["team_id"], "document_id": old["document_id"]}
    installation.deliver("retire", published.body)
    assert installation.ids(old["job_id"]) == ([], [], [])
    assert reconcile(installation) == NOTHING


def test_one_run_takes_no_more_than_its_limit(installation: Installation) -> None:
    names = [f"acme/docs/{uuid4()}.txt" for _ in range(3)]
    for each in names:
        installation.upload(each, "A text.")
    limited = installation.create("reconcile", reconcile_limit="2")["reconcile"]
    for objects in (2, 1, 0):
        answered = limited.post("/")
        assert answered.json is not None
        assert answered.json["objects"] == objects
        installation.run()
    assert [status(installation, each) for each in names] == ["ready"] * 3
