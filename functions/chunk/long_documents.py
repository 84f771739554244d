"""Long documents, read some pages in each request: these are stored under the job, and put together at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from common import page_store
from common.errors import AiInfraError, Deferred
from common.extraction import ExtractionLimits
from common.extraction.limits import Progress
from common.model.chunks import Extraction
from common.page_store import StoredRange
from common.ports import ObjectStore, TextExtractor


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadInSteps:
    """Reads a file for `step_seconds` at a time."""

    objects: ObjectStore
    extractor: TextExtractor
    extraction_bucket: str
    limits: ExtractionLimits
    step_seconds: float

    def __call__(self, job_id: UUID, path: Path, *, begun: bool, progress: Progress) -> Extraction:
        """The document's text. `begun` says that pages of it may be stored.

        `Deferred` (PAGES_LEFT) once pages are read and stored that are not the whole document: what is left to do,
        and be it to put them together, has its own time.
        """
        stored = page_store.stored(self.objects, self.extraction_bucket, job_id) if begun else ()
        if stored and stored[-1].end == stored[-1].total:
            return self._assembled(stored, path.parent)
        start = stored[-1].end if stored else 0
        read = self.extractor.read(path, self.limits, start=start, seconds=self.step_seconds, progress=progress)
        if isinstance(read, Extraction):
            return read
        page_store.write_once(self.objects, self.extraction_bucket, job_id, read)
        progress(read.end, read.total)
        raise Deferred("PAGES_LEFT", f"{read.end} of {read.total} pages are read.", wait_seconds=0.0, bounded=False)

    def _assembled(self, stored: Sequence[StoredRange], folder: Path) -> Extraction:
        paths: list[Path] = []
        for each in stored:
            content = self.objects.read(self.extraction_bucket, each.name)
            if content is None:
                raise AiInfraError("PAGES_MISSING", f"{each.name} was there and is gone.")
            paths.append(folder / f"pages-{each.start}")
            paths[-1].write_bytes(content)
        return self.extractor.assemble(paths, self.limits)
