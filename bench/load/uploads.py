"""Puts the files into the bucket all at once; what the stack's end cuts short is done again, as a person would."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from bench.load.documents import Prepared
from bench.load.stack import Incarnation, KillableStack
from local.errors import StartError
from local.settings import PROJECT
from local.storage import TIMEOUT_SECONDS, storage_client

_AT_ONCE = 8
_WAIT_SECONDS = 1.0


class Uploads:
    """Uploads from when its context is entered; they are over, or given up, when it is left."""

    def __init__(self, stack: KillableStack, files: Mapping[str, Prepared]) -> None:
        self._stack, self._files = stack, files
        self._threads = ThreadPoolExecutor(_AT_ONCE)
        self._uploading: list[Future[None]] = []
        self._given_up = threading.Event()
        self._lock = threading.Lock()
        self.generations: dict[str, int] = {}
        """Of each file that is in the bucket, the generation that the upload was answered with."""
        self.repeated = 0
        """Uploads that the stack's end cut short."""

    def __enter__(self) -> Self:
        self._uploading = [self._threads.submit(self._upload, file) for file in self._files.values()]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._given_up.set()
        self._threads.shutdown(cancel_futures=True)

    def check(self) -> None:
        """Raises `StartError` (UPLOAD_FAILED) for an upload that failed while the stack was up."""
        for each in self._uploading:
            if each.done():
                each.result()

    def _upload(self, file: Prepared) -> None:
        while not self._given_up.is_set():
            incarnation = self._stack.when_up(_WAIT_SECONDS)
            if incarnation is None:
                continue
            try:
                generation = _put(incarnation, file)
            except Exception as error:  # whatever the client makes of a server that is killed
                if not self._stack.is_over(incarnation):
                    message = f"{file.name} could not be uploaded while the stack was up: {error}"
                    raise StartError("UPLOAD_FAILED", message) from error
                with self._lock:
                    self.repeated += 1
            else:
                with self._lock:
                    self.generations[file.name] = generation
                return


def _put(incarnation: Incarnation, file: Prepared) -> int:
    described = incarnation.described
    client = storage_client(described.storage_endpoint, PROJECT)
    try:
        blob = client.bucket(described.bucket).blob(described.object_name(file.name))
        blob.upload_from_string(file.content, timeout=TIMEOUT_SECONDS, retry=None)
        return int(blob.generation)
    finally:
        client.close()
