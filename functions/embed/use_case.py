"""Embed: turn a batch's chunks into vectors in the index; once they are there, never again."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

import msgspec

from common import lease
from common.database import Database
from common.errors import AiInfraError, Deferred, Finished, Permanent, Superseded
from common.messages import BatchEmbedded, ChunkBatch
from common.model.chunks import chunk_id
from common.model.documents import BatchState, Stage
from common.outcomes import ending_job, lock_wanted
from common.ports import Embedder, Publisher, VectorIndex
from common.splitting import embedding_text


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedBatch:
    """The use case, on its ports."""

    database: Database
    embedder: Embedder
    index: VectorIndex
    publisher: Publisher
    lease_seconds: float

    def __call__(self, message: ChunkBatch) -> None:
        """Bring the batch to where its vectors are in the index, and say so to `record`."""
        with ending_job(self.database, message, Stage.EMBED):
            token = uuid4()
            state = self._claim(message, token)
            if state is BatchState.RECORDED:
                return
            if state is BatchState.PENDING:
                self._embed_under_lease(message, token)
            self.publisher.publish([BatchEmbedded(**msgspec.structs.asdict(message))])

    def _claim(self, message: ChunkBatch, token: UUID) -> BatchState:
        """The batch's state; if that is pending, the batch is this request's to embed."""
        with self.database.transaction() as transaction:
            _, job = lock_wanted(transaction, message)
            batch = transaction.batches.lock(message.job_id, message.batch_index)
            if batch is None:
                raise AiInfraError("UNKNOWN_BATCH", f"Job {message.job_id} has no batch {message.batch_index}.")
            if batch.state is BatchState.PENDING:
                if batch.leased:
                    raise Deferred("BATCH_LEASED", "Another request is embedding this batch.", wait_seconds=0.5)
                transaction.batches.lease(job.id, batch.index, token, self.lease_seconds)
            return batch.state

    def _embed_under_lease(self, message: ChunkBatch, token: UUID) -> None:
        try:
            with lease.kept(lambda: self._renew(message, token), lease_seconds=self.lease_seconds):
                self._embed(message)
            self._commit(message, token)
        except (Permanent, Superseded, Finished):
            raise
        except Exception as error:
            failed = not isinstance(error, Deferred)
            with self.database.transaction() as transaction:
                transaction.batches.release(message.job_id, message.batch_index, token, failed=failed)
            raise

    def _embed(self, message: ChunkBatch) -> None:
        if message.settings.embedding_model != self.embedder.model:
            raise Permanent(
                "MODEL_CHANGED",
                f"The job was opened for {message.settings.embedding_model}; this installation embeds with"
                f" {self.embedder.model}: reprocess the document.",
                retryable=True,
            )
        texts = [embedding_text(message.title, chunk.bounds.heading_path, chunk.text) for chunk in message.chunks]
        vectors = self.embedder.embed_documents(texts)
        if len(vectors) != len(texts):
            raise AiInfraError("VECTORS_MISSING", f"{len(texts)} texts were embedded to {len(vectors)} vectors.")
        ids = [chunk_id(message.job_id, chunk.index) for chunk in message.chunks]
        self.index.upsert(message.owner, dict(zip(ids, vectors, strict=True)))

    def _commit(self, message: ChunkBatch, token: UUID) -> None:
        with self.database.transaction() as transaction:
            document = transaction.documents.lock(message.document_id)
            job = transaction.jobs.lock(message.job_id)
            if document is None or job is None:
                raise AiInfraError("UNKNOWN_JOB", f"There is no job {message.job_id}.")
            if document.wants(job.id) and not job.status.finished:
                if not transaction.batches.mark_embedded(job.id, message.batch_index, token):
                    raise Deferred("LEASE_LOST", "Another request took the batch over.", wait_seconds=0.5)
                return
        if job.purge_started or not document.keeps(job.id):
            self.index.remove(message.owner, [chunk_id(job.id, chunk.index) for chunk in message.chunks])
        if job.status.finished:
            raise Finished("The job ended while its batch was embedded.")
        raise Superseded("The document changed while its batch was embedded.")

    def _renew(self, message: ChunkBatch, token: UUID) -> bool:
        with self.database.transaction() as transaction:
            return transaction.batches.renew(message.job_id, message.batch_index, token, self.lease_seconds)
