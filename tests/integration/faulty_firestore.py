"""A small Firestore in memory, on the protocol's own types, whose next calls fail as they are told to."""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Self

import grpc
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    CommitRequest,
    CommitResponse,
    Document,
    WriteResult,
)
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from local.ports import LOOPBACK

MOST_WRITES, MOST_BYTES = 500, 10 * 1024 * 1024

type Fault = Callable[[FaultyFirestore, grpc.ServicerContext], None]


class FaultyFirestore(grpc.GenericRpcHandler):
    """`before` are faults that meet the next calls before they are carried out, one each; `after` those that meet them
    when a commit is carried out and not yet answered, or half of what a read asks for is answered. `sent` counts the
    bytes of what was read.
    """

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.calls: list[str] = []
        self.commits: list[tuple[int, int]] = []
        self.sent = 0
        self.before: deque[Fault] = deque()
        self.after: deque[Fault] = deque()
        self._server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)])
        self._server.add_generic_rpc_handlers([self])
        self.wire = Wire(self._server.add_insecure_port(f"{LOOPBACK}:0"))

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.wire.close()
        self._server.stop(0).wait()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "/google.firestore.v1.Firestore/Commit": grpc.unary_unary_rpc_method_handler(
                self._commit, CommitRequest.deserialize, CommitResponse.serialize
            ),
            "/google.firestore.v1.Firestore/BatchGetDocuments": grpc.unary_stream_rpc_method_handler(
                self._read, BatchGetDocumentsRequest.deserialize, BatchGetDocumentsResponse.serialize
            ),
        }
        return handlers.get(handler_call_details.method)

    def _commit(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.calls.append("commit")
        self.commits.append((len(request.writes), CommitRequest.pb(request).ByteSize()))
        self._meet(self.before, context)
        if len(request.writes) > MOST_WRITES or CommitRequest.pb(request).ByteSize() > MOST_BYTES:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "over the limits of a commit")
        for write in request.writes:
            if write.delete:
                self.documents.pop(write.delete, None)
            else:
                self.documents[write.update.name] = write.update
        self._meet(self.after, context)
        return CommitResponse(write_results=[WriteResult() for _ in request.writes])

    def _read(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self.calls.append("read")
        self._meet(self.before, context)
        for index, name in enumerate(request.documents):
            if index == len(request.documents) // 2:
                try:
                    self._meet(self.after, context)
                except EndsEarlyError:
                    return
            document = self.documents.get(name)
            missing = BatchGetDocumentsResponse(missing=name)
            answer = missing if document is None else BatchGetDocumentsResponse(found=_masked(document, request))
            self.sent += BatchGetDocumentsResponse.pb(answer).ByteSize()
            yield answer

    def _meet(self, faults: deque[Fault], context: grpc.ServicerContext) -> None:
        if faults:
            faults.popleft()(self, context)


def _masked(document: Any, request: Any) -> Any:
    """The document with the fields that the request asks for, where it names any."""
    if "mask" not in request:
        return document
    fields = {name: document.fields[name] for name in request.mask.field_paths if name in document.fields}
    return Document(name=document.name, fields=fields)


class EndsEarlyError(Exception):
    """A stream of answers is to end well before it is whole."""


def answers(code: grpc.StatusCode, *, retry_seconds: float | None = None) -> Fault:
    """An error; with `retry_seconds`, one that says when to come again."""
    status = Status(code=code.value[0], message=f"told to answer {code.name}")
    if retry_seconds is not None:
        delay = Duration()
        delay.FromMilliseconds(round(1000 * retry_seconds))
        packed = Packed()
        packed.Pack(RetryInfo(retry_delay=delay))
        status.details.append(packed)

    def fault(_: FaultyFirestore, context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, status.message)

    return fault


def keeps_silent(_: FaultyFirestore, context: grpc.ServicerContext) -> None:
    """No answer for as long as the caller waits for one."""
    given_up = threading.Event()
    if context.add_callback(given_up.set):
        given_up.wait()
    context.abort(grpc.StatusCode.CANCELLED, "the caller has given up")


def drops_the_connection(firestore: FaultyFirestore, context: grpc.ServicerContext) -> None:
    """The connection is reset."""
    firestore.wire.drop()
    context.abort(grpc.StatusCode.CANCELLED, "nobody hears this")


def ends_early(_: FaultyFirestore, __: grpc.ServicerContext) -> None:
    """The answers to a read end with the first half, and the call ends well."""
    raise EndsEarlyError


class Wire:
    """Passes connections on to a port of loopback, and can drop them all."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server((LOOPBACK, 0))
        self.address = f"{LOOPBACK}:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> None:
        """Reset every connection; new ones are taken."""
        for end in list(self._open):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Reset every connection and take no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                called = socket.create_connection((LOOPBACK, self._port))
                self._open |= {caller, called}
                for source, target in ((caller, called), (called, caller)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)
        source.close()
