"""The one place that reads the environment. Every setting is named here, with its default and its meaning."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import StrEnum
from typing import Any

from common.errors import ConfigurationError

# A chunk also holds the title and its headings: fewer tokens leave too little room for the text.
MIN_CHUNK_SIZE = 32
_PEPPER = re.compile(r"\s*(\d{1,4}):(.{16,})")


class Profile(StrEnum):
    """Where the system runs."""

    LOCAL = "local"
    GCP = "gcp"


def _positive(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise ValueError("must be above 0")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError("must be a number above 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError("must not be negative")
    return value


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


def _setting(parse: Callable[[str], Any], meaning: str, default: Any = MISSING) -> Any:
    return field(default=default, metadata={"parse": parse, "meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """An installation's settings. The environment variable of a field is `AI_INFRA_` and its name in capitals."""

    profile: Profile = _setting(Profile, "`local` or `gcp`")
    database_url: str = _setting(str, "SQLAlchemy URL of the database, driver pg8000")
    google_project: str = _setting(str, "id of the Google Cloud project")
    upload_bucket: str = _setting(str, "bucket that documents are dropped into")
    extraction_bucket: str = _setting(str, "bucket of the extracted texts")
    key_peppers: dict[int, str] = _setting(
        _peppers, "peppers of API keys and question hashes, `VERSION:SECRET,…`", default=None
    )

    concurrency: int = _setting(_positive, "requests that one instance serves at once", 8)
    lease_seconds: float = _setting(_seconds, "how long a piece of work belongs to one request without renewal", 60.0)
    defer_seconds: float = _setting(_seconds, "longest wait inside a request for work that is held or not due", 20.0)
    max_deferrals: int = _setting(_positive, "how often work that is not due is published again before it fails", 100)
    stalled_seconds: float = _setting(
        _seconds, "how long a job may stand still before it is sent on its way again", 300.0
    )
    question_seconds: float = _setting(_seconds, "longest time that a question may take", 30.0)
    purge_grace_seconds: float = _setting(
        _seconds, "time from leaving the answers to removal; longer than a question", 40.0
    )
    reconcile_limit: int = _setting(_positive, "objects, jobs and documents that one reconciliation looks at", 1000)

    embedding_model: str = _setting(str, "model that texts and questions are embedded with", "all-minilm-l6-v2-int8")
    batch_size: int = _setting(_positive, "chunks in a batch", 32)
    chunk_size: int = _setting(_positive, "tokens of a chunk, title and heading path included", 240)
    chunk_overlap: int = _setting(_count, "tokens that a chunk shares with the one before", 32)
    max_document_bytes: int = _setting(_positive, "largest object that is ingested", 512 * 1024 * 1024)
    max_document_pages: int = _setting(_positive, "most pages of a document", 20_000)
    max_document_characters: int = _setting(_positive, "longest extracted text", 50_000_000)

    top_k: int = _setting(_positive, "passages that an answer is made from", 12)
    max_top_k: int = _setting(_positive, "most passages that a question may ask for", 50)
    prompt_tokens: int = _setting(_positive, "tokens of passages that a prompt holds at most", 8_000)
    max_question_characters: int = _setting(_positive, "longest question", 4_000)
    max_request_bytes: int = _setting(_positive, "largest request body of the API", 10 * 1024 * 1024)
    max_page_size: int = _setting(_positive, "most entries of one page of a list", 200)

    def __post_init__(self) -> None:
        if self.purge_grace_seconds <= self.question_seconds:
            raise ConfigurationError("AI_INFRA_PURGE_GRACE_SECONDS must be longer than AI_INFRA_QUESTION_SECONDS.")
        if self.chunk_size < MIN_CHUNK_SIZE:
            raise ConfigurationError(f"AI_INFRA_CHUNK_SIZE must be at least {MIN_CHUNK_SIZE}.")
        if self.top_k > self.max_top_k:
            raise ConfigurationError("AI_INFRA_TOP_K must be at most AI_INFRA_MAX_TOP_K.")
        if self.chunk_overlap * 2 > self.chunk_size:
            raise ConfigurationError("AI_INFRA_CHUNK_OVERLAP must be at most half of AI_INFRA_CHUNK_SIZE.")

    @property
    def peppers(self) -> dict[int, str]:
        """The peppers, for the parts that need them."""
        if not self.key_peppers:
            raise ConfigurationError("Set AI_INFRA_KEY_PEPPERS, for example 1:SECRET: API keys cannot do without it.")
        return self.key_peppers


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"AI_INFRA_{name.upper()}"


def _read(setting: Field[Any], environment: Mapping[str, str]) -> Any:
    name = variable(setting.name)
    text = environment.get(name, "")
    if not text:
        if setting.default is MISSING:
            raise ConfigurationError(f"Set {name}: {setting.metadata['meaning']}.")
        return setting.default
    try:
        return setting.metadata["parse"](text)
    except ValueError as error:
        raise ConfigurationError(f"{name} cannot be used ({error}); it is: {setting.metadata['meaning']}.") from None


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this environment, or `ConfigurationError` naming the one that is missing or wrong."""
    return Settings(**{setting.name: _read(setting, environment) for setting in fields(Settings)})
