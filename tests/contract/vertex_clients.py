"""The real clients of Vertex AI on a stand-in, and what tests ask by them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import msgspec
from google.api_core.exceptions import (
    GoogleAPICallError,
)
from google.cloud.aiplatform_v1 import (
    Content,
    FindNeighborsRequest,
    GenerateContentRequest,
    GenerateContentResponse,
    IndexDatapoint,
    IndexServiceClient,
    MatchServiceClient,
    Part,
    PredictionServiceClient,
    Schema,
)
from google.rpc.error_details_pb2 import RetryInfo

from common.adapters.minilm import MiniLmEmbedder
from common.model.questions import GenerationRequest, Passage
from common.prompting import RESPONSE_SCHEMA, Reply, write_prompt
from local.vertex.settings import Settings
from local.vertex.stand_in import VertexStandIn

SETTINGS = Settings(index_dimensions=3)
MODELS = f"{SETTINGS.parent}/publishers/google/models"
GEMINI_EMBEDDING, TEXT_EMBEDDING = f"{MODELS}/gemini-embedding-001", f"{MODELS}/text-embedding-005"
GEMINI = f"{MODELS}/gemini-3.1-flash-lite"
WARRANTY = "The warranty covers two years from the date of purchase. Damage by water is not covered by the warranty."
SCHEMA = Schema.from_json(json.dumps(RESPONSE_SCHEMA))
QUESTION = "What does the warranty cover?"


# Else gRPC shares the connection of all channels to one address, and a dropped one is dropped under each of them.
_OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


@dataclass(frozen=True)
class VertexClients:
    """On one channel."""

    prediction: PredictionServiceClient
    index: IndexServiceClient
    match: MatchServiceClient


@contextmanager
def vertex_clients(host: str) -> Iterator[VertexClients]:
    with grpc.insecure_channel(host, options=_OWN_CONNECTION) as channel:
        yield VertexClients(
            _client(PredictionServiceClient, channel),
            _client(IndexServiceClient, channel),
            _client(MatchServiceClient, channel),
        )


def _client[C](kind: type[C], channel: grpc.Channel) -> C:
    untyped: Any = kind
    client: C = untyped(transport=untyped.get_transport_class("grpc")(channel=channel))
    return client


class Stand:
    """The clients of a stand-in with these settings."""

    def __init__(self, settings: Settings, clients: VertexClients) -> None:
        self.settings, self.clients = settings, clients

    def predict(self, *texts: str, model: str = TEXT_EMBEDDING, timeout: float = 30.0, **parameters: Any) -> list[Any]:
        instances = [{"content": text, "task_type": "RETRIEVAL_DOCUMENT"} for text in texts]
        request: Any = {"endpoint": model, "instances": instances, "parameters": parameters}
        reply: Any = self.clients.prediction.predict(**request, timeout=timeout)
        return [prediction["embeddings"] for prediction in reply.predictions]

    def upsert(self, *datapoints: IndexDatapoint) -> None:
        name = self.settings.index_name
        self.clients.index.upsert_datapoints({"index": name, "datapoints": datapoints}, timeout=30)

    def remove(self, *ids: str) -> None:
        name = self.settings.index_name
        self.clients.index.remove_datapoints({"index": name, "datapoint_ids": ids}, timeout=30)

    def find(self, *vector: float, count: int = 10, full: bool = False, **allowed: Sequence[str]) -> list[Any]:
        query = FindNeighborsRequest.Query(datapoint=point("", *vector, **allowed), neighbor_count=count)
        request = {"queries": [query], "return_full_datapoint": full, **self.endpoint}
        (nearest,) = self.clients.match.find_neighbors(request, timeout=30).nearest_neighbors
        return list(nearest.neighbors)

    def found(self, *vector: float, **allowed: Any) -> list[str]:
        return [neighbor.datapoint.datapoint_id for neighbor in self.find(*vector, **allowed)]

    def read(self, *ids: str) -> list[IndexDatapoint]:
        request = {"ids": ids, **self.endpoint}
        return list(self.clients.match.read_index_datapoints(request, timeout=30).datapoints)

    def generate(self, question: str = QUESTION, **config: Any) -> GenerateContentResponse:
        return self.clients.prediction.generate_content(asking(question, **config), timeout=30)

    @property
    def endpoint(self) -> dict[str, str]:
        names = self.settings
        return {"index_endpoint": names.index_endpoint_name, "deployed_index_id": names.deployed_index}


class OwnStand(Stand):
    """With the stand-in itself, in this process."""

    def __init__(self, stand_in: VertexStandIn, clients: VertexClients) -> None:
        super().__init__(stand_in.settings, clients)
        self.stand_in = stand_in


def point(name: str, *vector: float, **allowed: Sequence[str]) -> IndexDatapoint:
    restricts = [IndexDatapoint.Restriction(namespace=each, allow_list=tokens) for each, tokens in allowed.items()]
    return IndexDatapoint(datapoint_id=name, feature_vector=vector, restricts=restricts)


def asking(question: str = QUESTION, model: str = GEMINI, **config: Any) -> GenerateContentRequest:
    passage = Passage(
        number=7,
        chunk_id=UUID(int=1),
        document_id=UUID(int=2),
        title="manual.txt",
        heading_path=("Manual", "Warranty"),
        text=WARRANTY,
        char_start=0,
        page_start=1,
        page_breaks=(),
        score=None,
    )
    prompt = write_prompt(GenerationRequest(question=question, passages=(passage,)), answer_tokens=500)
    return GenerateContentRequest(
        model=model,
        contents=[Content(role="user", parts=[Part(text=prompt.text)])],
        system_instruction=Content(parts=[Part(text=prompt.system)]),
        generation_config={"response_mime_type": "application/json", "response_schema": SCHEMA, **config},
    )


def said(reply: GenerateContentResponse) -> Reply:
    return msgspec.json.decode(reply.candidates[0].content.parts[0].text, type=Reply)


@contextmanager
def standing(embedder: MiniLmEmbedder, data: Path | None = None, **settings: Any) -> Iterator[OwnStand]:
    told = msgspec.structs.replace(SETTINGS, **settings)
    with VertexStandIn(told, data=data, embedder=embedder) as stand_in, connected(stand_in) as stand:
        yield stand


@contextmanager
def connected(stand_in: VertexStandIn) -> Iterator[OwnStand]:
    """On a connection of its own: gRPC may try the next call, too, on one that was dropped under it."""
    with vertex_clients(stand_in.host) as clients:
        yield OwnStand(stand_in, clients)


def retry_seconds(error: GoogleAPICallError) -> float:
    (info,) = (detail for detail in error.details if isinstance(detail, RetryInfo))
    seconds: float = info.retry_delay.ToMilliseconds() / 1000
    return seconds
