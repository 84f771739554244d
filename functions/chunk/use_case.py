"""Chunk: read a registered generation, extract its text, split it once, and send its batches on their way."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

from common import lease, split_store
from common.database import Database
from common.errors import AiInfraError, Deferred, Finished, Permanent, Superseded
from common.extraction import ExtractionLimits, extract
from common.messages import BatchEmbedded, BatchMessage, ChunkBatch, DocumentRegistered
from common.model.chunks import Chunk, Split
from common.model.documents import Batch, BatchState, Document, Stage
from common.outcomes import ending_job, lock_wanted
from common.ports import ObjectStore, Publisher, Tokenizer
from common.splitting import fit_title, split

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkDocument:
    """The use case, on its ports."""

    database: Database
    objects: ObjectStore
    publisher: Publisher
    tokenizer: Tokenizer
    extraction_bucket: str
    limits: ExtractionLimits
    max_bytes: int
    batch_size: int
    lease_seconds: float

    def __call__(self, message: DocumentRegistered) -> None:
        """Bring the job to where all its batches are known and each pending one is published."""
        with ending_job(self.database, message, Stage.CHUNK):
            token = uuid4()
            document = self._claim(message, token)
            if document is not None:
                content = self._split_under_lease(message, document.title, token)
            else:
                content = self._stored_split(message)
            self._publish_pending(message, content)

    def _claim(self, message: DocumentRegistered, token: UUID) -> Document | None:
        """The document, if its job is this request's to split; None if it is split already."""
        with self.database.transaction() as transaction:
            document, job = lock_wanted(transaction, message)
            if job.split:
                return None
            if job.leased:
                raise Deferred("JOB_LEASED", "Another request is splitting this document.", wait_seconds=1.0)
            transaction.jobs.lease(job.id, token, self.lease_seconds)
        return document

    def _split_under_lease(self, message: DocumentRegistered, title: str, token: UUID) -> Split:
        try:
            with lease.kept(lambda: self._renew(message, token), lease_seconds=self.lease_seconds):
                content = split_store.read(self.objects, self.extraction_bucket, message.job_id)
                if content is None:
                    content = split_store.write_once(
                        self.objects, self.extraction_bucket, message.job_id, self._split_object(message, title, token)
                    )
            self._commit(message, token, content)
        except (Permanent, Superseded, Finished):
            raise
        except Exception:
            self._release(message, token)
            raise
        return content

    def _split_object(self, message: DocumentRegistered, title: str, token: UUID) -> Split:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "object"
            stored = self.objects.download(
                message.bucket, message.object_name, message.generation, path, self.max_bytes
            )
            if stored is None:
                raise Superseded("The object's generation is gone.")
            with path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            if self._ends_unchanged(message, token, digest):
                raise Finished("The bytes are those that the document answers from.")
            extraction = extract(path, limits=self.limits)
        size = min(message.settings.chunk_size, self.tokenizer.max_tokens)
        title = fit_title(extraction.title or title, tokenizer=self.tokenizer, size=size)
        chunks = split(
            extraction, title=title, tokenizer=self.tokenizer, size=size, overlap=message.settings.chunk_overlap
        )
        if not chunks:
            raise Permanent("NO_TEXT", "No text was found in the object: is it empty, or scanned without a text layer?")
        return Split(extraction=extraction, title=title, sha256=digest, chunks=chunks)

    def _ends_unchanged(self, message: DocumentRegistered, token: UUID, digest: str) -> bool:
        """True if the job has just ended since what answers was made of the same bytes in the same way.

        Title and type would be the same too: they come from the bytes and from the document's row.
        """
        with self.database.transaction() as transaction:
            document, job = lock_wanted(transaction, message)
            ended = transaction.jobs.end_unchanged(document, job.id, token, digest)
        if ended:
            log.info("Unchanged", extra={"event": "document_unchanged"})
        return ended

    def _commit(self, message: DocumentRegistered, token: UUID, content: Split) -> None:
        extraction, total = content.extraction, len(content.chunks)
        with self.database.transaction() as transaction:
            _, job = lock_wanted(transaction, message)
            stored = transaction.jobs.store_split(
                job.id,
                token,
                total_chunks=total,
                pages=len(extraction.page_starts),
                warnings=extraction.warnings,
                sha256=content.sha256,
            )
            if not stored:
                raise Deferred("LEASE_LOST", "Another request took the document over.", wait_seconds=1.0)
            transaction.documents.describe(message.document_id, mime_type=extraction.mime_type, sha256=content.sha256)
            transaction.batches.create(job, total, self.batch_size)

    def _stored_split(self, message: DocumentRegistered) -> Split:
        content = split_store.read(self.objects, self.extraction_bucket, message.job_id)
        if content is None:
            raise AiInfraError("SPLIT_MISSING", f"Job {message.job_id} is split, but its split is not in the bucket.")
        return content

    def _publish_pending(self, message: DocumentRegistered, content: Split) -> None:
        with self.database.transaction() as transaction:
            batches = transaction.batches.of_job(message.job_id)
        self.publisher.publish(_waiting(message, content, batches))

    def _renew(self, message: DocumentRegistered, token: UUID) -> bool:
        with self.database.transaction() as transaction:
            return transaction.jobs.renew(message.job_id, token, self.lease_seconds)

    def _release(self, message: DocumentRegistered, token: UUID) -> None:
        with self.database.transaction() as transaction:
            transaction.jobs.release(message.job_id, token)


def _waiting(message: DocumentRegistered, content: Split, batches: Sequence[Batch]) -> Iterator[BatchMessage]:
    """The batches that are not recorded; if all are, the last one once more to `record`: the job waits to go live."""
    pending = [batch for batch in batches if batch.state is not BatchState.RECORDED]
    yield from (_batch_message(ChunkBatch, message, content, batch) for batch in pending)
    if not pending:
        yield _batch_message(BatchEmbedded, message, content, batches[-1])


def _batch_message[M: BatchMessage](kind: type[M], message: DocumentRegistered, content: Split, batch: Batch) -> M:
    return kind(
        team_id=message.team_id,
        project_id=message.project_id,
        document_id=message.document_id,
        job_id=message.job_id,
        settings=message.settings,
        batch_index=batch.index,
        title=content.title,
        chunks=tuple(
            Chunk(
                index=index,
                bounds=content.chunks[index],
                text=content.extraction.text[content.chunks[index].char_start : content.chunks[index].char_end],
            )
            for index in range(batch.chunk_start, batch.chunk_start + batch.chunk_count)
        ),
    )
