"""The upload bucket against the rows, page by page: what no event told of, and what no event took away.

A pass goes through the whole bucket in order of name and takes as many runs as it needs; the next one begins where it
ended. An object that comes to stand before the cursor is the next pass's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common import notifications
from common.database import Database, Progress
from common.errors import ConfigurationError
from common.model.documents import StoredObject
from common.notifications import ObjectEvent
from common.ports import ObjectStore, Publisher
from functions.reconcile.steps import Work

log = logging.getLogger(__name__)

TASK = "bucket"
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A stretch of the listing, and what the rows say of it."""

    listed: Sequence[StoredObject]
    unregistered: Sequence[StoredObject]
    deleted: Sequence[StoredObject]
    missing: Sequence[StoredObject]
    end: str | None
    """The name that the next stretch begins behind; None at the end of the bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPass:
    """A step, on its ports: looks at most at `objects_limit` objects, and puts about `limit` of them right."""

    database: Database
    objects: ObjectStore
    publisher: Publisher
    bucket: str
    limit: int
    objects_limit: int

    def __call__(self) -> Iterator[Work]:
        """A page is done before the cursor moves: one that a run did not come to the end of is looked at again.

        Whoever finds that another run has moved the cursor leaves the pass to that one.
        """
        with self.database.transaction() as transaction:
            progress: Progress | None = transaction.progress.resume(TASK)
        left, objects_left = self.limit, self.objects_limit
        refused: list[ConfigurationError] = []
        while progress is not None and left > 0 and objects_left > 0:
            page = self._page(progress.cursor, min(_PAGE, left, objects_left))
            done = self._put_right(page, refused)
            progress = self._moved(progress, page)
            left -= sum(done.values())
            objects_left -= len(page.listed)
            yield Work(counts={**done, "examined": len(page.listed)}, progress=progress)
            if page.end is None:
                progress = None
        if refused:
            raise refused[0]
        if progress is not None:
            yield Work(left_over=True)

    def _page(self, after: str, size: int) -> _Page:
        listed = self.objects.list_page(self.bucket, "", after, size)
        end = listed[-1].name if listed else None
        with self.database.transaction() as transaction:
            unregistered = transaction.documents.unregistered([stored for stored in listed if not stored.is_folder])
            deleted = transaction.documents.deleted(listed)
            missing = transaction.listing.missing(self.bucket, after, end, listed, size)
        return _Page(
            listed=listed,
            unregistered=unregistered,
            deleted=deleted,
            missing=missing,
            end=missing[-1].name if len(missing) == size else end,
        )

    def _put_right(self, page: _Page, refused: list[ConfigurationError]) -> dict[str, int]:
        """Announce and delete; returns how many of each. What may not be deleted is added to the refused."""
        for stored in page.unregistered:
            self._announce(ObjectEvent.FINALIZE, stored)
        gone = [stored for stored in page.missing if self._is_gone(stored)]
        for stored in gone:
            self._announce(ObjectEvent.DELETE, stored)
        for stored in page.deleted:
            try:
                self.objects.delete(stored.bucket, stored.name, stored.generation)
            except ConfigurationError as error:  # one that may not be deleted, such as under a hold, stops no pass
                log.warning("%s stays: %s", stored.uri, error)
                refused.append(error)
        return {"objects": len(page.unregistered), "gone": len(gone), "deletions": len(page.deleted)}

    def _is_gone(self, stored: StoredObject) -> bool:
        """Asked for by name: it may have come since the page was listed. A newer generation is announced itself."""
        return self.objects.find(stored.bucket, stored.name) is None

    def _announce(self, happened: ObjectEvent, stored: StoredObject) -> None:
        self.publisher.publish_raw(notifications.TOPIC, *notifications.encode(happened, stored))

    def _moved(self, progress: Progress, page: _Page) -> Progress | None:
        with self.database.transaction() as transaction:
            if page.end is None:
                return transaction.progress.finish(progress, len(page.listed))
            return transaction.progress.move(progress, page.end, len(page.listed))
