"""The functions of one run, on its database and buckets, behind its faults; several versions may be deployed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, override

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from common import config
from common.adapters.extractive import ExtractiveGenerator
from common.adapters.postgres.connection import pooled
from common.adapters.postgres.vectors import PgVectorIndex
from common.bootstrap import Application
from common.bootstrap.local_parts import LocalParts
from common.config import LOCAL_EMBEDDING_MODEL, Settings
from common.extraction import reading
from common.ports import TextExtractor
from common.setting import variable
from tests.chaos import bucket, stack
from tests.chaos.bucket import Bucket
from tests.chaos.clock import VirtualClock
from tests.chaos.database import Gate
from tests.chaos.ports import (
    Gated,
    GatedDatabase,
    GatedPublisher,
    HashEmbedder,
    ImmediatePublisher,
    LaggingIndex,
    WordTokenizer,
)
from tests.functions.installation import PEPPERS, PIPELINE, function_client
from tests.functions.topics import PROJECT


@dataclass(frozen=True)
class Version:
    """What a deployment changes: settings, and how the code counts."""

    chunk_size: int
    batch_size: int
    counting: int


VERSIONS = (Version(64, 2, 0), Version(64, 2, 1), Version(48, 3, 0), Version(96, 1, 1))


@dataclass(frozen=True)
class Surroundings:
    """What the functions of a run stand on. `url` gives the database's for a login."""

    url: Callable[[str], str]
    bucket: Bucket
    clock: VirtualClock
    published: Callable[[], None]
    lag: float
    cloud: object = None
    """In profile `gcp`, what stands in for Google Cloud."""


def settings(profile: str, *, url: str, version: Version) -> Settings:
    """Those of a function on this database."""
    values = {
        "profile": profile,
        "google_project": PROJECT,
        "database_url": url,
        "check_at_start": "false",
        "embedding_model": LOCAL_EMBEDDING_MODEL if profile == "local" else "text-embedding-005",
        "upload_bucket": bucket.UPLOADS,
        "extraction_bucket": bucket.EXTRACTIONS,
        "key_peppers": f"1:{PEPPERS[1]}",
        "chunk_size": str(version.chunk_size),
        "chunk_overlap": "8",
        "batch_size": str(version.batch_size),
        "concurrency": "32",
        # Shorter than by default, so that less of a run is waiting; a message lives for less than the retention.
        "lease_seconds": "20",
        "defer_seconds": "5",
        # A page in each step of a document of several.
        "extraction_step_seconds": "1e-9",
        "purge_repeat_seconds": "1000",
        "message_retention_seconds": "4000",
    }
    return config.load({variable(name): value for name, value in values.items()})


class LocalChaos(LocalParts):
    """Profile `local` behind the steps, with an embedder that costs nothing."""

    def __init__(self, settings: Settings, around: Surroundings, version: Version) -> None:
        super().__init__(settings)
        self._around, self._version = around, version

    @cached_property
    @override
    def engine(self) -> Engine:
        # Without a time-out of the machine's time: the scheduler gives up what waits for too long.
        url, threads = self._settings.database_url, self._settings.concurrency
        engine = pooled(url, concurrency=threads, connect_args={"ssl_context": False})
        Gate(self._around.clock).put_on(engine)
        return engine

    @cached_property
    @override
    def tokenizer(self) -> WordTokenizer:
        return WordTokenizer(self._version.counting)

    @cached_property
    @override
    def embedder(self) -> HashEmbedder:
        return HashEmbedder(LOCAL_EMBEDDING_MODEL, 384)

    @cached_property
    @override
    def index(self) -> Any:
        return LaggingIndex(PgVectorIndex(self.engine), self._around.clock.now, self._around.lag)

    @cached_property
    @override
    def generator(self) -> ExtractiveGenerator:
        return ExtractiveGenerator(self.embedder, self.tokenizer)


class ChaosApplication(Application):
    """The application whose every port is behind the steps."""

    def __init__(self, settings: Settings, parts: Any, around: Surroundings) -> None:
        super().__init__(settings, parts)
        self._around = around
        self.clock = around.clock

    @cached_property
    @override
    def database(self) -> Any:
        return GatedDatabase(super().database)

    @cached_property
    @override
    def team_database(self) -> Any:
        return GatedDatabase(super().team_database)

    @cached_property
    @override
    def objects(self) -> Any:
        return Gated(self._around.bucket, "objects")

    @cached_property
    @override
    def extractor(self) -> TextExtractor:
        # Here and not in a child, whose time is the machine's: no document of a run harms its reader.
        return reading

    @cached_property
    @override
    def publisher(self) -> Any:
        return GatedPublisher(ImmediatePublisher(PROJECT), self._around.published)

    @property
    @override
    def embedder(self) -> Any:
        return Gated(self.parts.embedder, "embedder")

    @property
    @override
    def index(self) -> Any:
        return Gated(self.parts.index, "index")

    @property
    @override
    def texts(self) -> Any:
        return Gated(self.parts.texts, "texts")


class Installation:
    """The clients of one version's functions, by name."""

    def __init__(self, around: Surroundings, version: Version, profile: str, parts: type[LocalChaos]) -> None:
        self.applications: list[Application] = []
        self.clients: dict[str, FlaskClient] = {}
        for login, names in (("pipeline", PIPELINE), ("api", ("api",)), ("operator", ())):
            loaded = settings(profile, url=around.url(login), version=version)
            self._create(ChaosApplication(loaded, parts(loaded, around, version), around), names)
        stack.listen()

    @property
    def operator(self) -> Application:
        """What operators work with."""
        return self.applications[-1]

    def _create(self, application: Application, names: tuple[str, ...]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "path", list(sys.path))
            patch.setattr("common.bootstrap.application", lambda: application)
            self.clients |= {name: function_client(name) for name in names}
        self.applications.append(application)

    def close(self) -> None:
        for application in self.applications:
            application.engine.dispose()
