"""Puts a file into the bucket, and a healthy document beside it."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from bench.ingest_check.files import Found, object_name
from local.settings import PROJECT, UPLOAD_BUCKET
from local.stack import Stack
from local.storage import BucketUploader, storage_client

_AT_ONCE = 4
_ATTEMPTS = 3
_HEALTHY = "Station {0}\n\nThe keeper of station {0} lights the lamp at dusk and writes the weather into the log.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A file and the healthy document beside it, by the names of their objects."""

    file: Found
    name: str
    healthy: str
    sent: Future[float]
    """The moment (monotonic) when the file was in the bucket, or what kept one of the two out of it."""

    @property
    def names(self) -> tuple[str, str]:
        return self.name, self.healthy

    @property
    def error(self) -> BaseException | None:
        """What kept them out of the bucket, once that is known."""
        return self.sent.exception() if self.sent.done() else None


class FileError(Exception):
    """The file cannot be read, or not any more."""


class Uploads:
    """Uploads into the demo project of a running stack; given up when its context is left."""

    def __init__(self, stack: Stack) -> None:
        self._prefix = f"{stack.tenant.team}/{stack.tenant.project}"
        self._client = storage_client(stack.storage.endpoint, PROJECT)
        self._uploader = BucketUploader(self._client.bucket(UPLOAD_BUCKET))
        self._threads = ThreadPoolExecutor(_AT_ONCE)
        self._folder = TemporaryDirectory()
        self._numbers = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._client.close()
        self._folder.cleanup()

    def send(self, file: Found) -> Pair:
        """Put the two on their way."""
        number = next(self._numbers)
        name = object_name(file.name, f"{self._prefix}/files/")
        healthy = f"{self._prefix}/healthy/{number}.txt"
        sent = self._threads.submit(self._send, file.path, name, healthy, number)
        return Pair(file=file, name=name, healthy=healthy, sent=sent)

    def _send(self, path: Path, name: str, healthy: str, number: int) -> float:
        try:
            path.open("rb").close()
        except OSError as error:
            raise FileError(error.strerror) from error
        beside = Path(self._folder.name, f"{number}.txt")
        beside.write_text(_HEALTHY.format(number), encoding="utf-8")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._uploader.upload(path, name)
                sent = time.monotonic()
                self._uploader.upload(beside, healthy)
            except Exception:  # whatever the client makes of a storage that is busy
                if attempt == _ATTEMPTS:
                    raise
            else:
                break
        beside.unlink()
        return sent
