"""`embed`: from a batch of chunks to their vectors in the index, never twice."""

from __future__ import annotations

import json
import logging
from uuid import UUID, uuid4

import msgspec
import pytest

from common.adapters.clock import SystemClock
from common.adapters.vertex.calls import Calls
from common.adapters.vertex.clients import prediction_client
from common.adapters.vertex.embedder import VertexEmbedder
from common.adapters.vertex.embedding_models import embedding_model
from common.cloud_settings import CloudSettings
from common.errors import Deferred
from common.messages import ChunkBatch
from common.model.chunks import chunk_id
from common.ports import Embedder
from common.quota import Quota
from functions.embed.use_case import EmbedBatch
from tests.functions.events import event
from tests.functions.installation import Installation
from tests.functions.texts import HANDBOOK
from tests.functions.topics import Published

ANY_VECTOR = "('[' || repeat('0,', 383) || '1]')::halfvec"


@pytest.fixture(scope="module", autouse=True)
def acme(installation: Installation) -> None:
    installation.project("acme", "docs")


@pytest.fixture
def batches(installation: Installation) -> list[Published]:
    """The messages of a document's three batches, two chunks in each of the first two, one in the last."""
    return installation.accept("chunk", installation.register(f"acme/docs/{uuid4()}.md", HANDBOOK).body)


def vectors(installation: Installation, batch: Published) -> dict[UUID, str]:
    statement = "select chunk_id, embedding::text as vector from chunk_vectors where job_id = :job"
    return {row["chunk_id"]: row["vector"] for row in installation.rows(statement, job=batch.content["job_id"])}


def row_of(installation: Installation, batch: Published) -> dict[str, object]:
    return installation.row(
        "select state, lease_token from ingestion_batches where job_id = :job and batch_index = :index",
        job=batch.content["job_id"],
        index=batch.content["batch_index"],
    )


def chunk_ids(batch: Published) -> set[UUID]:
    return {chunk_id(UUID(batch.content["job_id"]), chunk["index"]) for chunk in batch.content["chunks"]}


def set_lease(installation: Installation, batch: Published, until: str) -> None:
    installation.rows(
        f"update ingestion_batches set lease_token = :token, lease_expires_at = now() + interval '{until}'"
        " where job_id = :job and batch_index = :index",
        job=batch.content["job_id"],
        index=batch.content["batch_index"],
        token=uuid4(),
    )


def test_a_batch_is_embedded_into_the_index_and_sent_on(installation: Installation, batches: list[Published]) -> None:
    [published] = installation.accept("embed", batches[0].body)
    assert vectors(installation, batches[0]).keys() == chunk_ids(batches[0])
    assert row_of(installation, batches[0]) == {"state": "embedded", "lease_token": None}
    assert row_of(installation, batches[1]) == {"state": "pending", "lease_token": None}
    assert (published.subscription, published.content) == ("record", batches[0].content)
    assert published.attributes == batches[0].attributes


def test_title_and_headings_are_embedded_with_the_text(installation: Installation, batches: list[Published]) -> None:
    content = batches[2].content
    [chunk] = content["chunks"]
    bare = [{**chunk, "bounds": {**chunk["bounds"], "heading_path": []}}]
    installation.accept("embed", batches[2].body)
    whole = vectors(installation, batches[2])
    installation.rows("update ingestion_batches set state = 'pending' where job_id = :job", job=content["job_id"])
    changed = event("chunk-batch", {**content, "chunks": bare, "title": ""}, **batches[2].attributes)
    installation.accept("embed", changed)
    assert vectors(installation, batches[2]).keys() == whole.keys()
    assert vectors(installation, batches[2]) != whole


def test_a_redelivery_embeds_nothing_and_publishes_again(installation: Installation, batches: list[Published]) -> None:
    first = installation.accept("embed", batches[0].body)
    installation.rows(
        f"update chunk_vectors set embedding = {ANY_VECTOR} where job_id = :job", job=batches[0].content["job_id"]
    )
    before = vectors(installation, batches[0])
    again = installation.accept("embed", batches[0].body)
    assert [each.content for each in again] == [each.content for each in first]
    assert vectors(installation, batches[0]) == before


def test_a_redelivery_of_a_recorded_batch_publishes_nothing(
    installation: Installation, batches: list[Published]
) -> None:
    [published] = installation.accept("embed", batches[0].body)
    assert installation.accept("record", published.body) == []
    assert installation.accept("embed", batches[0].body) == []


def test_a_held_lease_defers_and_publishes_the_message_again(
    installation: Installation, batches: list[Published]
) -> None:
    set_lease(installation, batches[0], "1 hour")
    [again] = installation.accept("embed", batches[0].body)
    assert (again.subscription, again.content) == ("embed", batches[0].content)
    assert again.attributes == {**batches[0].attributes, "deferrals": "1"}
    assert vectors(installation, batches[0]) == {}
    set_lease(installation, batches[0], "-1 second")
    [published] = installation.accept("embed", again.body)
    assert published.subscription == "record"


def test_a_lease_is_one_batchs_and_holds_up_no_other(installation: Installation, batches: list[Published]) -> None:
    set_lease(installation, batches[0], "1 hour")
    [published] = installation.accept("embed", batches[1].body)
    assert published.subscription == "record"


def test_whoever_lost_its_lease_marks_nothing(installation: Installation, batches: list[Published]) -> None:
    taken_over = "if new.lease_token is not null then new.lease_token := gen_random_uuid(); end if; return new;"
    with installation.triggered("ingestion_batches", "before update of lease_token", taken_over):
        [again] = installation.accept("embed", batches[0].body)
    assert (again.subscription, again.attributes["deferrals"]) == ("embed", "1")
    row = row_of(installation, batches[0])
    assert row["state"] == "pending"
    assert row["lease_token"] is not None


def test_a_superseded_job_is_not_embedded(installation: Installation, batches: list[Published]) -> None:
    name = installation.document(batches[0].content["document_id"])["object_name"]
    installation.register(name, HANDBOOK)
    assert installation.accept("embed", batches[0].body) == []
    assert vectors(installation, batches[0]) == {}
    assert installation.job(batches[0].content["job_id"])["reason"] == "SUPERSEDED"


def test_what_was_embedded_for_a_document_that_changed_meanwhile_is_removed(
    installation: Installation, batches: list[Published]
) -> None:
    installation.accept("embed", batches[0].body)
    document = batches[1].content["document_id"]
    changed = f"update documents set wanted_job_id = null where id = '{document}'; return null;"
    with installation.triggered("ingestion_batches", "after update of lease_token", changed):
        assert installation.accept("embed", batches[1].body) == []
    assert vectors(installation, batches[1]).keys() == chunk_ids(batches[0])
    job = installation.job(batches[1].content["job_id"])
    assert (job["status"], job["stage"], job["reason"]) == ("failed", "embed", "SUPERSEDED")


def test_whoever_wakes_when_the_batch_answers_already_takes_nothing_away(
    installation: Installation, batches: list[Published]
) -> None:
    content = batches[0].content
    answers = (
        f"update ingestion_jobs set status = 'succeeded' where id = '{content['job_id']}';"
        f" update documents set active_job_id = '{content['job_id']}' where id = '{content['document_id']}';"
        " return null;"
    )
    with installation.triggered("ingestion_batches", "after update of lease_token", answers):
        assert installation.accept("embed", batches[0].body) == []
    assert vectors(installation, batches[0]).keys() == chunk_ids(batches[0])
    assert installation.job(content["job_id"])["status"] == "succeeded"


@pytest.mark.parametrize(("purge", "left"), [("null", 2), ("now()", 0)])
def test_what_is_embedded_late_stays_for_the_purge_to_come_and_goes_where_that_has_begun(
    installation: Installation, batches: list[Published], purge: str, left: int
) -> None:
    job = batches[0].content["job_id"]
    failed = (
        f"update ingestion_jobs set status = 'failed', finished_at = now(), purge_started_at = {purge}"
        f" where id = '{job}'; return null;"
    )
    with installation.triggered("ingestion_batches", "after update of lease_token", failed):
        assert installation.accept("embed", batches[0].body) == []
    assert len(vectors(installation, batches[0])) == left
    assert installation.job(job)["reason"] is None


def test_a_redelivery_of_a_finished_job_says_nothing(
    installation: Installation, batches: list[Published], caplog: pytest.LogCaptureFixture
) -> None:
    for batch in batches:
        installation.deliver("embed", batch.body)
    installation.run()
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="common.outcomes"):
        assert installation.accept("embed", batches[0].body) == []
    assert caplog.messages == []
    assert installation.job(batches[0].content["job_id"])["status"] == "succeeded"


def test_a_job_of_another_model_fails_and_may_be_run_again(
    installation: Installation, batches: list[Published]
) -> None:
    settings = {**batches[0].content["settings"], "embedding_model": "text-embedding-005"}
    changed = event("chunk-batch", {**batches[0].content, "settings": settings}, **batches[0].attributes)
    assert installation.accept("embed", changed) == []
    job = installation.job(batches[0].content["job_id"])
    assert (job["status"], job["stage"], job["reason"], job["retryable"]) == ("failed", "embed", "MODEL_CHANGED", True)
    assert installation.document(batches[0].content["document_id"])["status"] == "failed"
    assert vectors(installation, batches[0]) == {}


def test_a_text_that_the_model_would_cut_fails_the_job(installation: Installation, batches: list[Published]) -> None:
    chunks = [{**batches[0].content["chunks"][0], "text": "lighthouse " * 300}]
    changed = event("chunk-batch", {**batches[0].content, "chunks": chunks}, **batches[0].attributes)
    assert installation.accept("embed", changed) == []
    job = installation.job(batches[0].content["job_id"])
    assert (job["status"], job["stage"], job["reason"]) == ("failed", "embed", "TEXT_TOO_LONG")


def test_a_failure_counts_as_an_attempt_and_gives_the_lease_back(
    installation: Installation, batches: list[Published]
) -> None:
    installation.rows("revoke insert on chunk_vectors from ai_infra_pipeline")
    try:
        assert installation.deliver("embed", batches[0].body).status_code == 500
    finally:
        installation.rows("grant insert on chunk_vectors to ai_infra_pipeline")
    assert installation.topics.take() == []
    assert row_of(installation, batches[0]) == {"state": "pending", "lease_token": None}
    assert installation.job(batches[0].content["job_id"])["attempts"] == 1
    [published] = installation.accept("embed", batches[0].body)
    assert published.subscription == "record"


def test_waiting_for_the_quota_counts_as_no_attempt_and_gives_the_lease_back(
    installation: Installation, batches: list[Published]
) -> None:
    app = installation.applications[0]
    embed_batch = EmbedBatch(
        database=app.database,
        embedder=embedder_without_quota(app.embedder),
        index=app.index,
        publisher=app.publisher,
        lease_seconds=60,
    )
    with pytest.raises(Deferred) as caught:
        embed_batch(msgspec.convert(batches[0].content, ChunkBatch))
    assert caught.value.reason == "QUOTA"
    assert row_of(installation, batches[0]) == {"state": "pending", "lease_token": None}
    assert installation.job(batches[0].content["job_id"])["attempts"] == 0


def embedder_without_quota(like: Embedder) -> VertexEmbedder:
    """One of the same model that has used its share of this minute up. It calls nobody."""
    cloud = CloudSettings(region="europe-west4", cloud_sql_instance="p:r:i", cloud_sql_user="embed@p.iam")
    quota = Quota(requests_per_minute=1)
    quota.take(1)
    spec = {"route": "predict", "dimensions": like.dimensions, "text_tokens": 256}
    model = embedding_model(like.model, json.dumps(spec))
    calls = Calls(quota, 1.0, 1.0, SystemClock())
    return VertexEmbedder(prediction_client(cloud), model, calls, project="p", region="europe-west4")


def test_a_batch_that_is_not_there_is_tried_again(installation: Installation) -> None:
    assert installation.deliver("embed", event("chunk-batch")).status_code == 500
