"""Rows of requests to fetch web addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from common.errors import AiInfraError
from common.model.fetches import Fetch, FetchStatus


class FetchRows(Protocol):
    """Requests to fetch web addresses, and what came of them."""

    def open(self, fetch: Fetch) -> None:
        """Keep a new request."""
        ...

    def find(self, fetch_id: UUID) -> Fetch | None:
        """The request of this id."""
        ...

    def end(self, fetch_id: UUID, status: FetchStatus, generation: int) -> bool:
        """The bucket has what the address has, in this generation; False if the request had ended so before."""
        ...

    def fail(self, fetch_id: UUID, error: AiInfraError, *, retryable: bool) -> bool:
        """End the request with this error; False, and nothing changes, if it had ended otherwise before."""
        ...

    def note(self, fetch_id: UUID, error: AiInfraError) -> int:
        """Keep the error of a failed attempt; returns how many there were, 0 if the request has ended meanwhile."""
        ...

    def last_error(self, fetch_id: UUID) -> AiInfraError | None:
        """The error of the last attempt that told one."""
        ...

    def claim_stalled(self, older_than_seconds: float, limit: int) -> Sequence[Fetch]:
        """Requests on which nothing moved for so long; nobody else gets them for as long."""
        ...
