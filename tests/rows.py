"""Teams, documents, jobs and chunks for tests, written through the ports as the functions write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import Engine, Row, text

from common.adapters.postgres.administration import PostgresAdministration
from common.adapters.postgres.chunk_texts import PostgresChunkTexts
from common.adapters.postgres.connection import PostgresDatabase, connect
from common.adapters.postgres.team import PostgresTeamDatabase
from common.adapters.postgres.vectors import PgVectorIndex
from common.api_keys import new_key
from common.catalog import QueryLog, StoredKey
from common.messages import BatchEmbedded, DocumentRegistered
from common.model.chunks import Chunk, ChunkBounds, Vector, chunk_id
from common.model.documents import Document, Job, JobSettings, Route, StoredObject
from common.model.fetches import Fetch
from common.model.questions import Scope
from common.registration import document_registered, register
from tests.conftest import TestDatabase

MODEL = "test-model"
DIMENSIONS = 384
"""A length that the migrations have a graph for."""
BUCKET = "uploads"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SETTINGS = JobSettings(chunk_size=100, chunk_overlap=10, embedding_model=MODEL)

_numbers = count(1)


@dataclass(frozen=True)
class Installation:
    """The ports on one database, each under the login that uses it."""

    owner: Engine
    api: Engine
    pipeline: Engine
    operator: Engine

    @property
    def database(self) -> PostgresDatabase:
        return PostgresDatabase(self.pipeline)

    @property
    def team_database(self) -> PostgresTeamDatabase:
        return PostgresTeamDatabase(self.api)

    @property
    def administration(self) -> PostgresAdministration:
        return PostgresAdministration(self.operator)

    def rows(self, statement: str, **parameters: object) -> Sequence[Row[Any]]:
        """What the database holds, past every policy."""
        with self.owner.connect() as connection:
            return connection.execute(text(statement), parameters).all()

    def row(self, statement: str, **parameters: object) -> Row[Any]:
        """The one row that the statement finds."""
        (row,) = self.rows(statement, **parameters)
        return row

    def execute(self, statement: str, **parameters: object) -> None:
        """What no port does, such as letting time pass."""
        with self.owner.begin() as connection:
            connection.execute(text(statement), parameters)

    def document(self, message: DocumentRegistered) -> Document:
        with self.database.transaction() as transaction:
            document = transaction.documents.lock(message.document_id)
        assert document is not None
        return document

    def job(self, message: DocumentRegistered) -> Job:
        with self.database.transaction() as transaction:
            job = transaction.jobs.lock(message.job_id)
        assert job is not None
        return job


@contextmanager
def installed(database: TestDatabase) -> Iterator[Installation]:
    """The ports on the test module's database."""
    logins = [connect(database.url(login), concurrency=8) for login in ("api", "pipeline", "operator")]
    engines = [database.engine(), *logins]
    yield Installation(*engines)
    for engine in engines:
        engine.dispose()


def new_place(installation: Installation, team: str | None = None) -> Route:
    """A project of its own, in a team of its own unless one is named."""
    if team is None:
        team = installation.administration.create_team(f"team-{next(_numbers)}").name
    project = installation.administration.create_project(team, f"project-{next(_numbers)}")
    return Route(project.team_id, project.id)


def new_object(route: Route, generation: int = 1) -> StoredObject:
    """An object whose name leads to the route."""
    return StoredObject(BUCKET, f"{route.team_id}/{route.project_id}/file-{next(_numbers)}.txt", generation, 10)


def next_generation(stored: StoredObject) -> StoredObject:
    return StoredObject(stored.bucket, stored.name, stored.generation + 1, stored.size)


def registered(installation: Installation, route: Route, stored: StoredObject | None = None) -> DocumentRegistered:
    """The object's document with its job, as `intake` leaves them."""
    with installation.database.transaction() as transaction:
        written = register(transaction, stored or new_object(route), route, SETTINGS)
    assert written is not None
    return written.message


def reprocessed(installation: Installation, message: DocumentRegistered) -> DocumentRegistered:
    """A further job of the document's newest generation."""
    stored = StoredObject(message.bucket, message.object_name, message.generation, 10)
    with installation.database.transaction() as transaction:
        document = transaction.documents.lock(message.document_id)
        assert document is not None
        run = transaction.jobs.next_run(document.id, document.generation)
        identity = transaction.jobs.open(document, stored, run, SETTINGS)
    return document_registered(document, identity, document.generation, SETTINGS)


def split(installation: Installation, message: DocumentRegistered, chunks: int, batch_size: int = 2) -> None:
    """The job's batches, as `chunk` leaves them."""
    token = uuid4()
    with installation.database.transaction() as transaction:
        job = transaction.jobs.lock(message.job_id)
        assert job is not None
        transaction.jobs.lease(job.id, token, 60)
        assert transaction.jobs.store_split(job.id, token, total_chunks=chunks, pages=1, warnings=[], sha256=SHA256)
        transaction.batches.create(job, chunks, batch_size)


def new_chunk(index: int, content: str | None = None) -> Chunk:
    content = content or f"This is chunk number {index}."
    bounds = ChunkBounds(
        char_start=index * 100,
        char_end=index * 100 + len(content),
        page_start=1,
        page_end=1,
        heading_path=("Heading",),
        token_count=7,
    )
    return Chunk(index=index, bounds=bounds, text=content)


def embedded(installation: Installation, message: DocumentRegistered, index: int) -> BatchEmbedded:
    """The batch with its vectors in the index, as `embed` leaves it; and what it publishes."""
    token = uuid4()
    with installation.database.transaction() as transaction:
        batch = transaction.batches.of_job(message.job_id)[index]
    chunks = tuple(new_chunk(batch.chunk_start + place) for place in range(batch.chunk_count))
    vectors = {chunk_id(message.job_id, chunk.index): near(direction(chunk.index), 0.0) for chunk in chunks}
    PgVectorIndex(installation.pipeline).upsert(message.owner, vectors)
    with installation.database.transaction() as transaction:
        transaction.batches.lease(message.job_id, index, token, 60)
        assert transaction.batches.mark_embedded(message.job_id, index, token)
    return BatchEmbedded(
        team_id=message.team_id,
        project_id=message.project_id,
        document_id=message.document_id,
        job_id=message.job_id,
        settings=message.settings,
        batch_index=index,
        title="title",
        chunks=chunks,
    )


def recorded(installation: Installation, batch: BatchEmbedded) -> bool:
    """The batch's chunks and texts, as `record` leaves them; True if it was the last."""
    texts = {chunk_id(batch.job_id, chunk.index): chunk.text for chunk in batch.chunks}
    PostgresChunkTexts(installation.pipeline).put(batch.owner, texts)
    with installation.database.transaction() as transaction:
        transaction.jobs.lock(batch.job_id)
        transaction.chunks.record(batch.owner, batch.title, batch.chunks)
        transaction.batches.mark_recorded(batch.job_id, batch.batch_index)
        return transaction.jobs.progress(batch.job_id)


def finished(installation: Installation, message: DocumentRegistered, chunks: int = 3) -> DocumentRegistered:
    """The job with every batch recorded, not live."""
    split(installation, message, chunks)
    with installation.database.transaction() as transaction:
        batches = transaction.batches.of_job(message.job_id)
    done = [recorded(installation, embedded(installation, message, batch.index)) for batch in batches]
    assert done == [False] * (len(batches) - 1) + [True]
    return message


def new_fetch(message: DocumentRegistered) -> Fetch:
    """A request to fetch an address into the document's project."""
    return Fetch(
        id=uuid4(),
        team_id=message.team_id,
        project_id=message.project_id,
        document_id=message.document_id,
        bucket=BUCKET,
        object_name="fetched",
        url="https://example.com/",
        metadata={"kind": "page"},
    )


def made_live(installation: Installation, message: DocumentRegistered) -> DocumentRegistered:
    """The job as the one that answers."""
    with installation.database.transaction() as transaction:
        document = transaction.documents.lock(message.document_id)
        assert document is not None
        transaction.jobs.lock(message.job_id)
        transaction.jobs.go_live(document, message.job_id)
    return message


def live(
    installation: Installation, route: Route, stored: StoredObject | None = None, chunks: int = 3
) -> DocumentRegistered:
    """A document that answers."""
    return made_live(installation, finished(installation, registered(installation, route, stored), chunks))


def new_api_key(installation: Installation, team_id: UUID) -> StoredKey:
    """A key of the team, as the API finds it."""
    made = new_key({1: "a pepper for tests"})
    installation.administration.create_key(
        str(team_id), f"key-{next(_numbers)}", made, scopes=["query"], project=None, expires_at=None
    )
    found = installation.team_database.find_key(made.key_id)
    assert found is not None
    return found


def answered(installation: Installation, message: DocumentRegistered, *cited: UUID) -> None:
    """A question that these chunks answered."""
    log = QueryLog(
        id=uuid4(),
        scope=Scope(message.team_id, message.project_id),
        api_key_id=new_api_key(installation, message.team_id).id,
        question_hash="hash",
        used_rag=True,
        top_k=5,
        model="model",
        latency_ms=1,
        prompt_tokens=None,
        completion_tokens=None,
        request_id="request",
        refusal_reason=None,
        retrieved=len(cited),
        used=len(cited),
        error=None,
        citations=[(chunk, rank, 0.5) for rank, chunk in enumerate(cited, start=1)],
    )
    with installation.team_database.transaction(message.team_id) as transaction:
        transaction.questions.log(log)


def chunk_ids(message: DocumentRegistered, chunks: int = 3) -> list[UUID]:
    return [chunk_id(message.job_id, index) for index in range(chunks)]


def direction(axis: int) -> Vector:
    """A unit vector; those of two axes stand at right angles."""
    vector: Vector = np.eye(1, DIMENSIONS, axis)[0]
    return vector


def near(vector: Vector, angle: float) -> Vector:
    """The vector turned by so many radians, away from every `direction` of a small axis."""
    turned: Vector = np.cos(angle) * np.asarray(vector) + np.sin(angle) * np.asarray(direction(DIMENSIONS - 1))
    return turned
