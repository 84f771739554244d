"""Every message delivered twice and every object uploaded three times: the end is that of once."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from local.stack import Stack, StackOptions
from tests.conftest import show
from tests.e2e.team import Team, eventually, superuser

PARAGRAPHS = "\n\n".join(
    f"## Rule {number}\n\nRule number {number} says that harbour {number} opens at {number % 12} o'clock, every day of"
    " the year but the last, and that nobody may enter it by night without a pilot on board."
    for number in range(120)
)

STATE = text("""
    select
        (select count(*) from documents) as documents,
        (select array_agg(id::text order by chunk_index) from document_chunks where retired_at is null) as rows,
        (select array_agg(chunk_index order by chunk_index) from document_chunks where retired_at is null) as indexes,
        (select array_agg(chunk_id::text order by chunk_id::text) from chunk_vectors) as vectors,
        (select array_agg(chunk_id::text order by chunk_id::text) from chunk_texts) as texts,
        (select count(*) from failed_messages) as failed
""")

# Three generations came; the chunks of two have gone again when their purge has followed.
PURGED = text("select count(*) from ingestion_jobs where purged_at is null")

JOB = text("""
    select j.status::text, j.started_at, j.finished_at, j.created_at, j.chunks_created, j.total_chunks,
        j.embedding_model, d.source_type::text, d.status::text as document_status, d.active_job_id = j.id as active
    from documents d join ingestion_jobs j on j.id = d.wanted_job_id
""")


@pytest.mark.full
def test_three_uploads_delivered_twice_leave_one_document_and_one_set_of_chunks(tmp_path: Path) -> None:
    settings = {"purge_grace_seconds": "2", "question_seconds": "1", "batch_size": "8"}
    options = StackOptions(data=tmp_path, duplicate=2, durable=False, schedule_seconds=1.0, settings=settings, log=show)
    with Stack(options) as stack:
        team = Team.created(stack)
        for _ in range(3):
            generation = team.put("rules.md", PARAGRAPHS)
        engine = superuser(stack)

        def at_rest() -> bool | None:
            documents = team.api.documents(team.project)
            if [(each["generation"], each["status"]) for each in documents] != [(generation, "ready")]:
                return None
            with engine.connect() as connection:
                return True if connection.execute(PURGED).scalar_one() == 1 else None

        eventually(at_rest, "the last generation to be the only one")
        with engine.connect() as connection:
            state = connection.execute(STATE).one()
            job = connection.execute(JOB).one()
        engine.dispose()
    assert state.documents == 1
    assert state.failed == 0
    assert state.indexes == list(range(len(state.indexes)))
    assert sorted(state.rows) == state.vectors == state.texts
    assert len(state.rows) == job.chunks_created == job.total_chunks > 8
    assert (job.status, job.document_status, job.active) == ("succeeded", "ready", True)
    assert job.created_at <= job.started_at <= job.finished_at
    assert (job.embedding_model, job.source_type) == ("all-minilm-l6-v2-int8", "upload")
