"""Dead letter: keep what could not be delivered, and fail its job if that still waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from common.database import Database, Transaction
from common.delivery import Delivery, count_attribute, failed_message, uuid_attribute
from common.errors import AiInfraError
from common.model import BatchState, Stage

# https://cloud.google.com/pubsub/docs/handling-failures#track_delivery_attempts
_SUBSCRIPTION = "CloudPubSubDeadLetterSourceSubscription"
_COUNT = "CloudPubSubDeadLetterSourceDeliveryCount"

_STAGES = {"chunk": Stage.CHUNK, "embed": Stage.EMBED, "record": Stage.RECORD}


def keep_dead_letter(delivery: Delivery, *, database: Database) -> None:
    """Keep the message; fail its job if the job is wanted, unfinished and nobody is at work on it."""
    attributes = delivery.attributes
    subscription = attributes.get(_SUBSCRIPTION, "")
    attempts = count_attribute(attributes, _COUNT) or 0
    error = AiInfraError(
        "UNDELIVERABLE", f"The message was given up after {attempts} attempts of {subscription or 'its subscription'}."
    )
    with database.transaction() as transaction:
        mattered = _fail_job(transaction, attributes, subscription, error, attempts)
        resolution = None if mattered else "Nothing waits for it any more."
        transaction.operations.keep_failed(
            failed_message(delivery, topic=None, error=error, resolution=resolution, attempts=attempts)
        )


def _fail_job(
    transaction: Transaction, attributes: Mapping[str, str], subscription: str, error: AiInfraError, attempts: int
) -> bool:
    """True if the message still mattered: its job failed with it, or it is not about a job."""
    document_id, job_id = uuid_attribute(attributes, "document_id"), uuid_attribute(attributes, "job_id")
    if document_id is None or job_id is None:
        return True
    document, job = transaction.documents.lock(document_id), transaction.jobs.lock(job_id)
    if document is None or job is None or job.status.finished or not document.wants(job_id) or job.leased:
        return False
    index = count_attribute(attributes, "batch_index")
    if index is not None and not _batch_waits(transaction, job_id, index):
        return False
    stage = _STAGES.get(subscription, Stage.REGISTERED)
    transaction.jobs.fail(
        job_id, stage=stage, reason=error.reason, message=error.message, retryable=True, attempts=attempts
    )
    return True


def _batch_waits(transaction: Transaction, job_id: UUID, index: int) -> bool:
    """True if the batch is not recorded, or if all are and the job only waits to go live."""
    batch = transaction.batches.lock(job_id, index)
    if batch is None or batch.leased:
        return False
    if batch.state is not BatchState.RECORDED:
        return True
    return all(each.state is BatchState.RECORDED for each in transaction.batches.of_job(job_id))
