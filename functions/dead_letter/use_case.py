"""Dead letter: keep what could not be delivered, and fail its job if that still waits for it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from common import notifications
from common.database import Database, Transaction
from common.delivery import (
    BATCH_INDEX,
    DEAD_LETTERED,
    Delivery,
    count_attribute,
    failed_message,
    time_attribute,
    uuid_attribute,
)
from common.errors import NOT_VISIBLE, AiInfraError
from common.messages import BatchEmbedded, ChunkBatch, DocumentRegistered, DocumentRetired, UrlRequested
from common.model.documents import BatchState, Document, Job, Stage
from common.outcomes import log_failed_job

log = logging.getLogger(__name__)

# https://cloud.google.com/pubsub/docs/handling-failures#track_delivery_attempts
_SUBSCRIPTION = f"{DEAD_LETTERED}SourceSubscription"
_PROJECT = f"{DEAD_LETTERED}SourceSubscriptionProject"
_COUNT = f"{DEAD_LETTERED}SourceDeliveryCount"
_PUBLISHED = f"{DEAD_LETTERED}SourceTopicPublishTime"

# As infra/topology.yaml subscribes.
TOPICS = {
    "intake": notifications.TOPIC,
    "retire-object": notifications.TOPIC,
    "chunk": DocumentRegistered.topic,
    "embed": ChunkBatch.topic,
    "record": BatchEmbedded.topic,
    "retire-document": DocumentRetired.topic,
    "fetch": UrlRequested.topic,
}

_STAGES = {"chunk": Stage.CHUNK, "embed": Stage.EMBED, "record": Stage.RECORD}


@dataclass(frozen=True, slots=True, kw_only=True)
class _DeadLetter:
    """What a dead letter tells of itself."""

    subscription: str
    attempts: int
    published_at: datetime | None
    document_id: UUID | None
    job_id: UUID | None
    batch_index: int | None
    fetch_id: UUID | None

    @property
    def stage(self) -> Stage:
        """Where its job failed."""
        return _STAGES.get(self.subscription, Stage.REGISTERED)

    @property
    def given_up(self) -> str:
        return f"The message was given up after {self.attempts} attempts of {self.subscription or 'its subscription'}."


def _read(delivery: Delivery) -> _DeadLetter:
    attributes = delivery.attributes
    return _DeadLetter(
        subscription=attributes.get(_SUBSCRIPTION, ""),
        attempts=count_attribute(attributes, _COUNT) or 0,
        published_at=time_attribute(attributes, _PUBLISHED),
        document_id=uuid_attribute(attributes, "document_id"),
        job_id=uuid_attribute(attributes, "job_id"),
        batch_index=count_attribute(attributes, BATCH_INDEX),
        fetch_id=uuid_attribute(attributes, "fetch_id"),
    )


def keep_dead_letter(delivery: Delivery, *, database: Database) -> None:
    """Keep the message; fail its job if the job is wanted, unfinished and nobody is at work on it, or its fetch.

    Both name what the last attempt that told an error died of. Of a document that was deleted the message is kept
    without its body, which holds the document's text.
    """
    dead = _read(delivery)
    with database.transaction() as transaction:
        document = None if dead.document_id is None else transaction.documents.lock(dead.document_id)
        job = None if dead.job_id is None else transaction.jobs.lock(dead.job_id)
        error = _last_error(transaction, dead)
        failed = document is not None and job is not None and _waits(transaction, document, job, dead)
        if dead.fetch_id is not None:
            transaction.fetches.fail(dead.fetch_id, error, retryable=True)
        mattered = failed or dead.document_id is None or dead.job_id is None
        if job is not None and failed:
            transaction.jobs.fail(
                job.id,
                stage=dead.stage,
                reason=error.reason,
                message=error.message,
                retryable=True,
                attempts=dead.attempts,
            )
        kept = failed_message(
            _as_sent(delivery),
            topic=TOPICS.get(dead.subscription),
            error=error,
            resolution=None if mattered else "Nothing waits for it any more.",
            attempts=dead.attempts,
        )
        if document is not None and _is_deleted(document, job):
            kept = replace(kept, data=b"")
        transaction.failed_messages.keep(kept)
    if failed:
        log_failed_job(dead.stage, error, retryable=True)
    _log_kept(error, dead.subscription, mattered=mattered)


def _last_error(transaction: Transaction, dead: _DeadLetter) -> AiInfraError:
    """What the message died of, as far as an attempt could tell; one that was killed or ran out of time could not."""
    told = _told(transaction, dead)
    if told is None:
        return AiInfraError("UNDELIVERABLE", f"{dead.given_up} None of them told why: the log of its trace may.")
    if told.reason == NOT_VISIBLE:
        return AiInfraError(
            NOT_VISIBLE,
            f"The vector index did not show all of the document's vectors, in {dead.attempts} attempts after the"
            " longest wait: some may have been lost. Process the document again.",
        )
    return AiInfraError(told.reason, f"{told.message} {dead.given_up}")


def _told(transaction: Transaction, dead: _DeadLetter) -> AiInfraError | None:
    if dead.fetch_id is not None:
        return transaction.fetches.last_error(dead.fetch_id)
    return None if dead.job_id is None else transaction.failed_messages.last_error(dead.job_id, dead.batch_index)


def _log_kept(error: AiInfraError, subscription: str, *, mattered: bool) -> None:
    fields = {"event": "dead_letter_kept", "subscription": subscription, "reason": error.reason, "mattered": mattered}
    log.log(logging.ERROR if mattered else logging.INFO, "Kept: %s", error, extra=fields)


def _as_sent(delivery: Delivery) -> Delivery:
    """The delivery under the subscription that gave it up, where its attributes tell."""
    project, name = (delivery.attributes.get(key) for key in (_PROJECT, _SUBSCRIPTION))
    return replace(delivery, subscription=f"projects/{project}/subscriptions/{name}") if project and name else delivery


def _is_deleted(document: Document, job: Job | None) -> bool:
    return not document.living or (job is not None and document.is_deleted(job.generation))


def _waits(transaction: Transaction, document: Document, job: Job, dead: _DeadLetter) -> bool:
    """True if the job is wanted and unfinished, nobody is at work on it, and it waits for this message.

    One that was sent before a replay is waited for no longer: the replay sent anew what the job still lacked.
    """
    if job.status.finished or job.leased or not document.wants(job.id):
        return False
    if job.resumed_at is not None and dead.published_at is not None and dead.published_at < job.resumed_at:
        return False
    if dead.batch_index is None:
        return not any(batch.leased for batch in transaction.batches.of_job(job.id))
    return _batch_waits(transaction, job.id, dead.batch_index, dead.stage)


def _batch_waits(transaction: Transaction, job_id: UUID, index: int, stage: Stage) -> bool:
    """True if the batch is not recorded, or if all are and the job waits for `record` alone, to go live."""
    batch = transaction.batches.lock(job_id, index)
    if batch is None or batch.leased:
        return False
    if batch.state is not BatchState.RECORDED:
        return True
    return stage is Stage.RECORD and all(
        each.state is BatchState.RECORDED for each in transaction.batches.of_job(job_id)
    )
