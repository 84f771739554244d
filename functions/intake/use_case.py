"""Intake: an object landed in the bucket; give it its document and its job, or keep it as unrouted."""

from __future__ import annotations

import logging

from common import tracing
from common.database import Database, Transaction, Unrouted
from common.model.documents import JobSettings, StoredObject
from common.ports import Publisher
from common.registration import Registered, register, route, stored_trace

log = logging.getLogger(__name__)


def take_in(stored: StoredObject, *, database: Database, publisher: Publisher, default: JobSettings) -> None:
    """Register the object's generation and send its document on its way; once or often, the end is the same."""
    if stored.is_folder:
        return
    tracing.bind(stored_trace(stored))
    with database.transaction() as transaction:
        registered = _register(transaction, stored, default)
    if registered is not None:
        registered.log()
        publisher.publish([registered.message])


def _register(transaction: Transaction, stored: StoredObject, default: JobSettings) -> Registered | None:
    found = route(transaction, stored.name)
    if isinstance(found, Unrouted):
        if not transaction.documents.known_elsewhere(stored, None):
            fields = {"event": "object_unrouted", "reason": found.reason}
            log.warning("%s is unrouted: %s", stored.uri, found.message, extra=fields)
            transaction.operations.keep_unrouted(stored, found)
        return None
    transaction.operations.forget_unrouted(stored.bucket, stored.name, stored.generation)
    if transaction.documents.known_elsewhere(stored, found.project_id):
        log.info("%s #%d belongs to another project already", stored.uri, stored.generation)
        return None
    return register(transaction, stored, found, default)
