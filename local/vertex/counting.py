"""How the stand-in's counts are asked for, by a method of its own; light, for whoever only asks."""

from __future__ import annotations

import grpc
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct

COUNTS_METHOD = "/local.vertex.StandIn/Counts"


def counts_of(host: str) -> dict[str, int]:
    """How often each method of the stand-in at `host` was called, by its name; those never called are left out."""
    with grpc.insecure_channel(host) as channel:
        ask = channel.unary_unary(
            COUNTS_METHOD, request_serializer=Empty.SerializeToString, response_deserializer=Struct.FromString
        )
        counts: Struct = ask(Empty(), timeout=5.0)
    return {method: int(count) for method, count in json_format.MessageToDict(counts).items()}
