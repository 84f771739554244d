"""Ways in: a text, a web address, a file that is sent past the API. Each becomes an object in the bucket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

import flask
import msgspec

from common import names, tracing, web_addresses
from common.api_keys import READ, WRITE, ApiKey
from common.catalog import DocumentRecord, FetchRecord
from common.errors import AiInfraError
from common.messages import url_requested
from common.model.documents import Route, SourceType, document_id
from common.model.fetches import Fetch, object_name
from common.registration import SOURCE_TYPE, TITLE, register
from common.tracing import TRACEPARENT
from functions.api.context import ApiContext, answer, body, identifier, project_of
from functions.api.documents import visible_document
from functions.api.errors import ApiError, invalid, not_found
from functions.api.idempotency import once
from functions.api.metadata import Metadata, Title, noted
from functions.api.paging import listed

# https://cloud.google.com/storage/docs/resumable-uploads#introduction
SESSION_LIFE = timedelta(days=7)


class NewDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document created from text."""

    title: Title
    text: Annotated[str, msgspec.Meta(min_length=1)]
    metadata: Metadata = {}


class NewUrl(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document fetched from a web address."""

    url: Annotated[str, msgspec.Meta(min_length=1)]
    title: Title | None = None
    metadata: Metadata = {}


class NewUpload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that is to come: `name` is the path of its object in the project."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    size: Annotated[int, msgspec.Meta(ge=0)]
    content_type: Annotated[str, msgspec.Meta(pattern=r"\A[ -~]{1,255}\Z")] = "application/octet-stream"
    title: Title | None = None
    metadata: Metadata = {}


class _Told(msgspec.Struct, frozen=True):
    """By which of its fields a new document tells what it is made of."""

    url: msgspec.Raw = msgspec.Raw()


class WaysIn:
    """The use cases of what brings documents in."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def create(self, key: ApiKey, project: str, new: NewDocument) -> DocumentRecord:
        """Put the text into the bucket as an object and register that, as its notification would."""
        metadata = noted(new.metadata)
        with self._context.database.transaction(key.team_id) as transaction:
            record = project_of(transaction, key, project)
        stored = self._context.objects.upload(
            self._context.settings.upload_bucket,
            f"{record.team_id}/{record.id}/manual/{uuid4()}.txt",
            new.text.encode("utf-8", "replace"),
            "text/plain; charset=utf-8",
            {**metadata, SOURCE_TYPE: SourceType.MANUAL.value, TITLE: new.title, **_trace()},
        )
        route = Route(record.team_id, record.id, record.settings)
        with self._context.database.transaction(key.team_id) as transaction:
            registered = register(transaction, stored, route, self._context.job_settings)
            document = transaction.documents.of_object(stored.bucket, stored.name)
            created = visible_document(transaction, key, str(document[0]))
        if registered is not None:
            registered.log()
            self._context.publisher.publish([registered.message])
        return created

    def request(self, key: ApiKey, project: str, new: NewUrl) -> FetchRecord:
        """Keep the request to fetch the address, and send it on its way; one that can be refused already is."""
        settings, metadata = self._context.settings, noted(new.metadata)
        address = web_addresses.parse(new.url, settings.url_ports)
        web_addresses.check_literal(address, settings.url_allowed_networks)
        with self._context.database.transaction(key.team_id) as transaction:
            record = project_of(transaction, key, project)
            name = object_name(record.team_id, record.id, address.url)
            fetch = Fetch(
                id=uuid4(),
                team_id=record.team_id,
                project_id=record.id,
                document_id=document_id(record.id, settings.upload_bucket, name),
                bucket=settings.upload_bucket,
                object_name=name,
                url=address.url,
                metadata={**metadata, **_title(new.title)},
            )
            transaction.fetches.open(fetch)
            requested = transaction.catalog.fetch(fetch.id)
        self._context.publisher.publish([url_requested(fetch)])
        if requested is None:
            raise not_found("fetch", fetch.id)
        return requested

    def upload(self, key: ApiKey, project: str, new: NewUpload) -> dict[str, Any]:
        """Open a resumable upload of the bucket, for whoever has no account there: a name, a size, a week."""
        settings, metadata = self._context.settings, noted(new.metadata)
        if new.size > settings.max_document_bytes:
            raise ApiError(
                400,
                "TOO_LARGE",
                f"A file may have {settings.max_document_bytes} bytes: make parts of it.",
                field="size",
            )
        with self._context.database.transaction(key.team_id) as transaction:
            record = project_of(transaction, key, project)
        prefix = f"{record.team}/{record.name}/"
        try:
            names.check_path(new.name, prefix)
        except AiInfraError as error:
            raise invalid("name", error.message) from None
        name = prefix + new.name
        now = datetime.now(UTC)
        noted_on_object = {**metadata, **_title(new.title), **_trace()}
        return {
            "upload_url": self._context.objects.open_upload(
                settings.upload_bucket, name, new.size, new.content_type, noted_on_object
            ),
            "expires_at": now + SESSION_LIFE,
            "bucket": settings.upload_bucket,
            "object_name": name,
            "size": new.size,
            "content_type": new.content_type,
            "document_id": document_id(record.id, settings.upload_bucket, name),
        }

    def fetch(self, key: ApiKey, fetch: str) -> FetchRecord:
        """A request to fetch an address; 404 if the key may not see it."""
        with self._context.database.transaction(key.team_id) as transaction:
            record = transaction.catalog.fetch(identifier("fetch", fetch))
        if record is None or key.project_id not in {None, record.project_id}:
            raise not_found("fetch", fetch)
        return record


def _title(title: str | None) -> dict[str, str]:
    return {} if title is None else {TITLE: title}


def _trace() -> dict[str, str]:
    """So that the object's notification goes on with the request's trace."""
    trace = tracing.current()
    return {} if trace is None else {TRACEPARENT: trace.traceparent}


def ways_in_routes(context: ApiContext) -> flask.Blueprint:
    """What creates documents in a project, and the fetches of web addresses."""
    routes = flask.Blueprint("ways_in", __name__)
    ways_in = WaysIn(context)

    @routes.post("/v1/projects/<project>/documents")
    def _create(project: str) -> flask.Response:
        key = context.key(WRITE)
        if bytes(body(_Told).url):
            url = body(NewUrl)
            return once(context.database, key, lambda: (ways_in.request(key, project, url), 202))
        new = body(NewDocument)
        return once(context.database, key, lambda: (ways_in.create(key, project, new), 202))

    # No idempotency key: it would keep the address, which is as good as a key, and a session not used leaves nothing.
    @routes.post("/v1/projects/<project>/documents:upload")
    def _upload(project: str) -> flask.Response:
        key = context.key(WRITE)
        return answer(ways_in.upload(key, project, body(NewUpload)))

    @routes.get("/v1/projects/<project>/fetches")
    def _list_fetches(project: str) -> flask.Response:
        key = context.key(READ)
        with context.database.transaction(key.team_id) as transaction:
            record = project_of(transaction, key, project)
            largest = context.settings.max_page_size
            found = listed(flask.request, largest, "fetches", lambda page: transaction.catalog.fetches(record.id, page))
        return answer(found)

    @routes.get("/v1/fetches/<fetch>")
    def _fetch(fetch: str) -> flask.Response:
        return answer(ways_in.fetch(context.key(READ), fetch))

    return routes
