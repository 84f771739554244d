"""What the ports ask often has an index to be answered by.

Tables of a test are so small that Postgres reads them whole. With sequential scans forbidden it still does where no
index serves, and that is what is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, event, text

from common.adapters.postgres.chunk_texts import PostgresChunkTexts
from common.adapters.postgres.vectors import PgVectorIndex
from common.catalog import Page
from common.errors import AiInfraError
from common.inspection import EVERYTHING, Within
from common.messages import DocumentRegistered
from common.model.documents import DeletionCause, Route, deletion_id
from common.model.fetches import FetchStatus
from common.model.questions import Scope
from tests.integration.nested_plans import told_within
from tests.rows import (
    MODEL,
    SHA256,
    Installation,
    chunk_ids,
    direction,
    finished,
    live,
    made_live,
    new_object,
    next_generation,
    registered,
)

PLANNED = ("select", "insert", "update", "delete", "with")
READS_WHOLE = re.compile(r"Seq Scan on (?!incoming_vectors)")
"""The rows that a COPY has just brought in are all wanted."""


@contextmanager
def explained(engine: Engine) -> Iterator[list[str]]:
    """The plans of all that the engine runs, each made with sequential scans forbidden."""
    plans: list[str] = []

    def forbid(connection: Connection) -> None:
        connection.exec_driver_sql("set local enable_seqscan = off")

    def explain(_connection: Connection, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.split(maxsplit=1)[0].lower() in PLANNED:
            cursor.execute("explain " + statement, parameters)
            plans.append(statement + "\n" + "\n".join(line for (line,) in cursor.fetchall()))

    event.listen(engine, "begin", forbid)
    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(engine, "begin", forbid)
        event.remove(engine, "before_cursor_execute", explain)


@pytest.fixture(scope="module", autouse=True)
def planner(installation: Installation) -> None:
    """Plans of statements with parameters are made for their values, as those of large tables are."""
    installation.execute("analyze")


def test_a_statement_without_an_index_is_noticed(installation: Installation) -> None:
    with explained(installation.owner) as plans:
        installation.rows("select id from documents where title = :title", title="title")
    assert [bool(READS_WHOLE.search(plan)) for plan in plans] == [True]


def test_a_document_s_way_reads_no_table_whole(installation: Installation, place: Route) -> None:
    stored = new_object(place)
    with explained(installation.pipeline) as plans:
        live(installation, place, stored)
        made_live(installation, finished(installation, registered(installation, place, next_generation(stored))))
    assert [plan for plan in plans if READS_WHOLE.search(plan)] == []
    assert len(plans) > 40


type Ask = Callable[[Installation, DocumentRegistered], object]


def pipeline(ask: Callable[[Any, DocumentRegistered], object]) -> Ask:
    """Ask the pipeline's rows."""

    def asked(installation: Installation, message: DocumentRegistered) -> None:
        with installation.database.transaction() as transaction:
            ask(transaction, message)

    return asked


def team(ask: Callable[[Any, DocumentRegistered], object]) -> Ask:
    """Ask a team's rows."""

    def asked(installation: Installation, message: DocumentRegistered) -> None:
        with installation.team_database.transaction(message.team_id) as transaction:
            ask(transaction, message)

    return asked


def scope(message: DocumentRegistered) -> Scope:
    return Scope(message.team_id, message.project_id)


def stored_objects(message: DocumentRegistered) -> list[Any]:
    return [new_object(Route(message.team_id, message.project_id))]


HOT: dict[str, Ask] = {
    "known elsewhere": pipeline(lambda rows, m: rows.documents.known_elsewhere(stored_objects(m)[0], m.project_id)),
    "of object": pipeline(lambda rows, m: rows.documents.of_object(m.bucket, m.object_name)),
    "delete": pipeline(lambda rows, m: rows.documents.delete(m.document_id, m.generation, DeletionCause.API)),
    "unregistered": pipeline(lambda rows, m: rows.documents.unregistered(stored_objects(m))),
    "deleted": pipeline(lambda rows, m: rows.documents.deleted(stored_objects(m))),
    "renew": pipeline(lambda rows, m: rows.jobs.renew(m.job_id, uuid4(), 60)),
    "release": pipeline(lambda rows, m: rows.jobs.release(m.job_id, uuid4(), failed=True)),
    "note pages": pipeline(lambda rows, m: rows.jobs.note_pages(m.job_id, uuid4(), read=1, total=2)),
    "claim stalled fetches": pipeline(lambda rows, _: rows.fetches.claim_stalled(60, 10)),
    "end a fetch": pipeline(lambda rows, m: rows.fetches.end(m.job_id, FetchStatus.FETCHED, 1)),
    "fail a fetch": pipeline(lambda rows, m: rows.fetches.fail(m.job_id, AiInfraError("A", "B."), retryable=True)),
    "find a fetch": pipeline(lambda rows, m: rows.fetches.find(m.job_id)),
    "note origin": pipeline(
        lambda rows, m: rows.documents.note_origin(m.document_id, title="a", source_url=None, metadata={})
    ),
    "claim stalled": pipeline(lambda rows, _: rows.jobs.claim_stalled(60, 10)),
    "batch release": pipeline(lambda rows, m: rows.batches.release(m.job_id, 0, uuid4(), failed=True)),
    "purges due": pipeline(lambda rows, m: rows.purges.due(m.document_id, 60)),
    "documents with purges due": pipeline(lambda rows, _: rows.purges.documents_due(60, 10)),
    "begin a purge": pipeline(lambda rows, m: rows.purges.begin(m.job_id)),
    "complete a purge": pipeline(lambda rows, m: rows.purges.complete(m.job_id, 60, 600)),
    "purge again": pipeline(lambda rows, m: rows.purges.again(m.job_id)),
    "end unchanged": pipeline(
        lambda rows, m: rows.jobs.end_unchanged(rows.documents.lock(m.document_id), m.job_id, uuid4(), SHA256)
    ),
    "documents of deleted projects": pipeline(lambda rows, _: rows.deletions.withdraw(10)),
    "documents with receipts pending": pipeline(lambda rows, _: rows.deletions.documents_pending(10)),
    "a receipt pending": pipeline(lambda rows, m: rows.deletions.pending(m.document_id)),
    "jobs to look at for a receipt": pipeline(lambda rows, m: rows.deletions.unchecked(m.document_id)),
    "a job looked at": pipeline(lambda rows, m: rows.deletions.check(m.job_id, 3)),
    "complete receipts": pipeline(lambda rows, m: rows.deletions.complete(m.document_id, None)),
    "receipt": team(lambda rows, m: rows.catalog.deletion(deletion_id(m.document_id, m.generation))),
    "receipts": team(lambda rows, m: rows.catalog.deletions(m.project_id, Page(10))),
    "forget unrouted": pipeline(lambda rows, m: rows.operations.forget_unrouted(m.bucket, m.object_name, 1)),
    "scrub": pipeline(lambda rows, m: rows.failed_messages.scrub(m.document_id)),
    "note an error": pipeline(lambda rows, m: rows.failed_messages.note(m.job_id, None, AiInfraError("A", "B."))),
    "note a batch's error": pipeline(lambda rows, m: rows.failed_messages.note(m.job_id, 0, AiInfraError("A", "B."))),
    "last error": pipeline(lambda rows, m: rows.failed_messages.last_error(m.job_id, None)),
    "a batch's last error": pipeline(lambda rows, m: rows.failed_messages.last_error(m.job_id, 0)),
    "failed message": pipeline(lambda rows, m: rows.failed_messages.lock(m.job_id)),
    "resolve": pipeline(lambda rows, m: rows.failed_messages.resolve(m.job_id, "Done.", replayed=True)),
    "missing": pipeline(lambda rows, m: rows.listing.missing(m.bucket, "a", m.object_name, stored_objects(m), 10)),
    "missing at the end": pipeline(lambda rows, m: rows.listing.missing(m.bucket, m.object_name, None, [], 10)),
    "progress": pipeline(lambda rows, _: rows.progress.finish(rows.progress.resume("task"))),
    "forget questions": pipeline(lambda rows, _: rows.retention.forget_questions(60, 10)),
    "forget keys": pipeline(lambda rows, _: rows.retention.forget_idempotency_keys(60, 10)),
    "forget fetches": pipeline(lambda rows, _: rows.retention.forget_fetches(60, 10)),
    "forget failed": pipeline(lambda rows, _: rows.retention.forget_failed(60, 10)),
    "document": team(lambda rows, m: rows.catalog.document(m.document_id)),
    "documents": team(lambda rows, m: rows.catalog.documents(m.project_id, None, {}, Page(10))),
    "documents with metadata": team(lambda rows, m: rows.catalog.documents(m.project_id, None, {"a": "b"}, Page(10))),
    "fetches": team(lambda rows, m: rows.catalog.fetches(m.project_id, Page(10))),
    "a fetch": team(lambda rows, m: rows.catalog.fetch(m.job_id)),
    "job": team(lambda rows, m: rows.catalog.job(m.job_id)),
    "jobs": team(lambda rows, m: rows.catalog.jobs(m.document_id, Page(10))),
    "chunks": team(lambda rows, m: rows.catalog.chunks(m.document_id, -1, 10)),
    "live documents": team(lambda rows, m: rows.questions.has_live_documents(m.project_id)),
    "live documents with metadata": team(lambda rows, m: rows.questions.documents_with(scope(m), {"a": "b"})),
    "words": team(lambda rows, m: rows.questions.lexical_hits(scope(m), ["chunk"], 10)),
    "live chunks": team(lambda rows, m: rows.questions.live_chunks(scope(m), chunk_ids(m))),
    "inspected documents": pipeline(lambda rows, m: rows.inspection.documents(EVERYTHING, UUID(int=0), 10)),
    "inspected in a project": pipeline(
        lambda rows, m: rows.inspection.documents(Within(m.team_id, m.project_id), UUID(int=0), 10)
    ),
    "inspected again": pipeline(lambda rows, m: rows.inspection.document(m.document_id)),
    "inspected objects": pipeline(lambda rows, m: rows.inspection.objects(stored_objects(m))),
    "ask for a purge": pipeline(lambda rows, m: rows.inspection.ask_purge(m.job_id)),
    "present texts": lambda installation, m: PostgresChunkTexts(installation.pipeline).present(m.owner, chunk_ids(m)),
    "texts": lambda installation, m: PostgresChunkTexts(installation.api).get(scope(m), chunk_ids(m)),
    "vectors": lambda installation, m: PgVectorIndex(installation.api).search(scope(m), direction(0), MODEL, 10),
}


@pytest.mark.parametrize("name", HOT)
def test_what_is_asked_often_is_answered_by_an_index(installation: Installation, place: Route, name: str) -> None:
    message = live(installation, place)
    with explained(installation.pipeline) as pipeline_plans, explained(installation.api) as api_plans:
        HOT[name](installation, message)
    plans = pipeline_plans + api_plans
    assert plans
    assert [plan for plan in plans if READS_WHOLE.search(plan)] == []


def test_a_stretch_of_a_listing_is_read_in_its_order(installation: Installation, place: Route) -> None:
    """A bucket's documents are not read whole for each page of it."""
    messages = [registered(installation, place) for _ in range(200)]
    installation.execute("analyze documents")
    with explained(installation.pipeline) as plans:
        HOT["missing at the end"](installation, messages[0])
    assert "documents_listing_order" in plans[-1]
    assert "Sort" not in plans[-1]


def test_the_rarity_of_words_is_reckoned_once(installation: Installation, place: Route) -> None:
    """Reckoned for each hit, a word that many chunks have would cost the square of their number."""
    message = live(installation, place)
    with explained(installation.api) as plans:
        HOT["words"](installation, message)
    assert "CTE rarity" in plans[-1]


MANY_CHUNKS = text("""
    insert into document_chunks (id, document_id, chunk_index, vector_id, team_id, project_id, job_id, tsv)
    select gen_random_uuid(), document_id, n, 'vector', team_id, project_id, job_id, to_tsvector('english', 'word' || n)
    from document_chunks, generate_series(1000, 3000) as n
    where job_id = :job_id and chunk_index = 0
""")
SEARCH_WORDS = text("select id from search_chunk_words(:project_id, array[to_tsquery('english', 'chunk')])")


def test_words_are_looked_up_in_their_index(installation: Installation, place: Route) -> None:
    message = live(installation, place)
    with installation.owner.connect() as connection:
        connection.execute(MANY_CHUNKS, {"job_id": message.job_id})
        found: list[UUID] = []

        def search() -> None:
            found.extend(connection.execute(SEARCH_WORDS, {"project_id": message.project_id}).scalars())

        told = told_within(connection, "document_chunks", "document_chunks_words", message.team_id, search)
        connection.invalidate()
    assert set(found) == set(chunk_ids(message))
    conditions = re.findall(r"Bitmap Index Scan on document_chunks_words.*\n\s*Index Cond: (.*)", told)
    assert len(conditions) == 1
    assert all(column in conditions[0] for column in ("team_id", "project_id", "tsv @@"))


def test_the_graph_is_walked_where_more_vectors_are_in_scope_than_the_limit(
    installation: Installation, place: Route
) -> None:
    message, other = live(installation, place), live(installation, place)
    index = PgVectorIndex(installation.api, exact_limit=5)

    def walks(*documents: UUID) -> bool:
        searched = Scope(place.team_id, place.project_id, documents)
        with explained(installation.api) as plans:
            index.search(searched, direction(0), MODEL, 3)
        assert READS_WHOLE.search(plans[-1]) is None
        return "Order By: ((embedding)" in plans[-1]

    assert walks()
    assert walks(message.document_id, other.document_id)
    assert not walks(message.document_id)


@pytest.mark.parametrize("exact_limit", [0, 10], ids=["graph", "exact"])
def test_a_search_looks_into_its_team_s_partition_alone(
    installation: Installation, place: Route, exact_limit: int
) -> None:
    message = live(installation, place)
    with explained(installation.api) as plans:
        PgVectorIndex(installation.api, exact_limit=exact_limit).search(scope(message), direction(0), MODEL, 10)
    assert len(set(re.findall(r"on (chunk_vectors_\d+) v", plans[-1]))) == 1
