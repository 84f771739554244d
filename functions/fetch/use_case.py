"""Fetch: bring what is at a web address into the bucket, whose event does the rest."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from common import telemetry, tracing
from common.database import Database
from common.errors import URL_UNREACHABLE, AiInfraError, Deferred, Permanent, Retryable
from common.messages import UrlRequested
from common.model.documents import SourceType, StoredObject
from common.model.fetches import Fetch, Fetched, FetchStatus, Validators
from common.ports import ObjectStore, WebFetcher
from common.registration import ANSWERED_URL, ETAG, LAST_MODIFIED, SOURCE_TYPE, SOURCE_URL, TITLE, described
from common.tracing import TRACEPARENT

log = logging.getLogger(__name__)

# At a site that does not answer, within some minutes: whoever asked for its address waits.
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchUrl:
    """The use case, on its ports. A request that comes twice is asked of the site twice at most, and ends alike."""

    database: Database
    objects: ObjectStore
    web: WebFetcher

    def __call__(self, message: UrlRequested) -> None:
        """Fetch the address of the request, unless that has ended. What cannot be had ends it with the reason."""
        with self.database.transaction() as transaction:
            fetch = transaction.fetches.find(message.fetch_id)
        if fetch is None:
            raise AiInfraError("UNKNOWN_FETCH", f"There is no fetch {message.fetch_id}.")
        if fetch.finished:
            log.debug("Fetch %s is %s before", fetch.id, fetch.status)
            return
        telemetry.bind(document_id=fetch.document_id)
        try:
            status, stored = self._bring(fetch)
        except Permanent as error:
            self._fail(fetch, error, retryable=False)
        except Retryable as error:
            self._try_again(fetch, error)
        else:
            self._end(fetch, status, stored)

    def _bring(self, fetch: Fetch) -> tuple[FetchStatus, StoredObject]:
        if not fetch.project_living:
            raise Permanent("PROJECT_DELETED", "The project was deleted before the address was fetched.")
        known = self.objects.find(fetch.bucket, fetch.object_name)
        told = _told(fetch, known)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "object"
            fetched = self.web.fetch(fetch.url, path, _validators(known, told))
            if fetched is None and known is not None:
                return FetchStatus.UNCHANGED, known
            assert fetched is not None  # noqa: S101 - only of what is known a site says that it is unchanged
            return FetchStatus.FETCHED, self._store(fetch, {**told, **_noted(fetch, fetched)}, fetched, path)

    def _store(self, fetch: Fetch, metadata: Mapping[str, str], fetched: Fetched, path: Path) -> StoredObject:
        try:
            return self.objects.upload_file(fetch.bucket, fetch.object_name, path, fetched.content_type, metadata)
        except Permanent as error:  # of the bucket, not of the address: a setting or role that a person mends
            raise Retryable(error.reason, error.message) from error

    def _end(self, fetch: Fetch, status: FetchStatus, stored: StoredObject) -> None:
        with self.database.transaction() as transaction:
            ended = transaction.fetches.end(fetch.id, status, stored.generation)
        if ended:
            fields = {"event": "url_fetched", "status": status, "size": stored.size}
            log.info("%s is %s", fetch.url, status, extra=fields)

    def _try_again(self, fetch: Fetch, error: Retryable) -> None:
        """Let the message come again: as a failure of the installation's, or a while later if it is the site's."""
        with self.database.transaction() as transaction:
            attempts = transaction.fetches.note(fetch.id, error)
        if error.reason != URL_UNREACHABLE:
            raise error
        if 0 < attempts < ATTEMPTS:
            raise Deferred(error.reason, error.message, wait_seconds=FIRST_WAIT_SECONDS * 2 ** (attempts - 1))
        self._fail(fetch, error, retryable=True)

    def _fail(self, fetch: Fetch, error: AiInfraError, *, retryable: bool) -> None:
        with self.database.transaction() as transaction:
            failed = transaction.fetches.fail(fetch.id, error, retryable=retryable)
        if failed:
            fields = {"event": "url_failed", "reason": error.reason}
            log.warning("%s: %s", error.reason, error, extra=fields)


def _told(fetch: Fetch, known: StoredObject | None) -> Mapping[str, str]:
    """Title and metadata as the request tells them; a title, or any metadata, that it does not tell stays as it was."""
    before = {} if known is None else described(known)
    title = {TITLE: before[TITLE]} if TITLE in before else {}
    metadata = {} if fetch.metadata.keys() - {TITLE} else before
    return {**title, **metadata, **fetch.metadata}


def _validators(known: StoredObject | None, told: Mapping[str, str]) -> Validators | None:
    """None where another title or other metadata is asked for: only a new generation can have them."""
    if known is None or ANSWERED_URL not in known.metadata or described(known) != told:
        return None
    noted = known.metadata
    return Validators(url=noted[ANSWERED_URL], etag=noted.get(ETAG), last_modified=noted.get(LAST_MODIFIED))


def _noted(fetch: Fetch, fetched: Fetched) -> Mapping[str, str]:
    trace = tracing.current()
    noted = {
        SOURCE_TYPE: SourceType.URL.value,
        SOURCE_URL: fetch.url,
        ANSWERED_URL: fetched.validators.url,
        ETAG: fetched.validators.etag,
        LAST_MODIFIED: fetched.validators.last_modified,
        TRACEPARENT: None if trace is None else trace.traceparent,
    }
    return {name: value for name, value in noted.items() if value}
