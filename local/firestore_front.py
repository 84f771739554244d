"""What stands before Google's Firestore emulator, which counts nothing and forgets everything when it ends.

Commits and reads are passed on as they are and counted. What a commit wrote is kept in a SQLite file before the commit
is acknowledged, and written to the emulator again at the next start. Every other call, and a commit that does more
than write and delete whole documents, is refused: it would be neither counted nor kept.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.cloud.firestore_v1.types import BatchGetDocumentsResponse, CommitRequest, Document, Write

from common.adapters.firestore_texts import packed

COMMIT = "/google.firestore.v1.Firestore/Commit"
BATCH_GET = "/google.firestore.v1.Firestore/BatchGetDocuments"
# Whom the emulator lets do anything.
OWNER = (("authorization", "Bearer owner"),)
THREADS = 32
STOP_SECONDS = 2.0
# Of one commit of what was kept.
REPLAY_SECONDS = 60.0

_SCHEMA = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS documents (name TEXT PRIMARY KEY, content BLOB NOT NULL);
"""
_WHOLE_DOCUMENTS = {"update", "delete"}
# The protocol's own classes: those of proto-plus around them are slow.
_Commit, _Write, _Document, _Answer = (
    kind.pb() for kind in (CommitRequest, Write, Document, BatchGetDocumentsResponse)
)
type _CommitCall = grpc.UnaryUnaryMultiCallable[bytes, bytes]
type _ReadCall = grpc.UnaryStreamMultiCallable[bytes, bytes]


@dataclass(frozen=True)
class FirestoreCounts:
    """Documents written, deleted and read since the start; a read that finds none is one, as it is billed."""

    writes: int = 0
    deletes: int = 0
    reads: int = 0


class FirestoreFront(grpc.GenericRpcHandler):
    """Served at `address` of loopback, before the emulator at another, from its creation until it is stopped."""

    def __init__(self, address: str, *, emulator: str, file: Path) -> None:
        """Returns when what the file keeps is in the emulator again and calls are taken."""
        self._kept, self._lock, self._counts = _KeptDocuments(file), threading.Lock(), FirestoreCounts()
        self._channel = grpc.insecure_channel(emulator)
        self._emulator_commit: _CommitCall = self._channel.unary_unary(COMMIT)
        self._emulator_read: _ReadCall = self._channel.unary_stream(BATCH_GET)
        for commit in self._kept.commits():
            self._emulator_commit(commit, metadata=OWNER, timeout=REPLAY_SECONDS)
        self._server = grpc.server(ThreadPoolExecutor(THREADS), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers([self])
        self._server.add_insecure_port(address)
        self._server.start()

    def stop(self) -> None:
        """Take no more calls, and give those under way a moment."""
        self._server.stop(STOP_SECONDS).wait()
        self._channel.close()
        self._kept.close()

    @property
    def counts(self) -> FirestoreCounts:
        """What was asked up to now."""
        return self._counts

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            COMMIT: grpc.unary_unary_rpc_method_handler(self._commit),
            BATCH_GET: grpc.unary_stream_rpc_method_handler(self._read),
        }
        return handlers.get(handler_call_details.method)

    def _commit(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        writes = _Commit.FromString(body).writes
        if any(field.name not in _WHOLE_DOCUMENTS for write in writes for field, _ in write.ListFields()):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "Only whole documents can be written and deleted here.")
        # One after the other, so that the file has the order of the emulator.
        with self._lock:
            try:
                answer: bytes = self._emulator_commit(body, timeout=context.time_remaining(), metadata=OWNER)
            except grpc.RpcError as error:
                _pass_on(error, context)
            self._kept.apply(writes)
        deletes = sum(1 for write in writes if write.delete)
        self._count(writes=len(writes) - deletes, deletes=deletes)
        return answer

    def _read(self, body: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        try:
            for answer in self._emulator_read(body, timeout=context.time_remaining(), metadata=OWNER):
                self._count(reads=1 if _Answer.FromString(answer).WhichOneof("result") else 0)
                yield answer
        except grpc.RpcError as error:
            _pass_on(error, context)

    def _count(self, *, writes: int = 0, deletes: int = 0, reads: int = 0) -> None:
        with self._lock:
            counts = self._counts
            self._counts = replace(
                counts, writes=counts.writes + writes, deletes=counts.deletes + deletes, reads=counts.reads + reads
            )


def _pass_on(error: Any, context: grpc.ServicerContext) -> NoReturn:
    context.abort(error.code(), error.details())


class _KeptDocuments:
    """The documents as they were last written. A change survives the end of this process from when its call returns."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._database.executescript(_SCHEMA)

    def apply(self, writes: Iterable[Any]) -> None:
        """Keep what a commit wrote, in its order and as a whole."""
        with self._database:
            self._database.execute("BEGIN")
            for write in writes:
                if write.delete:
                    self._database.execute("DELETE FROM documents WHERE name = ?", (write.delete,))
                else:
                    row = (write.update.name, write.update.SerializeToString())
                    self._database.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", row)

    def commits(self) -> Iterator[bytes]:
        """The commits that write everything into an empty Firestore."""
        rows = self._database.execute("SELECT name, content FROM documents ORDER BY name")
        for database, documents in groupby(rows, lambda row: str(row[0]).partition("/documents/")[0]):
            for contents in packed((content, len(content)) for _, content in documents):
                writes = [_Write(update=_Document.FromString(content)) for content in contents]
                yield _Commit(database=database, writes=writes).SerializeToString()

    def close(self) -> None:
        self._database.close()
