"""Entry point of `record`: `batch-embedded` messages."""

from __future__ import annotations

import flask
import functions_framework

from common.bootstrap import starting
from common.delivery import Delivery, Response, decode_message
from common.messages import BatchEmbedded, DocumentRetired
from common.preflight import INDEX_READS, INDEX_WRITES, PIPELINE_DATABASE, TEXT_WRITES, publishes
from functions.record.use_case import RecordBatch

CHECKS = (
    PIPELINE_DATABASE,
    INDEX_READS,
    INDEX_WRITES,
    TEXT_WRITES,
    publishes(BatchEmbedded.topic, DocumentRetired.topic),
)

with starting(*CHECKS, function="record") as app:
    receiver = app.receiver
    record_batch = RecordBatch(database=app.database, index=app.index, texts=app.texts, publisher=app.publisher)


def work(delivery: Delivery) -> None:
    record_batch(decode_message(BatchEmbedded, delivery))


@functions_framework.http
def main(request: flask.Request) -> Response:
    return receiver.receive(request.get_data(), work, topic=BatchEmbedded.topic)
