"""The calls over gRPC: each is counted, goes wrong as asked for, and is answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from threading import Event, Lock
from typing import Any, NamedTuple

import grpc
from google.cloud.aiplatform_v1 import types
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct

from local.vertex.answers import Answers, pieces
from local.vertex.counting import COUNTS_METHOD
from local.vertex.embeddings import Embeddings
from local.vertex.faults import Fault, Faults
from local.vertex.index import Index
from local.vertex.protocol import Proto, RefusedError, check_fields


class Call(NamedTuple):
    """How a method is answered."""

    answer: Callable[[Proto], Proto]
    request_type: Any
    streams: bool = False


def calls(embeddings: Embeddings, answers: Answers, index: Index) -> dict[str, Call]:
    """The calls that the stand-in has, by the path of their method."""
    by_service = {
        "PredictionService": {
            "Predict": Call(embeddings.predict, types.PredictRequest),
            "EmbedContent": Call(embeddings.embed_content, types.EmbedContentRequest),
            "GenerateContent": Call(answers.generate, types.GenerateContentRequest),
            "StreamGenerateContent": Call(answers.generate, types.GenerateContentRequest, streams=True),
        },
        "IndexService": {
            "UpsertDatapoints": Call(index.upsert, types.UpsertDatapointsRequest),
            "RemoveDatapoints": Call(index.remove, types.RemoveDatapointsRequest),
        },
        "MatchService": {
            "FindNeighbors": Call(index.find_neighbors, types.FindNeighborsRequest),
            "ReadIndexDatapoints": Call(index.read, types.ReadIndexDatapointsRequest),
        },
    }
    return {
        f"/google.cloud.aiplatform.v1.{service}/{method}": call
        for service, methods in by_service.items()
        for method, call in methods.items()
    }


class Services(grpc.GenericRpcHandler):
    """`faults`, `counts` and `statuses` are what `VertexStandIn` shows; `drop` cuts the connection of a peer's port."""

    def __init__(self, calls: Mapping[str, Call], drop: Callable[[int], None]) -> None:
        self.counts, self.statuses = Counter[str](), Counter[tuple[str, str]]()
        self.faults = Faults(_method(path) for path in calls)
        self._calls, self._drop = calls, drop
        self._counting, self._closing = Lock(), Event()

    def close(self) -> None:
        """Begin no call any more, nor one that tarries."""
        self._closing.set()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Proto, Proto] | None:
        """None for a call that the stand-in does not have; gRPC answers it with UNIMPLEMENTED."""
        if details.method == COUNTS_METHOD:
            return grpc.unary_unary_rpc_method_handler(self._counts, Empty.FromString, _serialized)
        call = self._calls.get(details.method)
        if call is None:
            return None
        name, read = _method(details.method), call.request_type.pb().FromString
        if call.streams:
            return grpc.unary_stream_rpc_method_handler(partial(self._stream, name, call), read, _serialized)
        return grpc.unary_unary_rpc_method_handler(partial(self._unary, name, call), read, _serialized)

    def _unary(self, name: str, call: Call, request: Proto, context: grpc.ServicerContext) -> Proto:
        try:
            fault = self._begun(name, context)
            reply = _carried_out(call, request, fault)
            if fault.after:
                self._fail(fault, context)
        except RefusedError as error:
            self._count_status(name, error.code)
            error.abort(context)
        self._count_status(name, grpc.StatusCode.OK)
        return reply

    def _stream(self, name: str, call: Call, request: Proto, context: grpc.ServicerContext) -> Iterator[Proto]:
        try:
            fault = self._begun(name, context)
            for piece in pieces(_carried_out(call, request, fault)):
                yield piece
                if fault.after:
                    self._fail(fault, context)
        except RefusedError as error:
            self._count_status(name, error.code)
            error.abort(context)
        self._count_status(name, grpc.StatusCode.OK)

    def _begun(self, name: str, context: grpc.ServicerContext) -> Fault:
        with self._counting:
            self.counts[name] += 1
        fault = self.faults.take(name)
        if self._closing.wait(fault.seconds):
            raise RefusedError(grpc.StatusCode.UNAVAILABLE, "The stand-in is being stopped.")
        if not fault.after:
            self._fail(fault, context)
        return fault

    def _fail(self, fault: Fault, context: grpc.ServicerContext) -> None:
        """End the call, if the fault says so."""
        if fault.drop:
            self._drop(int(context.peer().rpartition(":")[2]))
            raise RefusedError(grpc.StatusCode.UNAVAILABLE, "The connection was dropped.")
        if fault.code is not None:
            raise RefusedError(fault.code, f"{fault.code.name}, as it was asked for.", fault.retry_after)

    def _count_status(self, name: str, code: grpc.StatusCode) -> None:
        with self._counting:
            self.statuses[name, code.name] += 1

    def _counts(self, _request: Empty, _context: grpc.ServicerContext) -> Struct:
        counts = Struct()
        with self._counting:
            counts.update(self.counts)
        return counts


def _method(path: str) -> str:
    return path.rpartition("/")[2]


def _carried_out(call: Call, request: Proto, fault: Fault) -> Proto:
    check_fields(request)
    if fault.request:
        fault.request(request)
    reply = call.answer(request)
    if fault.reply:
        fault.reply(reply)
    return reply


def _serialized(message: Proto) -> bytes:
    content: bytes = message.SerializeToString()
    return content
