"""Dead letter: keep what could not be delivered, and fail its job if that still waits for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from common import notifications
from common.database import Database, Transaction
from common.delivery import DEFERRALS, Delivery, count_attribute, failed_message, uuid_attribute
from common.errors import AiInfraError
from common.messages import BatchEmbedded, ChunkBatch, DocumentRegistered, DocumentRetired
from common.model.documents import BatchState, Document, Job, Stage
from common.outcomes import log_failed_job

log = logging.getLogger(__name__)

# https://cloud.google.com/pubsub/docs/handling-failures#track_delivery_attempts
_SUBSCRIPTION = "CloudPubSubDeadLetterSourceSubscription"
_PROJECT = "CloudPubSubDeadLetterSourceSubscriptionProject"
_COUNT = "CloudPubSubDeadLetterSourceDeliveryCount"

# As infra/topology.yaml subscribes.
TOPICS = {
    "intake": notifications.TOPIC,
    "retire-object": notifications.TOPIC,
    "chunk": DocumentRegistered.topic,
    "embed": ChunkBatch.topic,
    "record": BatchEmbedded.topic,
    "retire-document": DocumentRetired.topic,
}

_STAGES = {"chunk": Stage.CHUNK, "embed": Stage.EMBED, "record": Stage.RECORD}


def keep_dead_letter(delivery: Delivery, *, database: Database) -> None:
    """Keep the message; fail its job if the job is wanted, unfinished and nobody is at work on it.

    Of a document that was deleted it is kept without its body, which holds the document's text.
    """
    attributes = delivery.attributes
    subscription = attributes.get(_SUBSCRIPTION, "")
    attempts = count_attribute(attributes, _COUNT) or 0
    error = AiInfraError(
        "UNDELIVERABLE", f"The message was given up after {attempts} attempts of {subscription or 'its subscription'}."
    )
    document_id, job_id = uuid_attribute(attributes, "document_id"), uuid_attribute(attributes, "job_id")
    failed_at: Stage | None = None
    with database.transaction() as transaction:
        document = None if document_id is None else transaction.documents.lock(document_id)
        job = None if job_id is None else transaction.jobs.lock(job_id)
        mattered = document_id is None or job_id is None
        if document is not None and job is not None and _waits(transaction, document, job, attributes):
            mattered = True
            failed_at = _STAGES.get(subscription, Stage.REGISTERED)
            if failed_at is Stage.RECORD and _was_never_visible(transaction, job.id, attributes):
                error = AiInfraError(
                    "NOT_VISIBLE",
                    f"The vector index did not show all of the document's vectors, in {attempts} attempts after the"
                    " longest wait: some may have been lost. Process the document again.",
                )
            transaction.jobs.fail(
                job.id, stage=failed_at, reason=error.reason, message=error.message, retryable=True, attempts=attempts
            )
        kept = failed_message(
            _as_sent(delivery),
            topic=TOPICS.get(subscription),
            error=error,
            resolution=None if mattered else "Nothing waits for it any more.",
            attempts=attempts,
        )
        if document is not None and _is_deleted(document, job):
            kept = replace(kept, data=b"")
        transaction.operations.keep_failed(kept)
    if failed_at is not None:
        log_failed_job(failed_at, error, retryable=True)
    _log_kept(error, subscription, mattered=mattered)


def _log_kept(error: AiInfraError, subscription: str, *, mattered: bool) -> None:
    fields = {"event": "dead_letter_kept", "subscription": subscription, "reason": error.reason, "mattered": mattered}
    log.log(logging.ERROR if mattered else logging.INFO, "Kept: %s", error, extra=fields)


def _as_sent(delivery: Delivery) -> Delivery:
    """The delivery under the subscription that gave it up, where its attributes tell."""
    project, name = (delivery.attributes.get(key) for key in (_PROJECT, _SUBSCRIPTION))
    return replace(delivery, subscription=f"projects/{project}/subscriptions/{name}") if project and name else delivery


def _is_deleted(document: Document, job: Job | None) -> bool:
    return not document.living or (job is not None and document.is_deleted(job.generation))


def _waits(transaction: Transaction, document: Document, job: Job, attributes: Mapping[str, str]) -> bool:
    """True if the job is wanted and unfinished, nobody is at work on it, and it waits for this message."""
    if job.status.finished or job.leased or not document.wants(job.id):
        return False
    index = count_attribute(attributes, "batch_index")
    return index is None or _batch_waits(transaction, job.id, index)


def _batch_waits(transaction: Transaction, job_id: UUID, index: int) -> bool:
    """True if the batch is not recorded, or if all are and the job only waits to go live."""
    batch = transaction.batches.lock(job_id, index)
    if batch is None or batch.leased:
        return False
    if batch.state is not BatchState.RECORDED:
        return True
    return _is_recorded(transaction, job_id)


def _was_never_visible(transaction: Transaction, job_id: UUID, attributes: Mapping[str, str]) -> bool:
    """True if all that the job still waited for was to see its vectors, and its message was put off for that."""
    return bool(count_attribute(attributes, DEFERRALS)) and _is_recorded(transaction, job_id)


def _is_recorded(transaction: Transaction, job_id: UUID) -> bool:
    return all(batch.state is BatchState.RECORDED for batch in transaction.batches.of_job(job_id))
