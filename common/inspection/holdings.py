"""What vector index, chunk texts and object store hold of a document, against what they have to: asked by ids.

Vertex AI cannot list the vectors that it has. It need not: the ids of all that ever was derive from the jobs' rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import batched

from common import split_store
from common.inspection.findings import Violation
from common.inspection.rules import about, with_object
from common.inspection.state import DocumentState, JobState
from common.model.chunks import chunk_id
from common.model.documents import JobStatus
from common.ports import ChunkTexts, ObjectStore, VectorIndex

# Ids asked for in one call of a port.
_IDS = 500


@dataclass(frozen=True, slots=True)
class Held:
    """How many of a job's chunks have a vector, and how many a text; and whether its split is stored."""

    vectors: int
    texts: int
    split: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Asks the parts. Bounded in memory however many chunks a job has."""

    index: VectorIndex
    texts: ChunkTexts
    objects: ObjectStore
    extraction_bucket: str
    closed_purges: bool

    def violations(self, document: DocumentState) -> Iterator[Violation]:
        """Where a part does not hold what it has to, or holds what it may not."""
        if document.living:
            yield from self._object(document)
            if document.active is not None and _is_to_be_held(document.active):
                yield from _missing(document, document.active, self._held(document, document.active))
        for job in document.jobs:
            if job.purged_at is not None and (self.closed_purges or not job.purge_closed):
                yield from _left(document, job, self._held(document, job))

    def _object(self, document: DocumentState) -> Iterator[Violation]:
        """Only the store's own word on this very generation counts: a listing may be older than what it leaves out.

        Where there is a newer one, that is what is missing among the rows.
        """
        gone = self.objects.find(document.bucket, document.object_name, document.generation) is None
        if gone and self.objects.find(document.bucket, document.object_name) is None:
            message = f"generation {document.generation} is not in the bucket any more, and the document is."
            yield with_object(about(document, None, "OBJECT_GONE", message), document)

    def _held(self, document: DocumentState, job: JobState) -> Held:
        owner = document.owner(job)
        vectors = texts = 0
        for some in batched((chunk_id(job.id, index) for index in range(job.total_chunks or 0)), _IDS, strict=False):
            vectors += len(self.index.visible(owner, some))
            texts += len(self.texts.present(owner, some))
        split = self.objects.find(self.extraction_bucket, split_store.object_name(job.id))
        return Held(vectors, texts, split is not None)


def _is_to_be_held(active: JobState) -> bool:
    """What does not answer as it should is another violation: it is told once."""
    return active.status is JobStatus.SUCCEEDED and active.purge_started_at is None and active.purged_at is None


def _missing(document: DocumentState, job: JobState, held: Held) -> Iterator[Violation]:
    total = job.total_chunks or 0
    for reason, kind, count in (
        ("VECTORS_MISSING", "vectors are in the index", held.vectors),
        ("TEXTS_MISSING", "chunk texts are there", held.texts),
    ):
        if count < total:
            yield about(document, job, reason, f"{count} of {total} {kind}.")
    if not held.split:
        message = f"the extraction of job {job.id} is not in its bucket."
        yield about(document, job, "EXTRACTION_MISSING", message)


def _left(document: DocumentState, job: JobState, held: Held) -> Iterator[Violation]:
    if held.vectors or held.texts or held.split:
        message = (
            f"job {job.id} was purged, and {held.vectors} vectors, {held.texts} texts and"
            f" {'its' if held.split else 'no'} extraction are still there."
        )
        yield about(document, job, "LEFTOVERS", message)
