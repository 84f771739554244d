"""Retire: take chunks out of answers at once, then remove their vectors, texts and extraction.

What is removed rests on what Postgres holds as failed, superseded or deleted, never on a row that was not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import batched

from common import split_store, tracing
from common.database import Database, PurgeableJob, Transaction
from common.messages import DocumentRetired
from common.model.chunks import chunk_id
from common.model.documents import DeletionCause, Route, StoredObject
from common.ports import ChunkTexts, ObjectStore, Publisher, VectorIndex
from common.registration import route, source_type, stored_trace, title
from functions.retire.confirmation import ConfirmDeletions

# Ids removed in one call of a port.
_PURGE_SIZE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireObject:
    """An object was deleted from the bucket."""

    database: Database
    publisher: Publisher

    def __call__(self, stored: StoredObject) -> None:
        """Mark the generation deleted wherever the object is a document; an overwrite's own delete changes nothing."""
        if stored.is_folder:
            return
        tracing.bind(stored_trace(stored))
        with self.database.transaction() as transaction:
            transaction.operations.forget_unrouted(stored.bucket, stored.name, stored.generation)
            retired = self._delete(transaction, stored)
        self.publisher.publish(retired)

    def _delete(self, transaction: Transaction, stored: StoredObject) -> list[DocumentRetired]:
        known = transaction.documents.of_object(stored.bucket, stored.name)
        if not known:
            return self._deleted_before_its_finalize(transaction, stored)
        retired = []
        for document_id in known:
            document = transaction.documents.lock(document_id)
            if document is None or stored.generation < document.generation:
                continue
            transaction.documents.delete(document_id, stored.generation, DeletionCause.OBJECT)
            retired.append(DocumentRetired(team_id=document.team_id, document_id=document_id))
        return retired

    @staticmethod
    def _deleted_before_its_finalize(transaction: Transaction, stored: StoredObject) -> list[DocumentRetired]:
        found = route(transaction, stored.name)
        if isinstance(found, Route):
            document = transaction.documents.lock_or_create(found, stored, source_type(stored), title(stored))
            transaction.documents.delete(document.id, stored.generation, DeletionCause.OBJECT)
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeDocument:
    """A document has jobs whose chunks are to go.

    A purge is repeated until a message's retention has passed since the first: work that was stalled meanwhile, and
    whose instance died before it saw that nothing wants it any more, may have added something.
    """

    database: Database
    index: VectorIndex
    texts: ChunkTexts
    objects: ObjectStore
    publisher: Publisher
    extraction_bucket: str
    grace_seconds: float
    repeat_seconds: float
    retention_seconds: float
    confirm_deletions: ConfirmDeletions

    def __call__(self, message: DocumentRetired) -> None:
        """Purge each of the document's jobs that is due; what is within its grace is left to a later run.

        Failed messages of a deleted document are emptied with it: they hold its text. Receipts of its deletions are
        completed where all is seen to be gone; a long look is continued by another message.
        """
        with self.database.transaction() as transaction:
            document = transaction.documents.lock(message.document_id)
            if document is not None and not document.living:
                transaction.failed_messages.scrub(document.id)
            jobs = transaction.purges.due(message.document_id, self.grace_seconds)
        for job in jobs:
            self._purge(job)
        if document is not None and not self.confirm_deletions(document):
            self.publisher.publish([message])

    def _purge(self, job: PurgeableJob) -> None:
        if not self._begin(job):
            return
        ids = (chunk_id(job.owner.job_id, index) for index in range(job.total_chunks))
        for some in batched(ids, _PURGE_SIZE, strict=False):
            self.index.remove(job.owner, some)
            self.texts.delete(job.owner, some)
        split_store.delete(self.objects, self.extraction_bucket, job.owner.job_id)
        with self.database.transaction() as transaction:
            transaction.documents.lock(job.owner.document_id)
            transaction.jobs.lock(job.owner.job_id)
            transaction.purges.complete(job.owner.job_id, self.repeat_seconds, self.retention_seconds)

    def _begin(self, job: PurgeableJob) -> bool:
        """False if it is not to be purged after all: a replay has let it go on meanwhile."""
        with self.database.transaction() as transaction:
            transaction.documents.lock(job.owner.document_id)
            transaction.jobs.lock(job.owner.job_id)
            return transaction.purges.begin(job.owner.job_id)
