"""The one place that wires: from settings to the adapters behind the ports.

Each adapter is imported where a function first asks for it, so that no function pays for an SDK it does not use.
"""
# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from common import config, telemetry
from common.bootstrap.late_publisher import LatePublisher
from common.config import Ocr, Profile, Settings
from common.delivery import Receiver
from common.errors import ConfigurationError
from common.model.documents import JobSettings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from common.administration import Administration, Secrets
    from common.catalog import TeamDatabase
    from common.database import Database
    from common.inspection import Inspect
    from common.ports import (
        ChunkTexts,
        Clock,
        Embedder,
        Generator,
        ObjectStore,
        PageReader,
        Publisher,
        TextExtractor,
        Tokenizer,
        VectorIndex,
        WebFetcher,
    )
    from common.preflight import Check


class Parts(Protocol):
    """What differs between the profiles."""

    @property
    def engine(self) -> Engine: ...
    @property
    def tokenizer(self) -> Tokenizer: ...
    @property
    def embedder(self) -> Embedder: ...
    @property
    def index(self) -> VectorIndex: ...
    @property
    def texts(self) -> ChunkTexts: ...
    @property
    def generator(self) -> Generator: ...
    @property
    def page_reader(self) -> PageReader | None:
        """What reads scanned pages in the instance itself; None where its children do, or nobody."""
        ...


class Application:
    """The parts of an installation, each made when first asked for."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.settings = settings
        self.parts = parts

    @property
    def engine(self) -> Engine:
        """The pool of database connections."""
        return self.parts.engine

    @cached_property
    def database(self) -> Database:
        """See `common.database`."""
        from common.adapters.postgres.connection import PostgresDatabase

        return PostgresDatabase(self.engine)

    @cached_property
    def team_database(self) -> TeamDatabase:
        """See `common.catalog`."""
        from common.adapters.postgres.team import PostgresTeamDatabase

        return PostgresTeamDatabase(self.engine)

    @cached_property
    def administration(self) -> Administration:
        """See `common.administration`. The database account has to be an operator's."""
        from common.adapters.postgres.administration import PostgresAdministration

        return PostgresAdministration(self.engine)

    @cached_property
    def objects(self) -> ObjectStore:
        """See `common.ports`."""
        from common.adapters.google_storage import GoogleObjectStore

        return GoogleObjectStore(self.settings.google_project, anonymous=self.settings.profile is Profile.LOCAL)

    @cached_property
    def web(self) -> WebFetcher:
        """See `common.ports`."""
        from common.adapters.web_fetcher import PinnedWebFetcher

        return PinnedWebFetcher(
            max_bytes=self.settings.url_max_bytes,
            seconds=self.settings.url_seconds,
            ports=self.settings.url_ports,
            robots=self.settings.url_robots,
            allowed=self.settings.url_allowed_networks,
        )

    @cached_property
    def publisher(self) -> Publisher:
        """See `common.ports`."""
        from common.adapters.google_pubsub import GooglePublisher

        return GooglePublisher(self.settings.google_project)

    @cached_property
    def secrets(self) -> Secrets:
        """See `common.administration`."""
        from common.adapters.google_secrets import GoogleSecrets, account

        return GoogleSecrets(self.settings.google_project, account())

    @cached_property
    def extractor(self) -> TextExtractor:
        """See `common.ports`."""
        from common.adapters.forked_extraction.extractor import (
            READER,
            READER_OF_SCANS,
            SCANS_BY_INSTANCE,
            ForkedExtractor,
        )

        if self.settings.ocr is Ocr.LOCAL and find_spec("rapidocr") is None:
            raise ConfigurationError("AI_INFRA_OCR is local, but what it needs is not installed: the group ocr.")
        return ForkedExtractor(
            memory_bytes=self.settings.extraction_memory_bytes,
            seconds=self.settings.extraction_seconds,
            reader={Ocr.OFF: READER, Ocr.LOCAL: READER_OF_SCANS, Ocr.DOCUMENT_AI: SCANS_BY_INSTANCE}[self.settings.ocr],
            page_reader=self.parts.page_reader,
        )

    @property
    def tokenizer(self) -> Tokenizer:
        """See `common.ports`."""
        return self.parts.tokenizer

    @property
    def embedder(self) -> Embedder:
        """See `common.ports`."""
        return self.parts.embedder

    @property
    def index(self) -> VectorIndex:
        """See `common.ports`."""
        return self.parts.index

    @property
    def texts(self) -> ChunkTexts:
        """See `common.ports`."""
        return self.parts.texts

    @property
    def generator(self) -> Generator:
        """See `common.ports`."""
        return self.parts.generator

    @cached_property
    def clock(self) -> Clock:
        """See `common.ports`."""
        from common.adapters.clock import SystemClock

        return SystemClock()

    @cached_property
    def receiver(self) -> Receiver:
        """What takes a function's pushes."""
        return Receiver(
            database=self.database,
            publisher=LatePublisher(lambda: self.publisher),
            clock=self.clock,
            defer_seconds=self.settings.defer_seconds,
            max_deferrals=self.settings.max_deferrals,
        )

    @property
    def inspection(self) -> Inspect:
        """The comparison of everything that the installation holds, see `common.inspection`."""
        from common.inspection import Inspect

        return Inspect(
            database=self.database,
            index=self.index,
            texts=self.texts,
            objects=self.objects,
            upload_bucket=self.settings.upload_bucket,
            extraction_bucket=self.settings.extraction_bucket,
            stalled_seconds=self.settings.stalled_seconds,
            grace_seconds=self.settings.purge_grace_seconds,
        )

    @property
    def job_settings(self) -> JobSettings:
        """How a job splits and embeds where its project says nothing."""
        return JobSettings(
            chunk_size=self.settings.chunk_size,
            chunk_overlap=self.settings.chunk_overlap,
            embedding_model=self.settings.embedding_model,
        )


def upload_store(*, anonymous: bool) -> ObjectStore:
    """The object store of a user who has no settings of an installation: as the environment's own account, or none."""
    from common.adapters.google_storage import GoogleObjectStore

    return GoogleObjectStore(None, anonymous=anonymous)


def identity_token(audience: str) -> str:
    """What lets this service account into a service on Cloud Run that is not open to everybody."""
    from common.adapters import google_identity

    return google_identity.identity_token(audience)


def wired(settings: Settings) -> Application:
    """The application of these settings; those of profile `gcp` are completed from the environment."""
    if settings.profile is Profile.LOCAL:
        from common.bootstrap.local_parts import LocalParts

        return Application(settings, LocalParts(settings))
    from common.bootstrap.cloud_parts import CloudParts

    return Application(settings, CloudParts(settings, config.load_cloud()))


@cache
def application() -> Application:
    """The application of this process, as its environment describes it."""
    return wired(config.load())


@contextmanager
def starting(*checks: Check, function: str) -> Iterator[Application]:
    """`application`, for what this function sets up before it listens; in profile `gcp` its parts are asked, too.

    The process ends, with the sentence that names it, if a setting cannot be used or a permission is missing.
    """
    try:
        started = application()
        settings = started.settings
        telemetry.configure(structured=settings.structured_logs, project=settings.google_project, function=function)
        yield started
        if started.settings.checked_at_start:
            from common.bootstrap.start_check import check_parts

            check_parts(started, checks, seconds=started.settings.start_check_seconds)
    except ConfigurationError as error:
        sys.exit(error.message)
