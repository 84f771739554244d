"""Entry point of `embed`: `chunk-batch` messages."""

from __future__ import annotations

import flask
import functions_framework

from common.bootstrap import starting
from common.delivery import Delivery, Response, decode_message
from common.messages import BatchEmbedded, ChunkBatch
from common.preflight import EMBEDDER, INDEX_WRITES, PIPELINE_DATABASE, publishes
from functions.embed.use_case import EmbedBatch

with starting(
    PIPELINE_DATABASE, EMBEDDER, INDEX_WRITES, publishes(BatchEmbedded.topic, ChunkBatch.topic), function="embed"
) as app:
    receiver = app.receiver
    embed_batch = EmbedBatch(
        database=app.database,
        embedder=app.embedder,
        index=app.index,
        publisher=app.publisher,
        lease_seconds=app.settings.lease_seconds,
    )


def work(delivery: Delivery) -> None:
    embed_batch(decode_message(ChunkBatch, delivery))


@functions_framework.http
def main(request: flask.Request) -> Response:
    return receiver.receive(request.get_data(), work, topic=ChunkBatch.topic)
