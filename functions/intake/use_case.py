"""Intake: an object landed in the bucket; give it its document and its job, or keep it as unrouted."""

from __future__ import annotations

import logging

from common.database import Database, Transaction, Unrouted
from common.messages import DocumentRegistered
from common.model import JobSettings, Route, StoredObject
from common.ports import Publisher
from common.registration import register

log = logging.getLogger(__name__)


def take_in(stored: StoredObject, *, database: Database, publisher: Publisher, default: JobSettings) -> None:
    """Register the object's generation and send its document on its way; once or often, the end is the same."""
    if stored.name.endswith("/"):
        return
    with database.transaction() as transaction:
        message = _register(transaction, stored, default)
    if message is not None:
        publisher.publish([message])


def _register(transaction: Transaction, stored: StoredObject, default: JobSettings) -> DocumentRegistered | None:
    route = _route(transaction, stored.name)
    if isinstance(route, Unrouted):
        if not transaction.documents.of_object(stored.bucket, stored.name):
            log.warning("%s is unrouted: %s", stored.uri, route.message)
            transaction.operations.keep_unrouted(stored, route)
        return None
    transaction.operations.forget_unrouted(stored.bucket, stored.name, stored.generation)
    if transaction.documents.known_elsewhere(stored, route.project_id):
        log.info("%s #%d belongs to another project already", stored.uri, stored.generation)
        return None
    return register(transaction, stored, route, default)


def _route(transaction: Transaction, name: str) -> Route | Unrouted:
    team, _, rest = name.partition("/")
    project, _, path = rest.partition("/")
    if not (team and project and path):
        return Unrouted("NO_PROJECT_IN_NAME", "An object's name has to be TEAM/PROJECT/any/path: move the object.")
    return transaction.documents.route(team, project)
