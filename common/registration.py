"""From an object that landed to a document with a job: shared by every way in."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID

from common import tracing
from common.database import Transaction, Unrouted
from common.messages import DocumentRegistered
from common.model.documents import Document, JobSettings, ProjectSettings, Route, SourceType, StoredObject, job_id
from common.tracing import TRACEPARENT, Trace

log = logging.getLogger(__name__)

# What a way in notes on the object that it writes.
SOURCE_TYPE = "source-type"
TITLE = "title"
SOURCE_URL = "source-url"
ANSWERED_URL = "answered-url"
ETAG = "etag"
LAST_MODIFIED = "last-modified"
NOTED = frozenset({SOURCE_TYPE, TITLE, SOURCE_URL, ANSWERED_URL, ETAG, LAST_MODIFIED, TRACEPARENT})


@dataclass(frozen=True, slots=True)
class Registered:
    """What to publish for an object's generation, once its rows are committed; `new` if they were not there before."""

    message: DocumentRegistered
    size: int
    new: bool

    def log(self) -> None:
        """Say so, behind the commit; what was said before is no news."""
        if self.new:
            fields = {
                "event": "object_registered",
                "team_id": self.message.team_id,
                "document_id": self.message.document_id,
                "job_id": self.message.job_id,
                "size": self.size,
            }
            log.info("Registered gs://%s/%s", self.message.bucket, self.message.object_name, extra=fields)


def object_trace(bucket: str, name: str, generation: int) -> Trace:
    """The trace of this generation's way: named by it, so that whatever sends it on its way again goes on with it."""
    return tracing.named(f"{bucket}/{name}#{generation}")


def stored_trace(stored: StoredObject) -> Trace:
    """The trace of the object's way: the one that whoever uploaded it noted on it, else its generation's own."""
    noted = tracing.parsed(stored.metadata.get(TRACEPARENT, ""))
    return noted or object_trace(stored.bucket, stored.name, stored.generation)


def job_settings(project: ProjectSettings, default: JobSettings) -> JobSettings:
    """How a project's job splits and embeds: its own settings where it has any."""
    return JobSettings(
        chunk_size=project.chunk_size or default.chunk_size,
        chunk_overlap=default.chunk_overlap if project.chunk_overlap is None else project.chunk_overlap,
        embedding_model=default.embedding_model,
    )


def source_type(stored: StoredObject) -> SourceType:
    """How the object came in, as the way in noted it on the object."""
    noted = stored.metadata.get(SOURCE_TYPE, "")
    return SourceType(noted) if noted in set(SourceType) else SourceType.UPLOAD


def title(stored: StoredObject) -> str:
    """The document's title: as the way in noted it, else the last part of the object's name."""
    return stored.metadata.get(TITLE) or stored.name.rsplit("/", 1)[-1]


def custom_metadata(stored: StoredObject) -> dict[str, str]:
    """The object's own metadata: what its owner noted on it, without what a way in did."""
    return {name: value for name, value in stored.metadata.items() if name not in NOTED}


def described(stored: StoredObject) -> dict[str, str]:
    """What a reader knows the object by: its own metadata, and the title if one was noted."""
    return custom_metadata(stored) | {name: value for name, value in stored.metadata.items() if name == TITLE}


def route(transaction: Transaction, object_name: str) -> Route | Unrouted:
    """The living team and project that an object's name leads to."""
    team, _, rest = object_name.partition("/")
    project, _, path = rest.partition("/")
    if not (team and project and path):
        return Unrouted("NO_PROJECT_IN_NAME", "An object's name has to be TEAM/PROJECT/any/path: move the object.")
    return transaction.documents.route(team, project)


def document_registered(document: Document, job: UUID, generation: int, settings: JobSettings) -> DocumentRegistered:
    """What sends a job of this generation of the document on its way."""
    return DocumentRegistered(
        team_id=document.team_id,
        project_id=document.project_id,
        document_id=document.id,
        job_id=job,
        settings=settings,
        bucket=document.bucket,
        object_name=document.object_name,
        generation=generation,
    )


def register(transaction: Transaction, stored: StoredObject, route: Route, default: JobSettings) -> Registered | None:
    """Write the rows of an object's generation; return what to log and publish once they are committed.

    None where there is nothing to do: an older generation, a deleted one, or one whose job is finished.
    """
    settings = job_settings(route.settings, default)
    document = transaction.documents.lock_or_create(route, stored, source_type(stored), title(stored))
    if document.is_deleted(stored.generation) or stored.generation < document.generation:
        return None
    new = stored.generation > document.generation
    if new:
        _note_origin(transaction, document, stored)
        identity = transaction.jobs.open(document, stored, 1, settings)
    else:
        identity = document.wanted_job_id or job_id(document.id, stored.generation, 1)
        job = transaction.jobs.lock(identity)
        if job is None or job.status.finished:
            return None
        settings = job.settings
    return Registered(document_registered(document, identity, stored.generation, settings), stored.size, new)


def _note_origin(transaction: Transaction, document: Document, stored: StoredObject) -> None:
    source_url, metadata = stored.metadata.get(SOURCE_URL), custom_metadata(stored)
    if document.generation or source_url or metadata:
        transaction.documents.note_origin(document.id, title=title(stored), source_url=source_url, metadata=metadata)
