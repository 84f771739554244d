"""Inspect: compare bucket, documents, jobs, batches, chunks, vector index and chunk texts, in pages.

Rows are read at one moment, the other parts at others. What looks wrong is therefore looked at a second time, and told
only if it looks the same and the rows did not change from before the first look until after the second: what changed
meanwhile is on its way, not wrong. Nothing is concluded from a row that was not found: what is missing is asked for by
its id, and what is left over is told of jobs that Postgres itself holds as purged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING
from uuid import UUID

from common.inspection import objects as object_rules
from common.inspection import removal, rules
from common.inspection.findings import Findings, Violation
from common.inspection.holdings import Holdings
from common.inspection.patience import Patience
from common.inspection.state import EVERYTHING, DocumentState, Moment, ObjectState, Within
from common.model.documents import StoredObject

if TYPE_CHECKING:
    from common.database import Database
    from common.ports import ChunkTexts, ObjectStore, VectorIndex

type Keys = frozenset[tuple[str, str]]

_BEFORE_ALL = UUID(int=0)


@dataclass
class _Tally:
    """What the first look leaves: counts, and what is to be looked at again, each told in a few bytes."""

    counted: Counter[str] = field(default_factory=Counter)
    documents: list[tuple[UUID, int, Keys]] = field(default_factory=list)
    objects: list[StoredObject] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspect:
    """The use case, on its ports. It changes nothing, and may be run beside everything else.

    `settle` is called between the two looks, if there is to be a second: it may wait until what was just written can be
    seen. `closed_purges` asks also for what was purged so long ago that no message can bring it back. Of `at_once`
    documents the other parts are asked at the same time.
    """

    database: Database
    index: VectorIndex
    texts: ChunkTexts
    objects: ObjectStore
    upload_bucket: str
    extraction_bucket: str
    stalled_seconds: float
    grace_seconds: float
    page_size: int = 500
    within: Within = EVERYTHING
    closed_purges: bool = True
    at_once: int = 1
    settle: Callable[[], None] = lambda: None

    def __call__(self) -> Findings:
        """Look through everything within, once, and at what looks wrong twice."""
        tally = _Tally()
        for documents in self._documents():
            self._note_documents(documents, tally)
        for objects in self._objects():
            self._note_objects(objects, tally)
        if tally.documents or tally.objects:
            self.settle()
        violations = [*self._documents_again(tally), *self._objects_again(tally)]
        names = ("documents", "objects", "jobs", "chunks", "in_flight")
        return Findings(**{name: tally.counted[name] for name in names}, violations=tuple(violations))

    def _documents(self) -> Iterator[Moment[DocumentState]]:
        after = _BEFORE_ALL
        while True:
            with self.database.transaction() as transaction:
                moment = transaction.inspection.documents(self.within, after, self.page_size)
            if not moment.rows:
                return
            yield moment
            after = moment.rows[-1].id

    def _note_documents(self, moment: Moment[DocumentState], tally: _Tally) -> None:
        for document, violations in zip(moment.rows, self._looks(moment), strict=True):
            tally.counted["documents"] += 1
            tally.counted["jobs"] += len(document.jobs)
            tally.counted["chunks"] += document.active.live_chunks if document.active else 0
            if violations:
                keys = frozenset(violation.key for violation in violations)
                tally.documents.append((document.id, hash(document), keys))
            else:
                tally.counted["in_flight"] += removal.in_flight(document, moment.now, self._patience)

    def _documents_again(self, tally: _Tally) -> Iterator[Violation]:
        for document_id, state, keys in tally.documents:
            before = self._read(document_id)
            violations = [violation for found in self._looks(before) for violation in found]
            after = self._read(document_id)
            states = [hash(document) for moment in (before, after) for document in moment.rows]
            if states != [state, state]:
                tally.counted["in_flight"] += 1
                continue
            [document] = after.rows
            tally.counted["in_flight"] += removal.in_flight(document, after.now, self._patience)
            yield from (violation for violation in violations if violation.key in keys)

    def _read(self, document_id: UUID) -> Moment[DocumentState]:
        with self.database.transaction() as transaction:
            return transaction.inspection.document(document_id)

    def _looks(self, moment: Moment[DocumentState]) -> Iterator[list[Violation]]:
        """What is wrong with each of the documents."""

        def look(document: DocumentState) -> list[Violation]:
            return [
                *rules.of_rows(document, moment.now, self._patience),
                *removal.of_rows(document, moment.now, self._patience),
                *self._holdings.violations(document),
            ]

        if self.at_once == 1:
            yield from map(look, moment.rows)
            return
        with ThreadPoolExecutor(self.at_once) as threads:
            yield from threads.map(look, moment.rows)

    def _objects(self) -> Iterator[Sequence[StoredObject]]:
        for prefix in self.within.prefixes:
            start_after = ""
            while page := self.objects.list_page(self.upload_bucket, prefix, start_after, self.page_size):
                yield [stored for stored in page if not stored.is_folder]
                start_after = page[-1].name

    def _note_objects(self, page: Sequence[StoredObject], tally: _Tally) -> None:
        tally.counted["objects"] += len(page)
        for state, violation, young in self._judged(page):
            if violation is not None and young:
                tally.counted["in_flight"] += 1
            elif violation is not None:
                tally.objects.append(state.stored)

    def _objects_again(self, tally: _Tally) -> Iterator[Violation]:
        for some in batched(tally.objects, self.page_size, strict=False):
            there = [stored for stored in some if self._find(stored)]
            found = [violation for _, violation, _ in self._judged(there) if violation is not None]
            tally.counted["in_flight"] += len(some) - len(found)
            yield from found

    def _judged(self, page: Sequence[StoredObject]) -> Iterator[tuple[ObjectState, Violation | None, bool]]:
        with self.database.transaction() as transaction:
            moment = transaction.inspection.objects(page)
        for state in moment.rows:
            yield state, object_rules.violation(state), object_rules.is_young(state, moment.now, self._patience)

    def _find(self, stored: StoredObject) -> bool:
        return self.objects.find(stored.bucket, stored.name, stored.generation) is not None

    @property
    def _patience(self) -> Patience:
        return Patience(self.stalled_seconds, self.grace_seconds)

    @property
    def _holdings(self) -> Holdings:
        return Holdings(
            index=self.index,
            texts=self.texts,
            objects=self.objects,
            extraction_bucket=self.extraction_bucket,
            closed_purges=self.closed_purges,
        )
