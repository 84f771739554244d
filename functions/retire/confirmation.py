"""Confirmation: a deletion's receipt is complete once everything it is about is seen to be gone."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from common import split_store
from common.database import Database, UncheckedJob
from common.model.chunks import chunk_id
from common.model.documents import Document
from common.ports import ChunkTexts, ObjectStore, VectorIndex

log = logging.getLogger(__name__)

# Ids asked for in one call of a port.
_CHECK_SIZE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmDeletions:
    """Looks for what a document's purged jobs have left, and completes its receipts where that is nothing.

    One call looks for at most `limit` chunks: where Vertex AI holds the vectors, each that is gone costs calls of its
    own. How far it came is kept with the jobs.
    """

    database: Database
    index: VectorIndex
    texts: ChunkTexts
    objects: ObjectStore
    upload_bucket: str
    extraction_bucket: str
    limit: int = 2000

    def __call__(self, document: Document) -> bool:
        """False if there is more to look for than one call does.

        What is found is purged again, and its receipt is left pending: an index shows a removal late.
        """
        with self.database.transaction() as transaction:
            if not transaction.deletions.pending(document.id):
                return True
            jobs = transaction.deletions.unchecked(document.id)
        left = self.limit
        for job in jobs:
            for start in range(job.checked, max(job.total_chunks, 1), _CHECK_SIZE):
                if left <= 0:
                    return False
                end = min(start + _CHECK_SIZE, job.total_chunks)
                left -= max(end - start, 1)
                if not self._look(job, start, end):
                    break
        self._complete(document)
        return True

    def _look(self, job: UncheckedJob, start: int, end: int) -> bool:
        """Look for these chunks and note what comes of it; True if nothing is left of them."""
        gone = self._is_gone(job, start, end)
        with self.database.transaction() as transaction:
            if gone:
                transaction.deletions.check(job.owner.job_id, end)
            else:
                transaction.purges.again(job.owner.job_id)
        return gone

    def _is_gone(self, job: UncheckedJob, start: int, end: int) -> bool:
        """True if nothing of these chunks is left; with the last, of the extraction neither."""
        owner = job.owner
        ids = [chunk_id(owner.job_id, index) for index in range(start, end)]
        if ids and (self.index.visible(owner, ids) or self.texts.present(owner, ids)):
            return False
        return end < job.total_chunks or not split_store.is_there(self.objects, self.extraction_bucket, owner.job_id)

    def _complete(self, document: Document) -> None:
        standing = self._standing_generation(document)
        with self.database.transaction() as transaction:
            transaction.documents.lock(document.id)
            completed = transaction.deletions.complete(document.id, standing)
        if completed:
            log.info("Deleted, and seen to be gone", extra={"event": "deletion_completed", "completed": completed})

    def _standing_generation(self, document: Document) -> int | None:
        """The generation of the object that stands in the bucket under the document's name.

        In a bucket that the installation had before, there is nothing that it may ask for.
        """
        if document.bucket != self.upload_bucket:
            return None
        found = self.objects.list_page(document.bucket, document.object_name, "", 1)
        return next((stored.generation for stored in found if stored.name == document.object_name), None)
