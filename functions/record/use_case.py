"""Record: write a batch's chunks and texts; with the last batch, make the job's chunks the live ones."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from common.database import Database
from common.errors import NOT_VISIBLE, AiInfraError, Deferred, Finished, Superseded
from common.messages import BatchEmbedded, DocumentRetired
from common.model.chunks import chunk_id
from common.model.documents import Stage
from common.outcomes import ending_job
from common.ports import ChunkTexts, Publisher, VectorIndex

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBatch:
    """The use case, on its ports."""

    database: Database
    index: VectorIndex
    texts: ChunkTexts
    publisher: Publisher

    def __call__(self, message: BatchEmbedded) -> None:
        """Bring the batch to where its chunks are recorded, and the job live if it was the last."""
        with ending_job(self.database, message, Stage.RECORD):
            self.texts.put(
                message.owner, {chunk_id(message.job_id, chunk.index): chunk.text for chunk in message.chunks}
            )
            if not self._record(message):
                return
            self._wait_until_visible(message)
            if self._go_live(message):
                self.publisher.publish([DocumentRetired(team_id=message.team_id, document_id=message.document_id)])

    def _record(self, message: BatchEmbedded) -> bool:
        """Write the chunks; True if the job's every batch is recorded."""
        with self.database.transaction() as transaction:
            job = transaction.jobs.lock(message.job_id)
            if job is None:
                raise AiInfraError("UNKNOWN_JOB", f"There is no job {message.job_id}.")
            if not job.status.finished:
                transaction.chunks.record(message.owner, message.title, message.chunks)
                transaction.batches.mark_recorded(job.id, message.batch_index)
                return transaction.jobs.progress(job.id)
        self._remove_from_ended(message)
        raise Finished("The job ended before this batch was recorded.")

    def _remove_from_ended(self, message: BatchEmbedded) -> None:
        """Remove what the batch has, unless the job answers or may go on yet: a purge to come removes that too."""
        with self.database.transaction() as transaction:
            document = transaction.documents.lock(message.document_id)
            job = transaction.jobs.lock(message.job_id)
        if document is None or job is None or (document.keeps(job.id) and not job.purge_started):
            return
        ids = [chunk_id(message.job_id, chunk.index) for chunk in message.chunks]
        self.index.remove(message.owner, ids)
        self.texts.delete(message.owner, ids)

    def _wait_until_visible(self, message: BatchEmbedded) -> None:
        with self.database.transaction() as transaction:
            batches = transaction.batches.of_job(message.job_id)
        last_ids = [chunk_id(message.job_id, batch.chunk_start + batch.chunk_count - 1) for batch in batches]
        missing = set(last_ids) - self.index.visible(message.owner, last_ids)
        if missing:
            raise Deferred(NOT_VISIBLE, f"{len(missing)} batches are not yet in the index.", wait_seconds=1.0)

    def _go_live(self, message: BatchEmbedded) -> bool:
        """Make the job's chunks the live ones; True if others have to go for them."""
        with self.database.transaction() as transaction:
            document = transaction.documents.lock(message.document_id)
            job = transaction.jobs.lock(message.job_id)
            if document is None or job is None:
                raise AiInfraError("UNKNOWN_JOB", f"There is no job {message.job_id}.")
            if job.status.finished:
                return False
            if not document.wants(job.id):
                raise Superseded("Something newer is wanted of the document, or it was deleted.")
            live = transaction.jobs.go_live(document, job.id)
        log.info("Ready", extra={"event": "document_ready", **asdict(live)})
        return job.run > 1 or document.active_job_id is not None
