"""What a job's failure does to the job, alike in every function that works on one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from common.database import Database
from common.errors import Permanent, Superseded
from common.messages import JobMessage
from common.model import Stage

log = logging.getLogger(__name__)


@contextmanager
def ending_job(database: Database, message: JobMessage, stage: Stage) -> Iterator[None]:
    """End the message's job when the block finds that it cannot succeed or is no longer wanted.

    Every other error passes: the message is delivered again.
    """
    try:
        yield
    except Permanent as error:
        log.warning("%s: %s", error.reason, error, extra={"job_id": str(message.job_id)})
        _end(database, message, stage, reason=error.reason, text=error.message, retryable=error.retryable)
    except Superseded as error:
        log.info("Superseded: %s", error, extra={"job_id": str(message.job_id)})
        _end(database, message, stage, reason=error.reason, text=error.message, retryable=False)


def _end(database: Database, message: JobMessage, stage: Stage, *, reason: str, text: str, retryable: bool) -> None:
    with database.transaction() as transaction:
        transaction.documents.lock(message.document_id)
        if transaction.jobs.lock(message.job_id) is not None:
            transaction.jobs.fail(message.job_id, stage=stage, reason=reason, message=text, retryable=retryable)
