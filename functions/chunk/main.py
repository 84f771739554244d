"""Entry point of `chunk`: `document-registered` messages."""

from __future__ import annotations

import flask
import functions_framework

from common.bootstrap import starting
from common.delivery import Delivery, Response, decode_message
from common.extraction import ExtractionLimits
from common.messages import ChunkBatch, DocumentRegistered
from common.preflight import EXTRACTIONS, PIPELINE_DATABASE, UPLOADS, publishes
from functions.chunk.long_documents import ReadInSteps
from functions.chunk.use_case import ChunkDocument

with starting(
    PIPELINE_DATABASE, UPLOADS, EXTRACTIONS, publishes(ChunkBatch.topic, DocumentRegistered.topic), function="chunk"
) as app:
    receiver = app.receiver
    chunk_document = ChunkDocument(
        database=app.database,
        objects=app.objects,
        publisher=app.publisher,
        read=ReadInSteps(
            objects=app.objects,
            extractor=app.extractor,
            extraction_bucket=app.settings.extraction_bucket,
            limits=ExtractionLimits(
                pages=app.settings.max_document_pages,
                characters=app.settings.max_document_characters,
                markup_bytes=app.settings.max_document_markup_bytes,
                decompressed_bytes=app.settings.max_document_decompressed_bytes,
                compression_ratio=app.settings.max_document_compression_ratio,
                parts=app.settings.max_document_parts,
                depth=app.settings.max_document_depth,
            ),
            step_seconds=app.settings.extraction_step_seconds,
        ),
        tokenizer=app.tokenizer,
        extraction_bucket=app.settings.extraction_bucket,
        max_bytes=app.settings.max_document_bytes,
        batch_size=app.settings.batch_size,
        lease_seconds=app.settings.lease_seconds,
    )


def work(delivery: Delivery) -> None:
    chunk_document(decode_message(DocumentRegistered, delivery))


@functions_framework.http
def main(request: flask.Request) -> Response:
    return receiver.receive(request.get_data(), work, topic=DocumentRegistered.topic)
