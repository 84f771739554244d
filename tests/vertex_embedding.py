"""The embedder on Vertex AI as tests reach it: the real client, and the stand-in on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import inf

from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

from common.adapters.clock import SystemClock
from common.adapters.vertex.calls import Calls
from common.adapters.vertex.clients import prediction_client
from common.adapters.vertex.embedder import VertexEmbedder
from common.adapters.vertex.embedding_models import embedding_model
from common.cloud_settings import CloudSettings
from common.ports import Embedder
from common.quota import Quota
from local.vertex.settings import Settings
from local.vertex.stand_in import VertexStandIn
from tests.vertex import RETRY_SECONDS, SkippedTime


class RealTime(SystemClock):
    """A `Clock` whose waits take their time: a connection that was dropped takes some to be made again."""

    def now(self) -> float:
        return time.monotonic()


@dataclass(frozen=True, kw_only=True)
class VertexEmbedding:
    """A stand-in, and a client of it."""

    stand_in: VertexStandIn
    client: PredictionServiceClient

    def embedder(
        self,
        model: str = "text-embedding-005",
        spec: str = "",
        *,
        clock: SkippedTime | RealTime | None = None,
        tokens_per_minute: float = inf,
        remote_seconds: float = 30.0,
        retry_seconds: float = RETRY_SECONDS,
        batch_seconds: float = 300.0,
        project: str = "",
    ) -> VertexEmbedder:
        """An embedder whose waits take no time, unless they are of `RealTime`."""
        clock = clock or SkippedTime()
        quota = Quota(tokens_per_minute=tokens_per_minute, now=clock.now)
        return VertexEmbedder(
            self.client,
            embedding_model(model, spec),
            Calls(quota, remote_seconds, retry_seconds, clock, clock.now),
            project=project or self.stand_in.settings.project,
            region=self.stand_in.settings.region,
            batch_seconds=batch_seconds,
            now=clock.now,
        )


@contextmanager
def running_embedding(embedder: Embedder, settings: Settings | None = None) -> Iterator[VertexEmbedding]:
    """A stand-in whose vectors are those of `embedder`."""
    with VertexStandIn(settings, embedder=embedder) as stand_in:
        cloud = CloudSettings(
            region=stand_in.settings.region,
            vertex_endpoint=stand_in.host,
            cloud_sql_instance="project:region:instance",
            cloud_sql_user="user",
        )
        predictions = prediction_client(cloud)
        with closing(predictions.transport):
            yield VertexEmbedding(stand_in=stand_in, client=predictions)
