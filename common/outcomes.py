"""Whether a job is still to be worked on and what its failure does to it, alike in every function that works on one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from common.database import Database, Transaction
from common.errors import AiInfraError, Finished, Permanent, Superseded
from common.messages import JobMessage
from common.model.documents import Document, Job, Stage

log = logging.getLogger(__name__)


@contextmanager
def ending_job(database: Database, message: JobMessage, stage: Stage) -> Iterator[None]:
    """End the message's job when the block finds that it cannot succeed or is no longer wanted.

    A job that has ended already is left as it is. Every other error passes: the message is delivered again.
    """
    try:
        yield
    except Finished as finished:
        log.debug("%s", finished)
    except Permanent as error:
        if _end(database, message, stage, reason=error.reason, text=error.message, retryable=error.retryable):
            log_failed_job(stage, error, retryable=error.retryable)
    except Superseded as error:
        if _end(database, message, stage, reason=error.reason, text=error.message, retryable=False):
            log.info("Superseded: %s", error, extra={"event": "job_superseded", "stage": stage})


def lock_wanted(transaction: Transaction, message: JobMessage) -> tuple[Document, Job]:
    """The message's document and job, locked; `Finished` if the job has ended, `Superseded` if it is not wanted."""
    document = transaction.documents.lock(message.document_id)
    job = transaction.jobs.lock(message.job_id)
    if document is None or job is None:
        raise AiInfraError("UNKNOWN_JOB", f"There is no job {message.job_id}.")
    if job.status.finished:
        raise Finished(f"Job {job.id} has {job.status} before.")
    if not document.wants(job.id):
        raise Superseded("Something newer is wanted of the document, or it was deleted.")
    return document, job


def log_failed_job(stage: Stage, error: AiInfraError, *, retryable: bool) -> None:
    """Say that the job that this work is about has failed, once that is committed."""
    fields = {"event": "job_failed", "stage": stage, "reason": error.reason, "retryable": retryable}
    log.warning("%s: %s", error.reason, error, extra=fields)


def _end(database: Database, message: JobMessage, stage: Stage, *, reason: str, text: str, retryable: bool) -> bool:
    """True if the job was unfinished until now."""
    with database.transaction() as transaction:
        transaction.documents.lock(message.document_id)
        if transaction.jobs.lock(message.job_id) is None:
            return False
        return transaction.jobs.fail(message.job_id, stage=stage, reason=reason, message=text, retryable=retryable)
