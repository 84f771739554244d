"""The one place that reads the environment. Every setting is named here, with its default and its meaning."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from common.cloud_settings import CloudSettings
from common.errors import ConfigurationError
from common.setting import count, positive, read, seconds, setting, switch, variable

# A chunk also holds the title and its headings: fewer tokens leave too little room for the text.
MIN_CHUNK_SIZE = 32
_PEPPER = re.compile(r"\s*(\d{1,4}):(.{16,})")


class Profile(StrEnum):
    """Where the system runs."""

    LOCAL = "local"
    GCP = "gcp"


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


class VectorIndexKind(StrEnum):
    """What keeps the vectors."""

    PGVECTOR = "pgvector"
    VERTEX = "vertex"


class Ocr(StrEnum):
    """What reads pages that are images."""

    LOCAL = "local"
    DOCUMENT_AI = "document_ai"
    OFF = "off"


LOCAL_EMBEDDING_MODEL = "all-minilm-l6-v2-int8"
CHECK_EMBEDDING_MODEL = "token-hashes"
"""Instead of a model, for checks of files: it costs nothing and finds nothing."""
_DEFAULTS_IN_GCP = {"vector_index": VectorIndexKind.VERTEX.value, "embedding_model": "gemini-embedding-001"}


def _peppers(text: str) -> dict[int, str]:
    """`1:secret,2:secret`: the highest version signs new keys, the others still verify old ones."""
    peppers: dict[int, str] = {}
    for place, item in enumerate(text.split(","), start=1):  # a message names the place, never a word of a secret
        match = _PEPPER.fullmatch(item)
        if match is None:
            raise ValueError(f"pepper {place} is not VERSION:SECRET with a secret of at least 16 characters")
        if int(match[1]) in peppers:
            raise ValueError(f"pepper {place} has the version of another")
        peppers[int(match[1])] = match[2]
    return peppers


def _ports(text: str) -> frozenset[int]:
    return frozenset(positive(item) for item in text.split(","))


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(item.strip()) for item in text.split(","))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """An installation's settings. The environment variable of a field is `AI_INFRA_` and its name in capitals."""

    profile: Profile = setting(Profile, "`local` or `gcp`")
    database_url: str = setting(str, "SQLAlchemy URL of the database, driver pg8000, in profile `local`", "")
    google_project: str = setting(str, "id of the Google Cloud project")
    upload_bucket: str = setting(str, "bucket that documents are dropped into")
    extraction_bucket: str = setting(str, "bucket of the extracted texts")
    key_peppers: dict[int, str] = setting(
        _peppers, "peppers of API keys and question hashes, `VERSION:SECRET,…`", default=None
    )

    log_format: LogFormat | None = setting(
        LogFormat, "`text` for a terminal, `json` for Cloud Logging, the default in profile `gcp`", None
    )
    check_at_start: bool = setting(
        switch, "whether a function in profile `gcp` asks its parts before it listens: `true` or `false`", True
    )
    start_check_seconds: float = setting(seconds, "longest time of that", 30.0)
    concurrency: int = setting(positive, "requests that one instance serves at once", 8)
    lease_seconds: float = setting(seconds, "how long a piece of work belongs to one request without renewal", 60.0)
    defer_seconds: float = setting(seconds, "longest wait inside a request for work that is held or not due", 20.0)
    max_deferrals: int = setting(positive, "how often work that is not due is published again before it fails", 100)
    stalled_seconds: float = setting(
        seconds, "how long a job may stand still before it is sent on its way again", 300.0
    )
    question_seconds: float = setting(seconds, "longest time that a question may take", 30.0)
    purge_grace_seconds: float = setting(
        seconds, "time from leaving the answers to removal; longer than a question", 40.0
    )
    purge_repeat_seconds: float = setting(
        seconds, "time from a removal to its first repetition; the next ones come at growing intervals", 3600.0
    )
    message_retention_seconds: float = setting(
        seconds, "how long removals are repeated: as long as a message may wait for its delivery", 7 * 86400.0
    )
    reconcile_seconds: float = setting(
        seconds, "longest time of one reconciliation; far less than its function's time-out", 240.0
    )
    reconcile_limit: int = setting(positive, "jobs, documents and objects that each step of one puts right", 1000)
    reconcile_objects: int = setting(positive, "objects of the bucket that one looks at", 20_000)
    query_log_seconds: int = setting(
        count, "how long a question's row and citations are kept; 0: for ever", 400 * 86_400
    )
    failed_message_seconds: int = setting(
        count, "how long a failed message is kept that needs nobody any more; 0: for ever", 30 * 86_400
    )
    fetch_log_seconds: int = setting(
        count, "how long a fetch is kept that is not its document's newest; 0: for ever", 90 * 86_400
    )

    vector_index: VectorIndexKind = setting(
        VectorIndexKind, "`pgvector`, or `vertex` (in profile `gcp`, and the default there)", VectorIndexKind.PGVECTOR
    )
    embedding_model: str = setting(
        str,
        "model that texts and questions are embedded with; `token-hashes` is none, and for checks of files alone",
        LOCAL_EMBEDDING_MODEL,
    )
    batch_size: int = setting(positive, "chunks in a batch", 32)
    chunk_size: int = setting(positive, "tokens of a chunk, title and heading path included", 240)
    chunk_overlap: int = setting(count, "tokens that a chunk shares with the one before", 32)
    max_document_bytes: int = setting(positive, "largest object that is ingested", 512 * 1024 * 1024)
    max_document_pages: int = setting(positive, "most pages of a document", 20_000)
    max_document_characters: int = setting(positive, "longest extracted text", 50_000_000)
    max_document_markup_bytes: int = setting(
        positive, "largest HTML file, whose reading takes some fifteen times as much memory", 32_000_000
    )
    max_document_decompressed_bytes: int = setting(
        positive, "most bytes of a packed file's (Office, EPUB) parts that are read", 1_000_000_000
    )
    max_document_compression_ratio: int = setting(
        positive, "how many times smaller a packed file's part of 16 MB or more may be", 300
    )
    max_document_parts: int = setting(positive, "most parts of a packed file or an e-mail", 100_000)
    max_document_depth: int = setting(
        positive, "how deep XML elements, JSON values or RTF groups may stand within each other", 2_000
    )
    extraction_memory_bytes: int = setting(positive, "memory that reading one document may take", 1536 * 1024 * 1024)
    extraction_seconds: float = setting(
        seconds, "longest time that reading a document, or one more of its pages, may take", 300.0
    )
    extraction_step_seconds: float = setting(
        seconds, "time after which the pages read so far are stored, and another request goes on", 200.0
    )
    ocr: Ocr = setting(
        Ocr,
        "what reads scanned pages: `local` (a model in `chunk` itself), `document_ai` (in profile `gcp`) or `off`",
        Ocr.LOCAL,
    )

    url_max_bytes: int = setting(positive, "largest answer that is fetched from a web address", 64 * 1024 * 1024)
    url_seconds: float = setting(seconds, "longest time that this may take", 120.0)
    url_ports: frozenset[int] = setting(_ports, "ports that are fetched from, `PORT,…`", frozenset({80, 443}))
    url_robots: bool = setting(switch, "whether sites' robots.txt is heeded: `true` or `false`", True)
    url_allowed_networks: tuple[IPv4Network | IPv6Network, ...] = setting(
        _networks, "networks that are fetched from although they are not public, `CIDR,…`; better none", ()
    )

    top_k: int = setting(positive, "passages that an answer is made from", 12)
    max_top_k: int = setting(positive, "most passages that a question may ask for", 50)
    prompt_tokens: int = setting(positive, "tokens of passages that a prompt holds at most", 8_000)
    max_question_characters: int = setting(positive, "longest question", 4_000)
    max_request_bytes: int = setting(positive, "largest request body of the API", 10 * 1024 * 1024)
    max_page_size: int = setting(positive, "most entries of one page of a list", 200)

    def __post_init__(self) -> None:
        self._check_profile()
        if self.purge_grace_seconds <= self.question_seconds:
            raise ConfigurationError("AI_INFRA_PURGE_GRACE_SECONDS must be longer than AI_INFRA_QUESTION_SECONDS.")
        if self.chunk_size < MIN_CHUNK_SIZE:
            raise ConfigurationError(f"AI_INFRA_CHUNK_SIZE must be at least {MIN_CHUNK_SIZE}.")
        if self.top_k > self.max_top_k:
            raise ConfigurationError("AI_INFRA_TOP_K must be at most AI_INFRA_MAX_TOP_K.")
        if self.extraction_step_seconds >= self.extraction_seconds:
            raise ConfigurationError(
                "AI_INFRA_EXTRACTION_STEP_SECONDS must be shorter than AI_INFRA_EXTRACTION_SECONDS."
            )
        if self.chunk_overlap * 2 > self.chunk_size:
            raise ConfigurationError("AI_INFRA_CHUNK_OVERLAP must be at most half of AI_INFRA_CHUNK_SIZE.")

    def _check_profile(self) -> None:
        """No part of one profile goes together with another's, but pgvector with either."""
        if self.profile is Profile.GCP:
            return
        if not self.database_url:
            raise ConfigurationError("Set AI_INFRA_DATABASE_URL: SQLAlchemy URL of the database, driver pg8000.")
        if self.vector_index is not VectorIndexKind.PGVECTOR:
            raise ConfigurationError("AI_INFRA_VECTOR_INDEX must be pgvector in profile local.")
        if self.ocr is Ocr.DOCUMENT_AI:
            raise ConfigurationError("AI_INFRA_OCR must be local or off in profile local.")
        if self.embedding_model not in (LOCAL_EMBEDDING_MODEL, CHECK_EMBEDDING_MODEL):
            raise ConfigurationError(
                f"AI_INFRA_EMBEDDING_MODEL must be {LOCAL_EMBEDDING_MODEL} in profile local, or"
                f" {CHECK_EMBEDDING_MODEL} where files are checked and nobody asks."
            )

    @property
    def structured_logs(self) -> bool:
        """Whether log lines are JSON."""
        return (
            self.log_format or (LogFormat.JSON if self.profile is Profile.GCP else LogFormat.TEXT)
        ) is LogFormat.JSON

    @property
    def checked_at_start(self) -> bool:
        """Whether a function asks its parts before it listens: on one machine they all start together."""
        return self.check_at_start and self.profile is Profile.GCP

    @property
    def peppers(self) -> dict[int, str]:
        """The peppers, for the parts that need them."""
        if not self.key_peppers:
            raise ConfigurationError("Set AI_INFRA_KEY_PEPPERS, for example 1:SECRET: API keys cannot do without it.")
        return self.key_peppers


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this environment, or `ConfigurationError` naming the one that is missing or wrong."""
    if environment.get(variable("profile")) == Profile.GCP:
        defaults = {variable(name): value for name, value in _DEFAULTS_IN_GCP.items()}
        environment = defaults | {name: value for name, value in environment.items() if value}
    return Settings(**{declared.name: read(declared, environment) for declared in fields(Settings)})


def load_cloud(environment: Mapping[str, str] = os.environ) -> CloudSettings:
    """The settings of profile `gcp`; as `load`."""
    return CloudSettings(**{declared.name: read(declared, environment) for declared in fields(CloudSettings)})
