"""An installation whose functions are called in this process, message by message, until none is left."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import functions_framework
import pytest
from flask.testing import FlaskClient
from google.cloud.storage import Client
from sqlalchemy import Engine, text
from werkzeug.routing import Map
from werkzeug.test import TestResponse

from common import api_keys
from common.adapters.postgres.administration import PostgresAdministration
from common.administration import Project
from common.bootstrap import Application, application
from common.setting import variable
from local.storage import create_buckets, storage_client
from tests.conftest import TestDatabase
from tests.functions.caller import Caller
from tests.functions.events import event
from tests.functions.topics import PROJECT, Published, Topics

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = ("intake", "chunk", "embed", "record", "retire", "fetch", "dead_letter", "reconcile")
PEPPERS = {1: "a pepper for the function tests"}
# Small, so that a short text has several chunks and these several batches; no wait is worth its time here.
SETTINGS = {
    "profile": "local",
    "google_project": PROJECT,
    "key_peppers": f"1:{PEPPERS[1]}",
    "chunk_size": "64",
    "chunk_overlap": "8",
    "batch_size": "2",
    "defer_seconds": "0.01",
    "max_deferrals": "3",
}

_numbers = count(1)


@dataclass
class Installation:
    """The parts of an installation, its functions' test clients by name, and the routes of its API."""

    database: TestDatabase
    topics: Topics
    storage: Client
    bucket: str
    extraction_bucket: str
    owner: Engine
    administration: PostgresAdministration
    applications: list[Application] = field(default_factory=list)
    functions: dict[str, FlaskClient] = field(default_factory=dict)
    routes: Map = field(default_factory=Map)

    def create(self, *names: str, login: str = "pipeline", **changes: str) -> dict[str, FlaskClient]:
        """Functions of one process more, with these settings changed."""
        buckets = {"upload_bucket": self.bucket, "extraction_bucket": self.extraction_bucket}
        settings = {**SETTINGS, **buckets, "database_url": self.database.url(login), **changes}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "path", list(sys.path))
            for name, value in settings.items():
                patch.setenv(variable(name), value)
            application.cache_clear()
            clients = {name: function_client(name) for name in names}
            self.applications.append(application())
        application.cache_clear()
        return clients

    def deliver(self, name: str, body: Mapping[str, Any]) -> TestResponse:
        """Push this to the function."""
        return self.functions[name].post("/", json=body)

    def accept(self, name: str, body: Mapping[str, Any]) -> list[Published]:
        """Push this to the function, which must acknowledge it; returns what it published."""
        answered = self.deliver(name, body)
        assert answered.status_code == 204, answered.text
        return self.topics.take()

    def run(self) -> None:
        """Deliver what is published, and what that leads to, until nothing is left."""
        while waiting := self.topics.take():
            for published in waiting:
                answered = self.deliver(self.topics.function_of(published), published.body)
                assert answered.status_code == 204, answered.text

    def upload(self, name: str, content: bytes | str) -> int:
        """Put an object into the bucket; returns its generation. Nobody is told."""
        blob = self.storage.bucket(self.bucket).blob(name)
        blob.upload_from_string(content)
        return int(blob.generation)

    def finalized(self, name: str, generation: int, **resource: object) -> dict[str, Any]:
        """The push of the object's OBJECT_FINALIZE notification."""
        return self._notification("object-finalize", name, generation, resource)

    def deleted(self, name: str, generation: int, **resource: object) -> dict[str, Any]:
        """The push of the object's OBJECT_DELETE notification."""
        return self._notification("object-delete", name, generation, resource)

    def register(self, name: str, content: bytes | str) -> Published:
        """Upload an object and let `intake` take it in; returns the message to `chunk`."""
        size = len(content.encode() if isinstance(content, str) else content)
        [published] = self.accept("intake", self.finalized(name, self.upload(name, content), size=str(size)))
        return published

    def ingest(self, name: str, content: bytes | str) -> Published:
        """Bring an object all the way; returns the message that its document was registered with."""
        registered = self.register(name, content)
        assert self.deliver("chunk", registered.body).status_code == 204
        self.run()
        return registered

    def rows(self, statement: str, **parameters: object) -> list[dict[str, Any]]:
        """The rows of a statement, seen as the database's owner; its changes are committed."""
        with self.owner.begin() as connection:
            found = connection.execute(text(statement), parameters)
            return [dict(row._mapping) for row in found] if found.returns_rows else []

    def row(self, statement: str, **parameters: object) -> dict[str, Any]:
        [row] = self.rows(statement, **parameters)
        return row

    def job(self, job_id: object) -> dict[str, Any]:
        return self.row("select * from ingestion_jobs where id = :id", id=job_id)

    def document(self, document_id: object) -> dict[str, Any]:
        return self.row("select * from documents where id = :id", id=document_id)

    def ids(self, job_id: object) -> tuple[list[UUID], list[UUID], list[UUID]]:
        """The ids of the job's chunk rows, vectors and texts, each in order."""
        tables = (("id", "document_chunks"), ("chunk_id", "chunk_vectors"), ("chunk_id", "chunk_texts"))
        rows, vectors, texts = (
            [
                each["id"]
                for each in self.rows(f"select {column} as id from {table} where job_id = :job order by 1", job=job_id)
            ]
            for column, table in tables
        )
        return rows, vectors, texts

    def project(self, team: str, name: str) -> Project:
        """A project, and its team if there is none of this name."""
        if all(each.name != team for each in self.administration.teams()):
            self.administration.create_team(team)
        return self.administration.create_project(team, name)

    def key(self, team: str, **limits: Any) -> str:
        """A new API key of the team, with every scope unless limited."""
        made = api_keys.new_key(PEPPERS)
        limited = {"scopes": api_keys.SCOPES, "project": None, "expires_at": None, **limits}
        self.administration.create_key(team, f"key {next(_numbers)}", made, **limited)
        return made.key

    def caller(self, team: str, **limits: Any) -> Caller:
        return Caller(self.functions["api"], self.key(team, **limits))

    @contextmanager
    def triggered(self, table: str, moment: str, action: str) -> Iterator[None]:
        """While it lasts, the database itself does this at each such change of the table: what another would do."""
        body = (
            f"create function interfere() returns trigger language plpgsql security definer as $$ begin {action} end $$"
        )
        self.rows(body)
        self.rows(f"create trigger interfere {moment} on {table} for each row execute function interfere()")
        try:
            yield
        finally:
            self.rows(f"drop trigger interfere on {table}")
            self.rows("drop function interfere()")

    def _notification(
        self, name: str, object_name: str, generation: int, resource: dict[str, object]
    ) -> dict[str, Any]:
        content = {"bucket": self.bucket, "name": object_name, "generation": str(generation), **resource}
        return event(name, content, bucketId=self.bucket, objectId=object_name, objectGeneration=str(generation))


def function_client(name: str) -> FlaskClient:
    source = str(ROOT / "functions" / name / "main.py")
    app = functions_framework.create_app("main", source)  # type: ignore[no-untyped-call]
    client: FlaskClient = app.test_client()
    return client


@contextmanager
def installed(database: TestDatabase, topics: Topics, storage_endpoint: str) -> Iterator[Installation]:
    """All functions on the module's own database and buckets."""
    number = next(_numbers)
    bucket, extraction_bucket = f"uploads-{number}", f"extractions-{number}"
    storage = storage_client(storage_endpoint, PROJECT)
    create_buckets(storage, [bucket, extraction_bucket])
    operator = database.engine("operator")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", storage_endpoint)
        patch.setenv("PUBSUB_EMULATOR_HOST", topics.host)
        parts = Installation(
            database, topics, storage, bucket, extraction_bucket, database.engine(), PostgresAdministration(operator)
        )
        topics.take()
        parts.functions |= parts.create(*PIPELINE)
        parts.functions |= parts.create("api", login="api")
        parts.routes = sys.modules["main"].app.url_map
        yield parts
    for engine in (parts.owner, operator, *(each.engine for each in parts.applications)):
        engine.dispose()
    storage.close()
