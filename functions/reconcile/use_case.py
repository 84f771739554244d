"""Reconcile: find what got lost anywhere and put it back on its way, by the same messages that it missed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import batched
from uuid import UUID

from common import notifications, tracing
from common.database import Database
from common.messages import DocumentRetired, url_requested
from common.model.documents import Job
from common.notifications import ObjectEvent
from common.ports import Clock, ObjectStore, Publisher
from common.registration import document_registered, object_trace
from functions.reconcile import bucket
from functions.reconcile.bucket import BucketPass
from functions.reconcile.retention import Retention
from functions.reconcile.steps import Failure, Outcome, Step, Work, carry_out

log = logging.getLogger(__name__)

# Messages published, and rows swept, between two looks at the time.
_PIECE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What one run did, and what it leaves to the next.

    Put on their way: `objects` announced, `jobs` restarted, `fetches` sent again, documents `withdrawn` with their
    project or team, documents with `purges` due or `receipts` pending, objects that are `gone` without an event.
    Removed: `deletions` of objects that outlived their document, and `forgotten` rows that were old enough.

    Of the bucket `examined` objects, up to `cursor`, in a pass that is `pass_seconds` old; `last_pass_seconds` ago one
    came to its end. `left_over` names the steps that the next run goes on with, `failed` those that met an error.
    """

    objects: int = 0
    jobs: int = 0
    fetches: int = 0
    withdrawn: int = 0
    purges: int = 0
    receipts: int = 0
    gone: int = 0
    deletions: int = 0
    forgotten: int = 0
    examined: int = 0
    cursor: str = ""
    pass_seconds: float | None = None
    last_pass_seconds: float | None = None
    left_over: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()

    @property
    def exhausted(self) -> bool:
        """True if all that was found is done, and nothing is known to be left over."""
        return not self.left_over

    @property
    def found_something(self) -> bool:
        """True if anything was lost, or is to be gone on with."""
        done = (self.objects, self.jobs, self.fetches, self.withdrawn, self.purges, self.receipts)
        return any((*done, self.gone, self.deletions, self.forgotten, self.left_over))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """The use case, on its ports. Safe to run twice at once: whoever receives a message twice does its work once.

    Of deleted teams and projects everything made from their objects goes; the objects themselves are their owners' and
    stay in the bucket.
    """

    database: Database
    objects: ObjectStore
    publisher: Publisher
    clock: Clock
    upload_bucket: str
    stalled_seconds: float
    grace_seconds: float
    query_log_seconds: float
    failed_message_seconds: float
    fetch_log_seconds: float
    seconds: float
    limit: int
    objects_limit: int

    @property
    def steps(self) -> Sequence[Step]:
        """What one run does, in this order; each takes at most about `limit` rows or objects."""
        look_through_bucket = BucketPass(
            database=self.database,
            objects=self.objects,
            publisher=self.publisher,
            bucket=self.upload_bucket,
            limit=self.limit,
            objects_limit=self.objects_limit,
        )
        forget = Retention(
            database=self.database,
            query_log_seconds=self.query_log_seconds,
            failed_message_seconds=self.failed_message_seconds,
            fetch_log_seconds=self.fetch_log_seconds,
            limit=self.limit,
        )
        return (
            Step("unrouted objects", self._announce_routable),
            Step("deleted projects", self._withdraw),
            Step("stalled jobs", self._restart_stalled),
            Step("stalled fetches", self._send_stalled_fetches),
            Step("purges", self._send_for_purges),
            Step("receipts", self._send_for_receipts),
            Step("bucket", look_through_bucket),
            Step("retention", forget),
        )

    def __call__(self) -> Reconciled:
        """One run, bounded in time and in work; what it leaves over is the next one's."""
        return _logged(_reconciled(carry_out(self.steps, self.clock, self.seconds)))

    def _announce_routable(self) -> Iterator[Work]:
        """Objects without a place until now."""
        with self.database.transaction() as transaction:
            routable = transaction.operations.routable(self.limit)
        for stored in routable:
            self.publisher.publish_raw(notifications.TOPIC, *notifications.encode(ObjectEvent.FINALIZE, stored))
            yield Work(counts={"objects": 1})
        yield Work(left_over=len(routable) == self.limit)

    def _withdraw(self) -> Iterator[Work]:
        """Documents of deleted projects and teams; should a run end before it has said so, their purges become due."""
        piece = min(_PIECE, self.limit)
        for _ in range(0, self.limit, piece):
            with self.database.transaction() as transaction:
                withdrawn = transaction.deletions.withdraw(piece)
            self._retire(withdrawn)
            yield Work(counts={"withdrawn": len(withdrawn)})
            if len(withdrawn) < piece:
                return
        yield Work(left_over=True)

    def _restart_stalled(self) -> Iterator[Work]:
        """Jobs that stand still, one by one: a run that ends between claim and restart keeps one job waiting."""
        for _ in range(self.limit):
            with self.database.transaction() as transaction:
                claimed = transaction.jobs.claim_stalled(self.stalled_seconds, 1)
            if not claimed:
                return
            yield Work(counts={"jobs": sum(self._restart(job) for job in claimed)})
        yield Work(left_over=True)

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

    def _send_stalled_fetches(self) -> Iterator[Work]:
        """Web addresses that nobody fetches, one by one as jobs are."""
        for _ in range(self.limit):
            with self.database.transaction() as transaction:
                claimed = transaction.fetches.claim_stalled(self.stalled_seconds, 1)
            if not claimed:
                return
            self.publisher.publish(map(url_requested, claimed))
            yield Work(counts={"fetches": len(claimed)})
        yield Work(left_over=True)

    def _send_for_purges(self) -> Iterator[Work]:
        """Documents with purges due, or due again."""
        with self.database.transaction() as transaction:
            due = transaction.purges.documents_due(self.grace_seconds, self.limit)
        yield from self._send_for("purges", due)

    def _send_for_receipts(self) -> Iterator[Work]:
        """Documents whose deletion is still to be found complete."""
        with self.database.transaction() as transaction:
            pending = transaction.deletions.documents_pending(self.limit)
        yield from self._send_for("receipts", pending)

    def _send_for(self, what: str, documents: Sequence[tuple[UUID, UUID]]) -> Iterator[Work]:
        for some in batched(documents, _PIECE, strict=False):
            self._retire(some)
            yield Work(counts={what: len(some)})
        yield Work(left_over=len(documents) == self.limit)

    def _retire(self, documents: Sequence[tuple[UUID, UUID]]) -> None:
        self.publisher.publish(
            DocumentRetired(team_id=team_id, document_id=document_id) for team_id, document_id in documents
        )


def _reconciled(outcome: Outcome) -> Reconciled:
    reached = outcome.progress.get(bucket.TASK)
    return Reconciled(
        **outcome.counts,
        cursor=reached.cursor if reached else "",
        pass_seconds=reached.pass_seconds if reached else None,
        last_pass_seconds=reached.finished_seconds if reached else None,
        left_over=tuple(outcome.left_over),
        failed=tuple(outcome.failed),
    )


def _logged(done: Reconciled) -> Reconciled:
    """A run that found nothing lost is no news."""
    level = logging.INFO if done.found_something else logging.DEBUG
    log.log(level, "Reconciled", extra={"event": "reconciled", **asdict(done)})
    return done
