"""The database port: transactions over the rows that the use cases decide by.

Locks are taken in the order document, job, batch. Times are the database's own, so that instances need not agree.
A lease is held under a token; what a holder commits names its token, so that one who wakes late changes nothing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from common.database.fetches import FetchRows
from common.database.ingestion import BatchRows, ChunkRows, DocumentRows, JobRows, LiveJob, Unrouted
from common.database.operations import (
    FailedMessage,
    FailedRows,
    KeptMessage,
    ListingRows,
    OperationRows,
    Progress,
    ProgressRows,
)
from common.database.removal import DeletionRows, PurgeableJob, PurgeRows, RetentionRows, UncheckedJob

if TYPE_CHECKING:
    # No function inspects: none pays for its import.
    from common.inspection.state import InspectionRows

__all__ = [
    "BatchRows",
    "ChunkRows",
    "Database",
    "DeletionRows",
    "DocumentRows",
    "FailedMessage",
    "FailedRows",
    "FetchRows",
    "JobRows",
    "KeptMessage",
    "ListingRows",
    "LiveJob",
    "OperationRows",
    "Progress",
    "ProgressRows",
    "PurgeRows",
    "PurgeableJob",
    "RetentionRows",
    "Transaction",
    "UncheckedJob",
    "Unrouted",
]


class Transaction(Protocol):
    """The rows of one transaction."""

    @property
    def documents(self) -> DocumentRows: ...
    @property
    def jobs(self) -> JobRows: ...
    @property
    def batches(self) -> BatchRows: ...
    @property
    def chunks(self) -> ChunkRows: ...
    @property
    def fetches(self) -> FetchRows: ...
    @property
    def purges(self) -> PurgeRows: ...
    @property
    def deletions(self) -> DeletionRows: ...
    @property
    def operations(self) -> OperationRows: ...
    @property
    def failed_messages(self) -> FailedRows: ...
    @property
    def listing(self) -> ListingRows: ...
    @property
    def progress(self) -> ProgressRows: ...
    @property
    def retention(self) -> RetentionRows: ...
    @property
    def inspection(self) -> InspectionRows: ...


class Database(Protocol):
    """Where documents, jobs and chunks are true."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction: committed when the block ends, rolled back when it raises."""
        ...
