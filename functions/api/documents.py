"""Documents: list, read, delete, reprocess."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import flask
import msgspec

from common import split_store, telemetry
from common.api_keys import READ, WRITE, ApiKey
from common.catalog import DocumentRecord, TeamTransaction
from common.messages import DocumentRetired
from common.model.documents import DeletionCause, DocumentStatus, deletion_id
from common.model.questions import Scope
from common.reprocessing import open_next_run
from functions.api.context import ApiContext, answer, identifier, project_of
from functions.api.errors import ApiError, invalid, not_found
from functions.api.idempotency import once
from functions.api.metadata import wanted
from functions.api.paging import decode_token, encode_token, listed, page_size


def visible_document(transaction: TeamTransaction, key: ApiKey, document: str) -> DocumentRecord:
    """The document that an address names; 404 if the key may not see one."""
    record = transaction.catalog.document(identifier("document", document))
    if record is None or key.project_id not in {None, record.project_id}:
        raise not_found("document", document)
    telemetry.bind(document_id=record.id)
    return record


class Documents:
    """The use cases of the documents' routes."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def delete(self, key: ApiKey, document: str) -> dict[str, Any]:
        """Take the document out of answers, then delete its object; what it left is purged behind it."""
        with self._context.database.transaction(key.team_id) as transaction:
            record = visible_document(transaction, key, document)
            locked = transaction.documents.lock(record.id)
            if locked is None:
                raise not_found("document", document)
            transaction.documents.delete(record.id, locked.generation, DeletionCause.API)
            receipt = transaction.catalog.deletion(deletion_id(record.id, locked.generation))
        self._context.objects.delete(record.bucket, record.object_name, locked.generation)
        self._context.publisher.publish([DocumentRetired(team_id=key.team_id, document_id=record.id)])
        return {"id": record.id, "status": "deleted", "deletion": receipt}

    def reprocess(self, key: ApiKey, document: str) -> Any:
        """Open another job for the newest generation; until it is live, the old answers."""
        with self._context.database.transaction(key.team_id) as transaction:
            record = visible_document(transaction, key, document)
            locked = transaction.documents.lock(record.id)
            if locked is None or not locked.living:
                raise not_found("document", document)
            project = project_of(transaction, key, str(record.project_id))
            message = open_next_run(transaction, locked, project.settings, self._context.job_settings)
            opened = transaction.catalog.job(message.job_id)
        self._context.publisher.publish([message])
        return opened[0] if opened else None

    def text(self, key: ApiKey, document: str) -> dict[str, Any]:
        """The extracted text that citations' offsets point into."""
        with self._context.database.transaction(key.team_id) as transaction:
            record = visible_document(transaction, key, document)
        job_id = _live_job(record)
        split = split_store.read(self._context.objects, self._context.settings.extraction_bucket, job_id)
        if split is None:
            raise ApiError(409, "DOCUMENT_CHANGED", "The document has just changed: ask again.")
        return {
            "document_id": record.id,
            "job_id": job_id,
            "text": split.extraction.text,
            "page_starts": split.extraction.page_starts,
        }

    def chunks(self, key: ApiKey, document: str) -> dict[str, Any]:
        """One page of the live chunks, with their texts."""
        size = page_size(flask.request, self._context.settings.max_page_size)
        token = decode_token(flask.request.args.get("page_token", ""), tuple[UUID, int])
        with self._context.database.transaction(key.team_id) as transaction:
            record = visible_document(transaction, key, document)
            job_id = _live_job(record)
            if token is not None and token[0] != job_id:
                raise ApiError(409, "DOCUMENT_CHANGED", "The document has changed meanwhile: list its chunks anew.")
            found = transaction.catalog.chunks(record.id, token[1] if token else -1, size + 1)
        shown = found[:size]
        texts = self._context.texts.get(Scope(key.team_id, record.project_id), [chunk.id for chunk in shown])
        return {
            "chunks": [{**msgspec.structs.asdict(chunk), "text": texts.get(chunk.id)} for chunk in shown],
            "next_page_token": encode_token((job_id, shown[-1].index)) if len(found) > size else "",
        }


def _live_job(record: DocumentRecord) -> UUID:
    if record.active_job_id is None:
        raise ApiError(409, "DOCUMENT_NOT_READY", f"The document is {record.status}: it has no text yet.")
    return record.active_job_id


def _status() -> DocumentStatus | None:
    text = flask.request.args.get("status", "")
    if not text:
        return None
    if text not in set(DocumentStatus):
        raise invalid("status", f"status has to be one of {', '.join(DocumentStatus)}.")
    return DocumentStatus(text)


def document_routes(context: ApiContext) -> flask.Blueprint:
    """`/v1/documents` and the documents of a project."""
    routes = flask.Blueprint("documents", __name__)
    documents = Documents(context)

    @routes.get("/v1/projects/<project>/documents")
    def _list(project: str) -> flask.Response:
        key = context.key(READ)
        with context.database.transaction(key.team_id) as transaction:
            record = project_of(transaction, key, project)
            status, metadata = _status(), wanted(flask.request.args.get("filter", ""))
            return answer(
                listed(
                    flask.request,
                    context.settings.max_page_size,
                    "documents",
                    lambda page: transaction.catalog.documents(record.id, status, metadata, page),
                )
            )

    @routes.get("/v1/documents/<document>")
    def _get(document: str) -> flask.Response:
        key = context.key(READ)
        with context.database.transaction(key.team_id) as transaction:
            return answer(visible_document(transaction, key, document))

    @routes.delete("/v1/documents/<document>")
    def _delete(document: str) -> flask.Response:
        key = context.key(WRITE)
        return once(context.database, key, lambda: (documents.delete(key, document), 202))

    @routes.post("/v1/documents/<document>:reprocess")
    def _reprocess(document: str) -> flask.Response:
        key = context.key(WRITE)
        return once(context.database, key, lambda: (documents.reprocess(key, document), 202))

    @routes.get("/v1/documents/<document>/text")
    def _text(document: str) -> flask.Response:
        return answer(documents.text(context.key(READ), document))

    @routes.get("/v1/documents/<document>/chunks")
    def _chunks(document: str) -> flask.Response:
        return answer(documents.chunks(context.key(READ), document))

    return routes
