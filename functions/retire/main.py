"""Entry point of `retire`: OBJECT_DELETE notifications of the upload bucket, and `document-retired` messages."""

from __future__ import annotations

from functools import cache

import flask
import functions_framework

from common import notifications
from common.bootstrap import starting
from common.delivery import Delivery, Response, decode_message
from common.messages import DocumentRetired
from common.preflight import (
    EXTRACTIONS,
    INDEX_READS,
    INDEX_WRITES,
    PIPELINE_DATABASE,
    TEXT_WRITES,
    UPLOADS,
    publishes,
)
from functions.retire.confirmation import ConfirmDeletions
from functions.retire.use_case import PurgeDocument, RetireObject

CHECKS = (
    PIPELINE_DATABASE,
    UPLOADS,
    EXTRACTIONS,
    INDEX_READS,
    INDEX_WRITES,
    TEXT_WRITES,
    publishes(DocumentRetired.topic),
)

with starting(*CHECKS, function="retire") as app:
    receiver = app.receiver


@cache
def retire_object() -> RetireObject:
    """Made when the first object is deleted."""
    return RetireObject(database=app.database, publisher=app.publisher)


@cache
def purge_document() -> PurgeDocument:
    """Made when the first document is retired: a notification needs neither index nor texts nor storage."""
    return PurgeDocument(
        database=app.database,
        index=app.index,
        texts=app.texts,
        objects=app.objects,
        publisher=app.publisher,
        extraction_bucket=app.settings.extraction_bucket,
        grace_seconds=app.settings.purge_grace_seconds,
        repeat_seconds=app.settings.purge_repeat_seconds,
        retention_seconds=app.settings.message_retention_seconds,
        confirm_deletions=ConfirmDeletions(
            database=app.database,
            index=app.index,
            texts=app.texts,
            objects=app.objects,
            upload_bucket=app.settings.upload_bucket,
            extraction_bucket=app.settings.extraction_bucket,
        ),
    )


def work(delivery: Delivery) -> None:
    if "eventType" in delivery.attributes:
        retire_object()(notifications.decode(delivery.data, delivery.attributes).stored)
    else:
        purge_document()(decode_message(DocumentRetired, delivery))


@functions_framework.http
def main(request: flask.Request) -> Response:
    return receiver.receive(request.get_data(), work, topic=DocumentRetired.topic)
