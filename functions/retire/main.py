"""Entry point of `retire`: OBJECT_DELETE notifications of the upload bucket, and `document-retired` messages."""

from __future__ import annotations

import flask
import functions_framework

from common import notifications
from common.bootstrap import application
from common.delivery import Delivery, Response, decode_message
from common.messages import DocumentRetired
from functions.retire.use_case import PurgeDocument, RetireObject

app = application()
retire_object = RetireObject(database=app.database, publisher=app.publisher)
purge_document = PurgeDocument(
    database=app.database,
    index=app.index,
    texts=app.texts,
    objects=app.objects,
    extraction_bucket=app.settings.extraction_bucket,
    grace_seconds=app.settings.purge_grace_seconds,
)


def work(delivery: Delivery) -> None:
    if "eventType" in delivery.attributes:
        retire_object(notifications.decode(delivery.data, delivery.attributes).stored)
    else:
        purge_document(decode_message(DocumentRetired, delivery))


@functions_framework.http
def main(request: flask.Request) -> Response:
    return app.receiver.receive(request.get_data(), work, topic=DocumentRetired.topic)
