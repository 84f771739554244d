"""Objects in Cloud Storage, through google-cloud-storage; the local emulator is reached by the same client."""

from __future__ import annotations

from collections.abc import Buffer, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from io import BufferedWriter, FileIO
from itertools import islice
from pathlib import Path
from typing import Any

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud.storage import Client
from requests import exceptions as transport

from common.errors import ConfigurationError, Permanent, Retryable
from common.model.documents import StoredObject

# Seconds to connect, and between two bytes of an answer.
TIMEOUT = 60
# A large file is sent in several requests.
_CHUNK_BYTES = 8 * 1024 * 1024

_PASSING = (
    exceptions.ServerError,
    exceptions.TooManyRequests,
    exceptions.RetryError,
    transport.ConnectionError,
    transport.Timeout,
    TransportError,
)
_REFUSALS = (exceptions.Unauthorized, exceptions.Forbidden, GoogleAuthError)
_SETTINGS = "AI_INFRA_UPLOAD_BUCKET and AI_INFRA_EXTRACTION_BUCKET"


def _failed(error: Exception) -> Retryable:
    return Retryable("OBJECT_STORE_UNAVAILABLE", f"Cloud Storage did not carry out the work: {error}")


@contextmanager
def _telling(bucket: str) -> Iterator[None]:
    """Errors of the block as what becomes of the work: what a setting or a role is to blame for names it."""
    try:
        yield
    except _PASSING as error:
        raise _failed(error) from error
    except exceptions.NotFound:
        raise ConfigurationError(f"There is no bucket {bucket}: see {_SETTINGS}.") from None
    except _REFUSALS as error:
        raise ConfigurationError(
            f"Cloud Storage refuses this account: give it roles/storage.objectUser on the bucket {bucket}, or correct"
            f" {_SETTINGS} ({error})."
        ) from error


def _stored(blob: Any) -> StoredObject:
    return StoredObject(
        bucket=blob.bucket.name,
        name=blob.name,
        generation=int(blob.generation),
        size=int(blob.size),
        content_type=blob.content_type,
        metadata=dict(blob.metadata or {}),
        created_at=blob.time_created,
    )


class _BoundedFile(BufferedWriter):
    """A file that takes so many bytes; counted as they arrive, an object packed for transport is measured unpacked."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        super().__init__(FileIO(path, "wb"))
        self._max_bytes = max_bytes

    def write(self, content: Buffer, /) -> int:
        if self.tell() + len(memoryview(content)) > self._max_bytes:
            raise Permanent("TOO_LARGE", f"The object has more than the {self._max_bytes} bytes that are allowed.")
        return super().write(content)


class GoogleObjectStore:
    """See `common.ports.ObjectStore`."""

    def __init__(self, project: str | None, *, anonymous: bool) -> None:
        self._project = project
        self._anonymous = anonymous

    @cached_property
    def _client(self) -> Any:
        credentials = AnonymousCredentials() if self._anonymous else None  # type: ignore[no-untyped-call]
        return Client(project=self._project, credentials=credentials)

    def download(
        self, bucket: str, name: str, generation: int, destination: Path, max_bytes: int
    ) -> StoredObject | None:
        with _telling(bucket):
            blob = self._client.bucket(bucket).blob(name, generation=generation)
            try:
                with _BoundedFile(destination, max_bytes) as file:
                    blob.download_to_file(file, timeout=TIMEOUT)
            except exceptions.NotFound:
                return None
        return StoredObject(bucket, name, generation, destination.stat().st_size, blob.content_type)

    def read(self, bucket: str, name: str) -> bytes | None:
        with _telling(bucket):
            try:
                return bytes(self._client.bucket(bucket).blob(name).download_as_bytes(timeout=TIMEOUT))
            except exceptions.NotFound:
                return None

    def create(self, bucket: str, name: str, content: bytes, content_type: str) -> bool:
        with _telling(bucket):
            blob = self._client.bucket(bucket).blob(name)
            try:
                blob.upload_from_string(content, content_type=content_type, if_generation_match=0, timeout=TIMEOUT)
            except exceptions.PreconditionFailed:
                return False
        return True

    def upload(
        self, bucket: str, name: str, content: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> StoredObject:
        with _telling(bucket):
            blob = self._client.bucket(bucket).blob(name)
            blob.metadata = dict(metadata)
            blob.upload_from_string(content, content_type=content_type, timeout=TIMEOUT)
        return _stored(blob)

    def upload_file(
        self, bucket: str, name: str, source: Path, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> StoredObject:
        try:
            blob = self._client.bucket(bucket).blob(name, chunk_size=_CHUNK_BYTES)
            blob.metadata = dict(metadata) if metadata else None
            blob.upload_from_filename(str(source), content_type=content_type, timeout=TIMEOUT)
        except _PASSING as error:
            raise _failed(error) from error
        except _REFUSALS as error:
            raise Permanent("UPLOAD_FORBIDDEN", f"Cloud Storage does not let this account write: {error}") from error
        except exceptions.NotFound as error:
            raise Permanent("BUCKET_NOT_FOUND", f"There is no bucket {bucket!r}: {error}") from error
        return _stored(blob)

    def open_upload(self, bucket: str, name: str, size: int, content_type: str, metadata: Mapping[str, str]) -> str:
        with _telling(bucket):
            blob = self._client.bucket(bucket).blob(name)
            blob.metadata, blob.content_type = dict(metadata), content_type
            return str(blob.create_resumable_upload_session(content_type=content_type, size=size, timeout=TIMEOUT))

    def delete(self, bucket: str, name: str, generation: int | None = None) -> None:
        with _telling(bucket), suppress(exceptions.NotFound, exceptions.PreconditionFailed):
            self._client.bucket(bucket).blob(name).delete(if_generation_match=generation, timeout=TIMEOUT)

    def find(self, bucket: str, name: str, generation: int | None = None) -> StoredObject | None:
        with _telling(bucket):
            blob = self._client.bucket(bucket).get_blob(name, generation=generation, timeout=TIMEOUT)
        return None if blob is None else _stored(blob)

    def list_page(self, bucket: str, prefix: str, start_after: str, limit: int) -> Sequence[StoredObject]:
        with _telling(bucket):
            blobs = self._client.list_blobs(
                bucket, prefix=prefix, start_offset=start_after or None, page_size=limit + 1, timeout=TIMEOUT
            )
            behind = (_stored(blob) for blob in blobs if blob.name > start_after and "\0" not in blob.name)
            return list(islice(behind, limit))
