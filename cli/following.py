"""Following jobs, documents and deletions until nothing more happens to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from cli.api import Api, ApiFailure, Json
from cli.progress import Show
from common.errors import Retryable
from common.model.documents import DocumentStatus, JobStatus, Stage
from common.model.fetches import FetchStatus

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 2.0
# Passing failures in a row that are waited out, once the first look has succeeded.
_PATIENCE = 15
# From an object's end of upload to its document: a notification and an instance that starts.
REGISTRATION_SECONDS = 120.0
_FINISHED = frozenset({DocumentStatus.READY, DocumentStatus.FAILED})


def follow_job(api: Api, job: str, show: Show) -> Json:
    """The job once it is finished."""
    for seen in _looks(lambda: api.job(job)):
        show(f"job {job}", _stage(seen), seen["progress"])
        if JobStatus(seen["status"]).finished:
            return seen
    raise AssertionError("looks end by an exception alone")


def follow_document(
    api: Api, document: str, show: Show, *, generation: int, name: str, within: float = REGISTRATION_SECONDS
) -> Json:
    """The document once this generation of it, or a newer one, is ready or failed.

    Raises `Retryable` (NOT_REGISTERED) if there is no such document `within` seconds.
    """
    deadline = time.monotonic() + within
    for seen in _looks(lambda: _document(api, document)):
        if seen.get("generation", 0) >= generation:
            if seen["status"] in _FINISHED:
                show(name, seen["status"], 1.0)
                return seen
            job = api.job(seen["job_id"])
            show(name, _stage(job), job["progress"])
        elif time.monotonic() > deadline:
            raise Retryable(
                "NOT_REGISTERED",
                f"{name} is in the bucket, but was not registered within {within:g} s: the bucket's notifications do"
                " not arrive. Once they do, or with the next reconciliation, it is.",
            )
        else:
            show(name, "uploaded", 0.0)
    raise AssertionError("looks end by an exception alone")


def follow_fetch(api: Api, fetch: str, show: Show) -> Json:
    """The fetch of a web address once it has come to its end."""
    for seen in _looks(lambda: api.fetch(fetch)):
        ended = seen["status"] != FetchStatus.QUEUED
        show(seen["url"], seen["status"], float(ended))
        if ended:
            return seen
    raise AssertionError("looks end by an exception alone")


def follow_deletion(api: Api, deletion: str, show: Show) -> Json:
    """The receipt once it is complete."""
    for seen in _looks(lambda: api.deletion(deletion)):
        complete = seen["completed_at"] is not None
        show(f"deletion {deletion}", seen["status"], float(complete))
        if complete:
            return seen
    raise AssertionError("looks end by an exception alone")


def _document(api: Api, document: str) -> Json:
    """The document, or nothing as long as it is not registered."""
    try:
        return api.document(document)
    except ApiFailure as failure:
        if failure.reason != "DOCUMENT_NOT_FOUND":
            raise
        return {}


def _stage(job: Json) -> str:
    """Where the job stands; while a long document is read, at which of its pages."""
    if job["status"] != JobStatus.RUNNING:
        return str(job["status"])
    if job["stage"] == Stage.CHUNK and job["pages_read"]:
        return f"{job['stage']}, page {job['pages_read']} of {job['pages']}"
    return str(job["stage"])


def _looks(look: Callable[[], Json]) -> Iterator[Json]:
    """What each look finds, with a pause between two that grows to seconds."""
    pause, patience = _FIRST_PAUSE_SECONDS, 0
    while True:
        try:
            found = look()
        except ApiFailure as failure:
            if not failure.passing or patience == 0:
                raise
            patience -= 1
        else:
            patience = _PATIENCE
            yield found
        time.sleep(pause)
        pause = min(1.5 * pause, _LONGEST_PAUSE_SECONDS)
