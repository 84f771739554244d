"""Web addresses that are fetched as documents: requests, what a site answered, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

_LONGEST_LEAF = 100


class FetchStatus(StrEnum):
    """Where a fetch stands. `unchanged`: the site says that it still has what the bucket has."""

    QUEUED = "queued"
    FETCHED = "fetched"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A request to fetch an address into an object of a project; `metadata` is written to the object."""

    id: UUID
    team_id: UUID
    project_id: UUID
    document_id: UUID
    bucket: str
    object_name: str
    url: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    status: FetchStatus = FetchStatus.QUEUED
    retryable: bool | None = None
    project_living: bool = True

    @property
    def finished(self) -> bool:
        """True once no message can change it: what failed for now goes on if its message is replayed."""
        return self.status is not FetchStatus.QUEUED and not (self.status is FetchStatus.FAILED and self.retryable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """By what a site tells whether it still has what it answered at `url`: its own words, to be sent back to it."""

    url: str
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a site answered: `validators` with the address that answered in the end, `size` in bytes as kept."""

    validators: Validators
    content_type: str
    size: int


def object_name(team_id: UUID, project_id: UUID, url: str) -> str:
    """The name of the one object that an address is in a project; its last part is what a reader knows it by."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    digest = hashlib.sha256(url.encode()).hexdigest()[:32]
    leaf = parts.path.rstrip("/").rpartition("/")[2][-_LONGEST_LEAF:].lstrip(".") or host[-_LONGEST_LEAF:]
    return f"{team_id}/{project_id}/url/{host}/{digest}/{leaf}"
