"""The messages of the protocol, and how a call is refused."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

type Proto = Any
"""A message of google.cloud.aiplatform.v1; the generated classes carry no types."""

_SUPPORTED = {
    "PredictRequest": {"endpoint", "instances", "parameters"},
    "EmbedContentRequest": {
        "model",
        "content",
        "title",
        "task_type",
        "output_dimensionality",
        "auto_truncate",
        "embed_content_config",
    },
    "EmbedContentConfig": {"title", "task_type", "auto_truncate", "output_dimensionality"},
    "GenerateContentRequest": {
        "model",
        "contents",
        "system_instruction",
        "generation_config",
        "safety_settings",
        "labels",
    },
    "Content": {"role", "parts"},
    "Part": {"text"},
    "UpsertDatapointsRequest": {"index", "datapoints"},
    "IndexDatapoint": {"datapoint_id", "feature_vector", "restricts"},
    "FindNeighborsRequest": {"index_endpoint", "deployed_index_id", "queries", "return_full_datapoint"},
    "Query": {"datapoint", "neighbor_count", "approximate_neighbor_count"},
}


class RefusedError(Exception):
    """Ends a call with this status and sentence; `retry_after` tells the client how many seconds to wait."""

    def __init__(self, code: grpc.StatusCode, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.retry_after = code, sentence, retry_after

    def abort(self, context: grpc.ServicerContext) -> NoReturn:
        """End the call as Google does: the wait as `RetryInfo` among the status's details."""
        number, _ = self.code.value
        status = Status(code=number, message=self.sentence)
        if self.retry_after is not None:
            delay = Duration()
            delay.FromMilliseconds(round(self.retry_after * 1000))
            detail = AnyMessage()
            detail.Pack(RetryInfo(retry_delay=delay))
            status.details.append(detail)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(self.code, self.sentence)


def require(is_met: bool, rule: str) -> None:
    """Refuse what the service would not take either."""
    if not is_met:
        raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, rule)


def not_found(what: str) -> RefusedError:
    """What Google says of a resource that is not there."""
    return RefusedError(grpc.StatusCode.NOT_FOUND, f"{what} was not found or your project does not have access to it.")


def check_fields(message: Proto, path: str = "") -> None:
    """Refuse a request, or a part of one, with a field that the stand-in leaves out."""
    supported = _SUPPORTED.get(message.DESCRIPTOR.name)
    for field, value in message.ListFields():
        if supported is not None and field.name not in supported:
            sentence = f"{path}{field.name} is not supported by the local stand-in for Vertex AI."
            raise RefusedError(grpc.StatusCode.UNIMPLEMENTED, sentence)
        if field.message_type and field.message_type.name in _SUPPORTED:
            for part in [value] if isinstance(value, Message) else value:
                check_fields(part, f"{path}{field.name}.")
