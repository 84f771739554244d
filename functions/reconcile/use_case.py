"""Reconcile: find what got lost anywhere and put it back on its way, by the same messages that it missed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from common import notifications
from common.database import Database
from common.messages import DocumentRegistered, DocumentRetired, Message
from common.model import Job, StoredObject
from common.notifications import ObjectEvent
from common.ports import ObjectStore, Publisher

log = logging.getLogger(__name__)

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What one run put back on its way."""

    objects: int
    jobs: int
    purges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """The use case, on its ports. Safe to run twice at once: whoever receives a message twice does its work once."""

    database: Database
    objects: ObjectStore
    publisher: Publisher
    upload_bucket: str
    stalled_seconds: float
    grace_seconds: float
    limit: int

    def __call__(self) -> Reconciled:
        """One run over routable objects, objects without a document, stalled jobs, and purges that are due."""
        with self.database.transaction() as transaction:
            routable = transaction.operations.routable(self.limit)
            stalled = transaction.jobs.claim_stalled(self.stalled_seconds, self.limit)
            purges = [
                DocumentRetired(team_id=team_id, document_id=document_id)
                for team_id, document_id in transaction.purges.documents_due(self.grace_seconds, self.limit)
            ]
        jobs = [message for job in stalled for message in self._restart(job)]
        objects = [*routable, *self._unregistered()]
        for stored in objects:
            self.publisher.publish_raw(notifications.TOPIC, *notifications.encode(ObjectEvent.FINALIZE, stored))
        self.publisher.publish([*jobs, *purges])
        return Reconciled(objects=len(objects), jobs=len(jobs), purges=len(purges))

    def _restart(self, job: Job) -> Sequence[Message]:
        """In a transaction of its own: a document is locked before its jobs, not behind them."""
        with self.database.transaction() as transaction:
            document = transaction.documents.lock(job.document_id)
        if document is None or not document.wants(job.id):
            return []
        return [
            DocumentRegistered(
                team_id=document.team_id,
                project_id=document.project_id,
                document_id=document.id,
                job_id=job.id,
                settings=job.settings,
                bucket=document.bucket,
                object_name=document.object_name,
                generation=job.generation,
            )
        ]

    def _unregistered(self) -> Sequence[StoredObject]:
        """Objects of the bucket that no row has recorded, page by page until the bucket or the limit ends."""
        found: list[StoredObject] = []
        start_after = ""
        while len(found) < self.limit:
            page = self.objects.list_page(self.upload_bucket, "", start_after, _PAGE)
            if not page:
                break
            with self.database.transaction() as transaction:
                found += transaction.documents.unregistered([stored for stored in page if not stored.is_folder])
            start_after = page[-1].name
        return found[: self.limit]
