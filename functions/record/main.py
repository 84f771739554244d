"""Entry point of `record`: `batch-embedded` messages."""

from __future__ import annotations

import flask
import functions_framework

from common.bootstrap import starting
from common.delivery import Delivery, Response, decode_message
from common.messages import BatchEmbedded
from functions.record.use_case import RecordBatch

with starting() as app:
    receiver = app.receiver
    record_batch = RecordBatch(database=app.database, index=app.index, texts=app.texts, publisher=app.publisher)


def work(delivery: Delivery) -> None:
    record_batch(decode_message(BatchEmbedded, delivery))


@functions_framework.http
def main(request: flask.Request) -> Response:
    return receiver.receive(request.get_data(), work, topic=BatchEmbedded.topic)
