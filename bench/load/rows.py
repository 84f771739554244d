"""What the stack's rows say of the documents, read as an operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import TextClause, text

from common.adapters.postgres.connection import begin, connect
from common.setting import variable

_DOCUMENTS = text("select object_name, generation, status::text from documents")
_ATTEMPTS = text("select coalesce(sum(attempts), 0) from ingestion_jobs")
_FAILED_MESSAGES = text("select count(*) from failed_messages")
# Each selects the names of what must not be there in the end, whatever the checker says of it.
_FAULTS = {
    "is not ready": "select object_name from documents where status <> 'ready'",
    "belongs to no document": "select object_name from unrouted_objects",
    "is a failed message that nobody has resolved": "select id::text from failed_messages where resolved_at is null",
}


class Seen(NamedTuple):
    """A document's newest generation, and its status."""

    generation: int
    status: str


class Rows:
    """A connection to the database of a running stack. Raises `Retryable` where that does not answer."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment` is an operator's."""
        self._engine = connect(environment[variable("database_url")], concurrency=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()

    def documents(self) -> dict[str, Seen]:
        """The documents by the last part of their objects' names."""
        with begin(self._engine) as connection:
            rows = connection.execute(_DOCUMENTS)
            return {name.rpartition("/")[-1]: Seen(generation, status) for name, generation, status in rows}

    def attempts(self) -> int:
        """How often a job's work failed."""
        return self._number(_ATTEMPTS)

    def failed_messages(self) -> int:
        """Messages that could not be delivered or understood."""
        return self._number(_FAILED_MESSAGES)

    def faults(self) -> Iterator[str]:
        """A sentence for each thing that must not be in the end."""
        with begin(self._engine) as connection:
            for what, query in _FAULTS.items():
                yield from (f"{name} {what}" for name in connection.execute(text(query)).scalars())

    def _number(self, query: TextClause) -> int:
        with begin(self._engine) as connection:
            return int(connection.execute(query).scalar_one())
