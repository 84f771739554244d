"""An installation on the adapters of Google Cloud, whose calls to Vertex AI and Firestore go wrong on demand."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import override
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from google.cloud.aiplatform_v1.services.match_service import MatchServiceClient
from google.cloud.aiplatform_v1.types import FindNeighborsRequest, IndexDatapoint
from grpc import StatusCode
from sqlalchemy import Engine

from common import config
from common.adapters.minilm import MiniLmEmbedder
from common.adapters.postgres.administration import PostgresAdministration
from common.adapters.postgres.connection import connect
from common.adapters.vertex.calls import Calls
from common.adapters.vertex.clients import match_client
from common.bootstrap import Application
from common.bootstrap.cloud_parts import CloudParts
from common.cloud_settings import CloudSettings
from common.model.chunks import Vector
from common.quota import Quota
from common.setting import variable
from local.storage import create_buckets, storage_client
from local.vertex.faults import (
    Fault,
    a_vector_fewer,
    blocked_answer,
    blocked_prompt,
    cut_answer,
    forged_quotes,
    half_the_datapoints,
)
from local.vertex.settings import Settings as VertexSettings
from local.vertex.stand_in import VertexStandIn
from tests.conftest import TestDatabase
from tests.functions.installation import PEPPERS, Installation, function_client
from tests.functions.topics import PROJECT, Published, Topics
from tests.integration import faulty_firestore
from tests.integration.faulty_firestore import FaultyFirestore
from tests.vertex import SkippedTime, channel_of

FUNCTIONS = ("intake", "chunk", "embed", "record", "retire", "dead_letter")
COMMIT, READ = "Commit", "BatchGetDocuments"
# Short enough for several batches of few texts. No answer is waited for as long as this, unless it is to be slow.
SETTINGS = {
    "profile": "gcp",
    "google_project": PROJECT,
    "key_peppers": f"1:{PEPPERS[1]}",
    "embedding_model": "text-embedding-005",
    "chunk_size": "64",
    "chunk_overlap": "8",
    "batch_size": "2",
    "max_deferrals": "10",
    "remote_seconds": "30",
    "cloud_sql_instance": "project:region:instance",
    "cloud_sql_user": "user",
}
DONE = " when it was done"
PASSING = ("503", "503" + DONE, "dropped", "dropped" + DONE)
VERTEX_FAULTS = {
    "503": Fault(code=StatusCode.UNAVAILABLE),
    "503" + DONE: Fault(code=StatusCode.UNAVAILABLE, after=True),
    "dropped": Fault(drop=True),
    "dropped" + DONE: Fault(drop=True, after=True),
    "429": Fault(code=StatusCode.RESOURCE_EXHAUSTED),
    "400": Fault(code=StatusCode.INVALID_ARGUMENT),
    "refused": Fault(code=StatusCode.PERMISSION_DENIED),
    "slow": Fault(seconds=600.0),
    "a vector fewer": Fault(reply=a_vector_fewer),
    "half taken": Fault(code=StatusCode.UNAVAILABLE, after=True, request=half_the_datapoints),
    "half taken in silence": Fault(request=half_the_datapoints),
    "forged": Fault(reply=forged_quotes),
    "blocked prompt": Fault(reply=blocked_prompt),
    "blocked answer": Fault(reply=blocked_answer),
    "cut answer": Fault(reply=cut_answer),
}


@dataclass
class CountedTexts:
    """The local model, and each text that was embedded for a request."""

    embedder: MiniLmEmbedder = field(default_factory=MiniLmEmbedder)
    texts: list[str] = field(default_factory=list)

    @property
    def model(self) -> str:
        return self.embedder.model

    @property
    def dimensions(self) -> int:
        return self.embedder.dimensions

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return self.embedder.embed_documents(texts)

    def embed_question(self, question: str) -> Vector:
        self.texts.append(question)
        return self.embedder.embed_question(question)


class TimelessParts(CloudParts):
    """Those of the profile, on the database of the tests; waits between calls take no time."""

    def __init__(self, settings: config.Settings, time: SkippedTime) -> None:
        self._cloud_settings = config.load_cloud()
        super().__init__(settings, self._cloud_settings)
        self._time = time
        self._database_url = settings.database_url

    @cached_property
    @override
    def engine(self) -> Engine:
        return connect(self._database_url, concurrency=2)

    @override
    def _quota(self, requests: int, tokens: int) -> Quota:
        return Quota(requests_per_minute=requests, tokens_per_minute=tokens, now=self._time.now)

    @override
    def _calls(self, quota: Quota | None, *, retry_seconds: float | None = None) -> Calls:
        seconds = retry_seconds or self._cloud_settings.retry_seconds
        quota = quota or Quota(now=self._time.now)
        return Calls(quota, self._cloud_settings.remote_seconds, seconds, self._time, self._time.now)


@dataclass
class CloudInstallation(Installation):
    """`fail` lets the next calls go wrong; `embedded` are the texts that were embedded since the last `mend`."""

    vertex: VertexStandIn = field(kw_only=True)
    firestore: FaultyFirestore = field(kw_only=True)
    matching: MatchServiceClient = field(kw_only=True)
    embedded: list[str] = field(kw_only=True)
    time: SkippedTime = field(kw_only=True)

    @override
    def create(self, *names: str, login: str = "pipeline", **changes: str) -> dict[str, FlaskClient]:
        place = self.vertex.settings
        settings = {
            **SETTINGS,
            "upload_bucket": self.bucket,
            "extraction_bucket": self.extraction_bucket,
            "database_url": self.database.url(login),
            "region": place.region,
            "vertex_endpoint": self.vertex.host,
            "vector_index_name": place.index_name,
            "vector_index_endpoint": place.index_endpoint_name,
            "vector_index_domain": self.vertex.host,
            "deployed_index": place.deployed_index,
            **changes,
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "path", list(sys.path))
            for name, value in settings.items():
                patch.setenv(variable(name), value)
            loaded = config.load()
            made = Application(loaded, TimelessParts(loaded, self.time))
            made.clock = self.time
            patch.setattr("common.bootstrap.application", lambda: made)
            clients = {name: function_client(name) for name in names}
        self.applications.append(made)
        return clients

    @override
    def ids(self, job_id: object) -> tuple[list[UUID], list[UUID], list[UUID]]:
        rows = self.rows("select id from document_chunks where job_id = :job order by 1", job=job_id)
        return [row["id"] for row in rows], self._index_ids(str(job_id)), sorted(self.texts(job_id))

    def texts(self, job_id: object) -> dict[UUID, str]:
        """The job's texts in Firestore, by the ids of their chunks."""
        documents = [
            each for each in self.firestore.documents.values() if each.fields["job_id"].string_value == str(job_id)
        ]
        return {UUID(each.name.rpartition("/")[2]): each.fields["text"].string_value for each in documents}

    def fail(self, call: str, kind: str, *, times: int = 1, retry_after: float | None = None) -> None:
        """Let the next calls of this name go wrong, in the way that has this name among `VERTEX_FAULTS`."""
        if call in {COMMIT, READ}:
            faults = self.firestore.after if kind.endswith(DONE) else self.firestore.before
            faults.extend([_firestore_fault(kind, retry_after)] * times)
        else:
            self.vertex.faults.add(call, _vertex_fault(kind, retry_after), times=times)

    def calls(self, call: str) -> int:
        """How often this was called since the last `mend`."""
        if call in {COMMIT, READ}:
            return self.firestore.calls.count({COMMIT: "commit", READ: "read"}[call])
        return self.vertex.counts[call]

    def mend(self) -> None:
        """Nothing goes wrong any more, what was told to wait has waited, and nothing was called or embedded yet."""
        self.vertex.faults.clear()
        self.firestore.before.clear()
        self.firestore.after.clear()
        self.time.sleep(600.0)
        self.embedded.clear()
        self.vertex.counts.clear()
        self.firestore.calls.clear()

    def push(self, waiting: Sequence[Published], **functions: FlaskClient) -> Counter[str]:
        """Deliver these and what they lead to, again where a function fails, until all are acknowledged.

        Returns how many deliveries failed of each function; `functions` take the place of those of the installation.
        """
        failures, left = Counter[str](), deque(waiting)
        while left:
            published = left.popleft()
            name = self.topics.function_of(published)
            answered = functions.get(name, self.functions[name]).post("/", json=published.body)
            if answered.status_code != 204:
                failures[name] += 1
                assert failures[name] < 10, answered.text
                left.append(published)
            if not left:
                left.extend(self.topics.take())
        return failures

    def _index_ids(self, job_id: str) -> list[UUID]:
        place = self.vertex.settings
        point = IndexDatapoint(
            feature_vector=[1.0] + [0.0] * (place.index_dimensions - 1),
            restricts=[IndexDatapoint.Restriction(namespace="job", allow_list=[job_id])],
        )
        found = self.matching.find_neighbors(
            FindNeighborsRequest(
                index_endpoint=place.index_endpoint_name,
                deployed_index_id=place.deployed_index,
                queries=[FindNeighborsRequest.Query(datapoint=point, neighbor_count=1000)],
            )
        )
        return sorted(UUID(each.datapoint.datapoint_id) for each in found.nearest_neighbors[0].neighbors)


@contextmanager
def _matching(vertex: VertexStandIn) -> Iterator[MatchServiceClient]:
    cloud = CloudSettings(
        region=vertex.settings.region,
        vertex_endpoint=vertex.host,
        cloud_sql_instance=SETTINGS["cloud_sql_instance"],
        cloud_sql_user=SETTINGS["cloud_sql_user"],
    )
    client = match_client(cloud)
    with closing(client.transport):
        yield client


def _vertex_fault(kind: str, retry_after: float | None) -> Fault:
    return replace(VERTEX_FAULTS[kind], retry_after=retry_after)


def _firestore_fault(kind: str, retry_after: float | None) -> faulty_firestore.Fault:
    faults = {
        "503": faulty_firestore.answers(StatusCode.UNAVAILABLE),
        "429": faulty_firestore.answers(StatusCode.RESOURCE_EXHAUSTED, retry_seconds=retry_after),
        "refused": faulty_firestore.answers(StatusCode.PERMISSION_DENIED),
        "dropped": faulty_firestore.drops_the_connection,
        "slow": faulty_firestore.keeps_silent,
    }
    return faults[kind.removesuffix(DONE)]


@contextmanager
def cloud_installed(
    database: TestDatabase, topics: Topics, storage_endpoint: str, number: str
) -> Iterator[CloudInstallation]:
    """All functions of profile `gcp`, on a database and buckets of their own."""
    bucket, extraction_bucket = f"uploads-{number}", f"extractions-{number}"
    storage = storage_client(storage_endpoint, PROJECT)
    create_buckets(storage, [bucket, extraction_bucket])
    operator, counted = database.engine("operator"), CountedTexts()
    with ExitStack() as parts:
        patch = parts.enter_context(pytest.MonkeyPatch.context())
        firestore = parts.enter_context(FaultyFirestore())
        vertex = parts.enter_context(VertexStandIn(VertexSettings(project=PROJECT), embedder=counted))
        matching = parts.enter_context(_matching(vertex))
        patch.setenv("STORAGE_EMULATOR_HOST", storage_endpoint)
        patch.setenv("PUBSUB_EMULATOR_HOST", topics.host)
        patch.setenv("FIRESTORE_EMULATOR_HOST", firestore.wire.address)
        topics.take()
        installation = CloudInstallation(
            database,
            topics,
            storage,
            bucket,
            extraction_bucket,
            database.engine(),
            PostgresAdministration(operator),
            vertex=vertex,
            firestore=firestore,
            matching=matching,
            # All clients of one address share its connection.
            time=SkippedTime(channels=(channel_of(matching),)),
            embedded=counted.texts,
        )
        installation.functions |= installation.create(*FUNCTIONS)
        installation.functions |= installation.create("api", login="api")
        yield installation
    for engine in (installation.owner, operator, *(each.engine for each in installation.applications)):
        engine.dispose()
    storage.close()
