"""The generator on Vertex AI as tests reach it: the real client, and the stand-in on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

from common.adapters.vertex.calls import Calls
from common.adapters.vertex.clients import prediction_client
from common.adapters.vertex.generator import GeminiGenerator
from common.cloud_settings import CloudSettings
from common.ports import Embedder
from common.quota import Quota
from local.vertex.stand_in import VertexStandIn
from tests.vertex import RETRY_SECONDS, SkippedTime, channel_of

MODEL = "gemini-3.1-flash-lite"


@dataclass(frozen=True, kw_only=True)
class VertexAnswers:
    """A stand-in, and a client of it."""

    stand_in: VertexStandIn
    client: PredictionServiceClient

    def generator(
        self,
        model: str = MODEL,
        *,
        time: SkippedTime | None = None,
        quota: Quota | None = None,
        remote_seconds: float = 30.0,
        project: str = "",
        thinking_tokens: int = 0,
    ) -> GeminiGenerator:
        """A generator whose waits take no time."""
        time = time or SkippedTime()
        time.channels = (channel_of(self.client),)
        return GeminiGenerator(
            self.client,
            model,
            Calls(quota or Quota(now=time.now), remote_seconds, RETRY_SECONDS, time, time.now),
            project=project or self.stand_in.settings.project,
            region=self.stand_in.settings.region,
            thinking_tokens=thinking_tokens,
            answer_tokens=1024,
        )


@contextmanager
def running_answers(embedder: Embedder) -> Iterator[VertexAnswers]:
    """A stand-in that answers by `embedder`'s vectors."""
    with VertexStandIn(embedder=embedder) as stand_in:
        cloud = CloudSettings(
            region=stand_in.settings.region,
            vertex_endpoint=stand_in.host,
            cloud_sql_instance="project:region:instance",
            cloud_sql_user="user",
        )
        client = prediction_client(cloud)
        with closing(client.transport):
            yield VertexAnswers(stand_in=stand_in, client=client)
