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
from common.database import Database, Transaction
from common.errors import AiInfraError, Deferred, Finished, Permanent, Superseded
from common.messages import BatchEmbedded, BatchMessage, ChunkBatch, DocumentRegistered
from common.model.chunks import Chunk, Split
from common.model.documents import Batch, BatchState, JobStatus, Stage
from common.outcomes import ending_job, lock_wanted
from common.ports import ObjectStore, Publisher, Tokenizer
from common.splitting import fit_title, split
from functions.chunk.long_documents import ReadInSteps

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Claim:
    """A job while it is this request's: the lease's token, and how many of how many pages are read.

    `first` says that nobody has worked on it before, `begun` that pages of it may be stored.
    """

    token: UUID
    title: str
    first: bool
    begun: bool
    pages: tuple[int, int] | None = None

    def note(self, done: int, total: int) -> None:
        """Keep how far reading has come, until the lease is renewed or given back."""
        self.pages = done, total


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkDocument:
    """The use case, on its ports."""

    database: Database
    objects: ObjectStore
    publisher: Publisher
    read: ReadInSteps
    tokenizer: Tokenizer
    extraction_bucket: str
    max_bytes: int
    batch_size: int
    lease_seconds: float

    def __call__(self, message: DocumentRegistered) -> None:
        """Bring the job to where all its batches are known and each pending one is published."""
        with ending_job(self.database, message, Stage.CHUNK):
            token = uuid4()
            claimed = self._claim(message, token)
            content = self._stored_split(message) if claimed is None else self._split_under_lease(message, claimed)
            self._publish_pending(message, content)

    def _claim(self, message: DocumentRegistered, token: UUID) -> _Claim | None:
        """The job, if it is this request's to split; None if it is split already."""
        with self.database.transaction() as transaction:
            document, job = lock_wanted(transaction, message)
            if job.split:
                return None
            if job.leased:
                raise Deferred("JOB_LEASED", "Another request is splitting this document.", wait_seconds=1.0)
            transaction.jobs.lease(job.id, token, self.lease_seconds)
        first = job.status is JobStatus.QUEUED and not job.replays
        return _Claim(token=token, title=document.title, first=first, begun=job.pages_read > 0)

    def _split_under_lease(self, message: DocumentRegistered, claim: _Claim) -> Split:
        try:
            with lease.kept(lambda: self._renew(message, claim), lease_seconds=self.lease_seconds):
                content = None if claim.first else self._kept_split(message)
                if content is None:
                    content = split_store.write_once(
                        self.objects, self.extraction_bucket, message.job_id, self._split_object(message, claim)
                    )
            self._commit(message, claim.token, content)
        except (Permanent, Superseded, Finished):
            raise
        except Exception as error:
            self._release(message, claim, failed=not isinstance(error, Deferred))
            raise
        return content

    def _split_object(self, message: DocumentRegistered, claim: _Claim) -> Split:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "object"
            stored = self.objects.download(
                message.bucket, message.object_name, message.generation, path, self.max_bytes
            )
            if stored is None:
                raise Superseded("The object's generation is gone.")
            with path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            if self._ends_unchanged(message, claim.token, digest):
                raise Finished("The bytes are those that the document answers from.")
            extraction = self.read(message.job_id, path, begun=claim.begun, progress=claim.note)
        size = min(message.settings.chunk_size, self.tokenizer.max_tokens)
        title = fit_title(extraction.title or claim.title, tokenizer=self.tokenizer, size=size)
        chunks = split(
            extraction, title=title, tokenizer=self.tokenizer, size=size, overlap=message.settings.chunk_overlap
        )
        if not chunks:
            raise Permanent(
                "NO_TEXT",
                "No text was found in the object. If there is some to be seen, it is an image: scan it larger, or"
                " save the document with its text, and upload it again.",
            )
        return Split(extraction=extraction, title=title, sha256=digest, chunks=chunks)

    def _ends_unchanged(self, message: DocumentRegistered, token: UUID, digest: str) -> bool:
        """True if the job has just ended since what answers was made of the same bytes in the same way.

        Its type would be the same too, and so would a title of its own. One that it was given meanwhile is shown with
        its answers; its chunks keep the one that they were embedded with.
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
        content = self._kept_split(message)
        if content is None:
            with self.database.transaction() as transaction:
                lock_wanted(transaction, message)  # raises if the job has ended by now: then its split may be gone
            raise AiInfraError("SPLIT_MISSING", f"Job {message.job_id} is split, but its split is not in the bucket.")
        return content

    def _kept_split(self, message: DocumentRegistered) -> Split | None:
        return split_store.read(self.objects, self.extraction_bucket, message.job_id)

    def _publish_pending(self, message: DocumentRegistered, content: Split) -> None:
        with self.database.transaction() as transaction:
            batches = transaction.batches.of_job(message.job_id)
        self.publisher.publish(_waiting(message, content, batches))

    def _renew(self, message: DocumentRegistered, claim: _Claim) -> bool:
        with self.database.transaction() as transaction:
            self._note_pages(transaction, message, claim)
            return transaction.jobs.renew(message.job_id, claim.token, self.lease_seconds)

    def _release(self, message: DocumentRegistered, claim: _Claim, *, failed: bool) -> None:
        with self.database.transaction() as transaction:
            self._note_pages(transaction, message, claim)
            transaction.jobs.release(message.job_id, claim.token, failed=failed)

    @staticmethod
    def _note_pages(transaction: Transaction, message: DocumentRegistered, claim: _Claim) -> None:
        if claim.pages:
            read, total = claim.pages
            transaction.jobs.note_pages(message.job_id, claim.token, read=read, total=total)


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
