"""Reconcile: find what got lost anywhere and put it back on its way, by the same messages that it missed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from common import notifications, tracing
from common.database import Database
from common.messages import DocumentRetired
from common.model.documents import Job, StoredObject
from common.notifications import ObjectEvent
from common.ports import ObjectStore, Publisher
from common.registration import document_registered, object_trace

log = logging.getLogger(__name__)

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What one run put back on its way: objects announced, jobs and purges sent for, objects deleted at last."""

    objects: int
    jobs: int
    purges: int
    deletions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """The use case, on its ports. Safe to run twice at once: whoever receives a message twice does its work once.

    Of deleted teams and projects everything made from their objects goes; the objects themselves are their owners' and
    stay in the bucket.
    """

    database: Database
    objects: ObjectStore
    publisher: Publisher
    upload_bucket: str
    stalled_seconds: float
    grace_seconds: float
    limit: int

    def __call__(self) -> Reconciled:
        """One run over routable objects, stalled jobs, purges that are due, and the bucket."""
        with self.database.transaction() as transaction:
            routable = transaction.operations.routable(self.limit)
            stalled = transaction.jobs.claim_stalled(self.stalled_seconds, self.limit)
            purges = [
                DocumentRetired(team_id=team_id, document_id=document_id)
                for team_id, document_id in transaction.purges.documents_due(self.grace_seconds, self.limit)
            ]
        unregistered, deleted = self._look_through_bucket()
        objects = [*routable, *unregistered]
        for stored in objects:
            self.publisher.publish_raw(notifications.TOPIC, *notifications.encode(ObjectEvent.FINALIZE, stored))
        self.publisher.publish(purges)
        jobs = sum(self._restart(job) for job in stalled)
        for stored in deleted:
            self.objects.delete(stored.bucket, stored.name, stored.generation)
        return _logged(Reconciled(objects=len(objects), jobs=jobs, purges=len(purges), deletions=len(deleted)))

    def _restart(self, job: Job) -> bool:
        """In a transaction of its own: a document is locked before its jobs, not behind them; and in its own trace.

        A job of a deleted project is sent on its way too: there it is found to be unwanted, and ends.
        """
        with self.database.transaction() as transaction:
            document = transaction.documents.lock(job.document_id)
        if document is None or document.wanted_job_id != job.id:
            return False
        with tracing.scope(object_trace(document.bucket, document.object_name, job.generation)):
            self.publisher.publish([document_registered(document, job.id, job.generation, job.settings)])
        return True

    def _look_through_bucket(self) -> tuple[Sequence[StoredObject], Sequence[StoredObject]]:
        """Objects that no row has recorded, and those that outlived their document; of each at most the limit."""
        unregistered: list[StoredObject] = []
        deleted: list[StoredObject] = []
        start_after = ""
        while len(unregistered) < self.limit:
            page = self.objects.list_page(self.upload_bucket, "", start_after, _PAGE)
            if not page:
                break
            with self.database.transaction() as transaction:
                unregistered += transaction.documents.unregistered([stored for stored in page if not stored.is_folder])
                deleted += transaction.documents.deleted(page)
            start_after = page[-1].name
        return unregistered[: self.limit], deleted[: self.limit]


def _logged(done: Reconciled) -> Reconciled:
    """A run that found nothing lost is no news."""
    level = logging.INFO if any(asdict(done).values()) else logging.DEBUG
    log.log(level, "Reconciled", extra={"event": "reconciled", **asdict(done)})
    return done
