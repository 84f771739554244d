"""Processing a document again from its object: for its team over the API, and for operators."""

from __future__ import annotations

from common.database import Transaction
from common.messages import DocumentRegistered
from common.model.documents import Document, JobSettings, ProjectSettings, StoredObject
from common.registration import document_registered, job_settings


def open_next_run(
    transaction: Transaction, document: Document, project: ProjectSettings, default: JobSettings, *, replays: int = 0
) -> DocumentRegistered:
    """Open another job of the living, locked document's newest generation, with its project's settings of now.

    Until it is live, the old answers. Returns what to publish once this is committed; `replays` as for `JobRows.open`.
    """
    settings = job_settings(project, default)
    stored = StoredObject(document.bucket, document.object_name, document.generation, document.size or 0)
    run = transaction.jobs.next_run(document.id, document.generation)
    opened = transaction.jobs.open(document, stored, run, settings, replays=replays)
    return document_registered(document, opened, document.generation, settings)
