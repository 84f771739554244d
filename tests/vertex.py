"""Vertex AI as tests reach it: the stand-in on this machine, and the adapters on the real clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.aiplatform_v1.services.index_service import IndexServiceClient
from google.cloud.aiplatform_v1.services.match_service import MatchServiceClient
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct

from common.adapters.vertex.calls import Calls
from common.adapters.vertex.clients import index_client, match_client
from common.adapters.vertex.index import VertexVectorIndex
from common.cloud_settings import CloudSettings
from common.quota import Quota
from local.vertex.counting import COUNTS_METHOD
from local.vertex.settings import Settings
from local.vertex.stand_in import VertexStandIn
from tests.rows import DIMENSIONS

REMOTE_SECONDS, RETRY_SECONDS = 2.0, 20.0


CONNECT_SECONDS = 30.0
CALLS_ON_A_DROPPED_CONNECTION = 5
"""More than go out before the client has noticed."""


@dataclass
class SkippedTime:
    """A `Clock` whose waits are kept and over at once, or as soon as the `channels` are connected again.

    A connection that was dropped is made again in real time, whatever this clock says.
    """

    waits: list[float] = field(default_factory=list)
    channels: tuple[grpc.Channel, ...] = ()

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        for channel in self.channels:
            _connect(channel)

    def now(self) -> float:
        return sum(self.waits)


def _connect(channel: grpc.Channel) -> None:
    """Return as soon as there is a connection, by calls: unlike gRPC's own future they leave no thread behind."""
    ask = channel.unary_unary(COUNTS_METHOD, Empty.SerializeToString, Struct.FromString)
    for _ in range(CALLS_ON_A_DROPPED_CONNECTION):
        with suppress(grpc.RpcError):  # of the connection that was dropped, if that was not noticed yet
            ask(Empty(), timeout=CONNECT_SECONDS, wait_for_ready=True)
            return
    ask(Empty(), timeout=CONNECT_SECONDS, wait_for_ready=True)


def channel_of(client: Any) -> grpc.Channel:
    """The connection of a client of Vertex AI."""
    channel: grpc.Channel = client.transport.grpc_channel
    return channel


@dataclass(frozen=True, kw_only=True)
class Vertex:
    """A stand-in, and the clients of it."""

    stand_in: VertexStandIn
    cloud: CloudSettings
    index_client: IndexServiceClient
    match_client: MatchServiceClient

    def index(
        self, model: str, time: SkippedTime | None = None, cloud: CloudSettings | None = None
    ) -> VertexVectorIndex:
        """The vector index of `model`, whose waits between calls take no time."""
        time, cloud = time or SkippedTime(), cloud or self.cloud
        time.channels = (channel_of(self.index_client), channel_of(self.match_client))
        return VertexVectorIndex(
            self.index_client,
            self.match_client,
            Calls(Quota(now=time.now), REMOTE_SECONDS, RETRY_SECONDS, time, time.now),
            index_name=cloud.vector_index_name,
            endpoint_name=cloud.vector_index_endpoint,
            deployed_index=cloud.deployed_index,
            model=model,
        )


@contextmanager
def running_vertex() -> Iterator[Vertex]:
    """A stand-in whose index takes the vectors of `tests.rows`."""
    with VertexStandIn(Settings(index_dimensions=DIMENSIONS)) as stand_in:
        cloud = CloudSettings(
            region=stand_in.settings.region,
            vertex_endpoint=stand_in.host,
            vector_index_name=stand_in.settings.index_name,
            vector_index_endpoint=stand_in.settings.index_endpoint_name,
            deployed_index=stand_in.settings.deployed_index,
            cloud_sql_instance="project:region:instance",
            cloud_sql_user="user",
        )
        parts = Vertex(
            stand_in=stand_in, cloud=cloud, index_client=index_client(cloud), match_client=match_client(cloud)
        )
        with closing(parts.index_client.transport), closing(parts.match_client.transport):
            yield parts
