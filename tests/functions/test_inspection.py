"""The inspection: each violation is found, and no other; it is mended by its remedy, and found no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from common.inspection import Findings, Remedy, Within
from common.inspection.findings import KINDS
from tests.functions.inspecting import (
    OTHER,
    TEXT,
    Break,
    Place,
    inspection,
    reasons,
    repaired,
    with_late_extraction,
    with_late_texts,
    with_late_vectors,
    without_extraction,
    without_texts,
    without_vectors,
)
from tests.functions.installation import Installation

HOUR = "interval '1 hour'"
_numbers = count(1)


@pytest.fixture
def place(installation: Installation) -> Place:
    project = installation.project("acme", f"docs-{next(_numbers)}")
    return Place(installation, project, f"acme/{project.name}/{uuid4()}.md")


def changed(statement: str, **more: object) -> Break:
    """A document that answers, in which this is changed."""
    return lambda place: place.change(statement, place.live(), **more)


def changed_of_the_old(statement: str) -> Break:
    """A document of two generations; the row that is changed is of the old one's job."""
    return lambda place: place.change(statement, place.replaced()[0])


def object_gone(place: Place) -> None:
    place.live()
    place.remove_object()


def orphaned(place: Place) -> None:
    copy = """
        insert into ingestion_jobs (id, document_id, team_id, generation, run, embedding_model, settings)
        select gen_random_uuid(), document_id, team_id, generation, 99, embedding_model, settings
        from ingestion_jobs where id = :job
    """
    place.change(copy, place.live())


def stalled(place: Place) -> None:
    content = place.installation.register(place.name, TEXT).content
    place.change(f"update ingestion_jobs set updated_at = now() - {HOUR} where id = :job", content)


def stalled_at_a_batch(place: Place) -> None:
    registered = place.installation.register(place.name, TEXT)
    [batch, *_] = place.installation.accept("chunk", registered.body)
    place.installation.accept("embed", batch.body)
    place.change(f"update ingestion_jobs set updated_at = now() - {HOUR} where id = :job", registered.content)


def unexplained(place: Place) -> None:
    place.change("update ingestion_jobs set reason = null where id = :job", place.live(""))


def going_back(place: Place) -> None:
    old, _ = place.replaced()
    place.change("update documents set wanted_job_id = :job where id = :document", old)


def answers_lost(place: Place) -> None:
    place.live()
    failed = """
        update ingestion_jobs
        set status = 'failed', reason = 'X', error_message = 'x', retryable = true, finished_at = now() where id = :job
    """
    new = place.installation.register(place.name, OTHER).content
    place.change(failed, new)
    place.change("update documents set status = 'failed', active_job_id = null where id = :document", new)


def deleted_answers(place: Place) -> None:
    place.change("update documents set active_job_id = :job where id = :document", place.deleted())


def with_late_rows(place: Place) -> None:
    copy = """
        insert into document_chunks (
            id, document_id, chunk_index, vector_id, text_preview, team_id, project_id, job_id, retired_at)
        select n.id, :document, 7, n.id::text, 'late', :team, :project, :job, now()
        from (select gen_random_uuid()) n (id)
    """
    place.change(copy, place.purged())


def project_deleted(place: Place) -> None:
    place.live()
    place.installation.rows(f"update projects set deleted_at = now() - {HOUR} where id = :id", id=place.project.id)


def receipt_left(place: Place) -> None:
    content = place.deleted()
    place.purge(content)
    age = f"update deletions set completed_at = null, requested_at = now() - {HOUR} where document_id = :document"
    place.change(age, content)


def failed_message_left(place: Place) -> None:
    content = place.deleted()
    place.purge(content)
    keep = """
        insert into failed_messages (id, subscription, message_id, data, reason, error, team_id, document_id, job_id)
        values (gen_random_uuid(), 'embed', :message, 'text', 'X', 'x', :team, :document, :job)
    """
    place.change(keep, content, message=str(uuid4()))
    place.change(f"update documents set updated_at = now() - {HOUR} where id = :document", content)


def object_left(place: Place) -> None:
    content = place.live()
    place.installation.accept("retire", place.installation.deleted(place.name, content["generation"]))
    place.purge(content)
    place.change(f"update documents set updated_at = now() - {HOUR} where id = :document", content)


MENDED: dict[str, tuple[Break, set[str]]] = {
    "an object that is gone": (object_gone, {"OBJECT_GONE"}),
    "an unfinished job that nobody wants": (orphaned, {"JOB_ORPHANED"}),
    "a job that was never split": (stalled, {"JOB_STALLED"}),
    "a job whose batches were lost": (stalled_at_a_batch, {"JOB_STALLED"}),
    "a status that nothing explains": (
        changed("update documents set status = 'processing' where id = :document"),
        {"STATUS_WRONG"},
    ),
    "a document that wants nothing": (
        changed("update documents set wanted_job_id = null where id = :document"),
        {"STATUS_WRONG"},
    ),
    "a failure without a reason": (unexplained, {"FAILURE_UNEXPLAINED"}),
    "a chunk row less": (
        changed("delete from document_chunks where job_id = :job and chunk_index = 2"),
        {"CHUNKS_MISSING"},
    ),
    "a chunk row retired": (
        changed("update document_chunks set retired_at = now() where job_id = :job and chunk_index = 2"),
        {"CHUNKS_MISSING"},
    ),
    "a batch not recorded": (
        changed("update ingestion_batches set state = 'embedded' where job_id = :job and batch_index = 1"),
        {"CHUNKS_MISSING"},
    ),
    "a vector less": (without_vectors, {"VECTORS_MISSING"}),
    "a text less": (without_texts, {"TEXTS_MISSING"}),
    "no extraction": (without_extraction, {"EXTRACTION_MISSING"}),
    "an old generation wanted again": (going_back, {"GENERATION_WRONG", "NOT_LIVE"}),
    "chunks of the old generation unretired": (
        changed_of_the_old("update document_chunks set retired_at = null where job_id = :job"),
        {"CHUNKS_TWICE"},
    ),
    "an active job that was retired": (
        changed("update ingestion_jobs set retired_at = now() where id = :job"),
        {"ACTIVE_WRONG"},
    ),
    "a finished job that is not live": (
        changed("update documents set active_job_id = null where id = :document"),
        {"NOT_LIVE"},
    ),
    "answers that a failed job took": (answers_lost, {"ANSWERS_LOST"}),
    "an old job that was not retired": (
        changed_of_the_old("update ingestion_jobs set retired_at = null where id = :job"),
        {"NOT_RETIRED"},
    ),
    "a deleted document that answers": (deleted_answers, {"DELETED_ANSWERS"}),
    "a purge that never came": (
        changed_of_the_old(f"update ingestion_jobs set retired_at = now() - {HOUR} where id = :job"),
        {"PURGE_OVERDUE"},
    ),
    "a vector of a purged job": (with_late_vectors, {"LEFTOVERS"}),
    "a text of a purged job": (with_late_texts, {"LEFTOVERS"}),
    "an extraction of a purged job": (with_late_extraction, {"LEFTOVERS"}),
    "a chunk row with text of a purged job": (with_late_rows, {"LEFTOVERS"}),
    "a deleted project that still answers": (project_deleted, {"DELETION_OVERDUE"}),
    "a receipt that is not completed": (receipt_left, {"DELETION_OVERDUE"}),
    "a failed message of a deleted document": (failed_message_left, {"FAILED_MESSAGE_TEXT"}),
    "an object that outlived its document": (object_left, {"OBJECT_LEFT"}),
}


def once_each(breaks: Mapping[str, tuple[Break, set[str]]]) -> Iterator[Any]:
    """One for each remedy, and those whose rows alone do not tell; the others, which do, with --full."""
    seen = {Remedy.REPROCESS}
    for name, (_, violated) in breaks.items():
        remedies = {KINDS[reason][1] for reason in violated}
        told = violated.isdisjoint({"VECTORS_MISSING", "TEXTS_MISSING", "EXTRACTION_MISSING", "LEFTOVERS"})
        yield pytest.param(name, marks=[pytest.mark.full] if remedies <= seen and told else [])
        seen |= remedies


@pytest.mark.parametrize("name", list(once_each(MENDED)))
def test_a_violation_is_found_alone_and_mended(place: Place, name: str) -> None:
    break_it, expected = MENDED[name]
    break_it(place)
    found = place.found()
    assert reasons(found) == expected
    for violation in found.violations:
        assert (violation.invariant, violation.remedy) == KINDS[violation.reason] or violation.reason == "STATUS_WRONG"
        assert violation.team_id == place.project.team_id
    assert any(each.sent for each in place.repaired(found))
    place.installation.run()
    rounds = 1
    while (left := place.found()).violations and rounds < 3:
        place.repaired(left)
        place.installation.run()
        rounds += 1
    assert left.violations == ()


def test_an_object_without_a_document_is_found_and_announced(place: Place) -> None:
    generation = place.installation.upload(place.name, TEXT)
    place.installation.upload(f"{place.name}-folder/", "")
    young = place.found()
    assert (young.violations, young.in_flight, young.objects) == ((), 1, 1)
    [violation] = place.found_by_the_impatient().violations
    assert (violation.reason, violation.remedy) == ("OBJECT_UNSEEN", Remedy.ANNOUNCE_FINALIZE)
    assert violation.stored is not None
    assert (violation.stored.name, violation.stored.generation) == (place.name, generation)
    [done] = repaired(place.application, [violation])
    assert done.sent
    place.installation.run()
    assert place.found_by_the_impatient() == Findings(
        documents=1, objects=1, jobs=1, chunks=3, in_flight=0, violations=()
    )


def test_an_object_on_record_without_a_place_is_found_once_it_has_one(installation: Installation) -> None:
    team = f"late-{next(_numbers)}"
    name = f"{team}/docs/{uuid4()}.md"
    installation.accept("intake", installation.finalized(name, installation.upload(name, TEXT)))
    where = Within(team_id=uuid4(), prefixes=(f"{team}/",))
    impatient = replace(inspection(installation.applications[0], where), stalled_seconds=0.0)
    assert (impatient().objects, impatient().violations) == (1, ())
    place = Place(installation, installation.project(team, "docs"), name)
    assert place.found().violations == ()
    found = place.found_by_the_impatient()
    assert reasons(found) == {"OBJECT_UNSEEN"}
    place.repaired(found)
    installation.run()
    assert place.found_by_the_impatient().violations == ()


def test_an_object_of_a_deleted_project_is_its_owner_s(place: Place) -> None:
    project_deleted(place)
    place.repaired(place.found())
    place.installation.run()
    place.installation.project("acme", place.project.name)
    assert place.found(stalled_seconds=0.0).violations == ()
    assert place.found().objects == 1


@pytest.mark.parametrize(("kind", "column"), [("vectors", "embedding"), ("texts", "text")])
def test_what_is_more_than_the_chunks_is_left_to_a_person(place: Place, kind: str, column: str) -> None:
    content = place.live()
    another = f"""
        insert into chunk_{kind} (chunk_id, team_id, project_id, document_id, job_id, {column})
        select gen_random_uuid(), team_id, project_id, document_id, job_id, {column}
        from chunk_{kind} where job_id = :job limit 1
    """
    place.change(another, content)
    found = place.found()
    assert reasons(found) == {f"{kind.upper()}_SURPLUS"}
    assert [each.sent for each in place.repaired(found)] == [False]
    assert place.installation.topics.take() == []
    assert place.found() == found
    removed = "delete from chunk_{0} where job_id = :job and chunk_id not in (select id from document_chunks)"
    place.change(removed.format(kind), content)
    assert place.found().violations == ()


STRANGERS = {
    "a job of another team": ("ingestion_jobs", "team_id", "id = :job", set()),
    "a document of another team": ("documents", "team_id", "id = :document", {"VECTORS_MISSING", "TEXTS_MISSING"}),
    "a batch of another team": ("ingestion_batches", "team_id", "job_id = :job", set()),
    "a chunk of another team": ("document_chunks", "team_id", "job_id = :job", set()),
    "a chunk of another project": ("document_chunks", "project_id", "job_id = :job", set()),
    "a vector of another team": ("chunk_vectors", "team_id", "job_id = :job", {"VECTORS_MISSING"}),
    "a vector of another project": ("chunk_vectors", "project_id", "job_id = :job", set()),
    "a text of another team": ("chunk_texts", "team_id", "job_id = :job", {"TEXTS_MISSING"}),
    "a text of another project": ("chunk_texts", "project_id", "job_id = :job", {"TEXTS_MISSING"}),
}


def test_rows_of_another_team_or_project_are_found_and_left_to_a_person(
    installation: Installation, place: Place
) -> None:
    stranger = installation.project(f"stranger-{next(_numbers)}", "docs")
    content = place.live()
    for name, (table, column, those, more) in STRANGERS.items():
        statement = f"update {table} set {column} = :other where {those}"
        place.change(statement, content, other=stranger.team_id if column == "team_id" else stranger.id)
        found = place.found()
        assert reasons(found) == {"TENANCY_BROKEN"} | more, name
        assert {each.remedy for each in found.violations if each.reason == "TENANCY_BROKEN"} == {Remedy.BY_HAND}
        place.change(statement, content, other=content[column])
        assert place.found().violations == (), name


def test_one_remedy_mends_a_document_once(place: Place) -> None:
    without_vectors(place)
    [document] = place.installation.rows("select * from documents where object_name = :name", name=place.name)
    content = {f"{name}_id": document[key] for name, key in (("document", "id"), ("job", "active_job_id"))}
    place.change("delete from chunk_texts where job_id = :job", content | {"team_id": None, "project_id": None})
    found = place.found()
    assert reasons(found) == {"VECTORS_MISSING", "TEXTS_MISSING"}
    assert [each.sent for each in place.repaired(found)] == [True, False]
    again = place.repaired(found)
    assert [each.sent for each in again] == [False, False]
    place.installation.run()
    assert place.found().violations == ()
    assert len(place.installation.rows("select 1 from ingestion_jobs where document_id = :id", id=document["id"])) == 2


def test_a_repair_that_comes_late_does_nothing(place: Place) -> None:
    """What was found wrong has been mended since, or the document has moved on."""
    stalled(place)
    found = place.found()
    place.repaired(found)
    place.installation.run()
    assert [each.sent for each in place.repaired(found)] == [False]
    assert place.installation.topics.take() == []


def test_all_pages_are_looked_through(place: Place) -> None:
    names = [f"{place.name}-{number}" for number in range(5)]
    for name in names:
        place.installation.register(name, TEXT)
    found = place.found_by_the_impatient()
    assert (found.documents, found.objects, found.jobs) == (5, 5, 5)
    assert [each.reason for each in found.violations] == ["JOB_STALLED"] * 5
    assert len({each.document_id for each in found.violations}) == 5


def test_whoever_settles_waits_between_the_looks_alone(place: Place) -> None:
    waits: list[str] = []
    place.live()
    assert place.found(settle=lambda: waits.append("healthy")).violations == ()
    place.remove_object()
    assert reasons(place.found(settle=lambda: waits.append("violated"))) == {"OBJECT_GONE"}
    assert waits == ["violated"]


def test_every_kind_of_violation_is_made_by_a_test() -> None:
    made = set().union(*(violated for _, violated in MENDED.values()))
    assert made | {"OBJECT_UNSEEN", "VECTORS_SURPLUS", "TEXTS_SURPLUS", "TENANCY_BROKEN"} == KINDS.keys()
