"""The vector index on Vertex AI Vector Search: streamed datapoints, told apart by restricts.

The index has to be made for streaming updates with DOT_PRODUCT_DISTANCE: what such an index calls the distance of a
neighbour is the dot product itself, and that of normalised vectors their cosine similarity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import batched
from uuid import UUID

import numpy as np
from google.api_core.exceptions import InvalidArgument, NotFound
from google.cloud.aiplatform_v1.services.index_service import IndexServiceClient
from google.cloud.aiplatform_v1.services.match_service import MatchServiceClient
from google.cloud.aiplatform_v1.types.index import IndexDatapoint
from google.cloud.aiplatform_v1.types.index_service import RemoveDatapointsRequest, UpsertDatapointsRequest
from google.cloud.aiplatform_v1.types.match_service import FindNeighborsRequest, ReadIndexDatapointsRequest

from common.adapters.vertex.calls import Calls
from common.errors import AiInfraError, Permanent
from common.model.chunks import ChunkOwner, Vector
from common.model.questions import Hit, Scope

# Datapoints that one call writes, removes or reads: also at 3,072 dimensions far below 4 MB.
DATAPOINTS_A_CALL = 100
# Documents that one query names, and queries of one call: with vectors of 3,072 dimensions 0.6 MB.
DOCUMENTS_A_QUERY = 500
QUERIES_A_CALL = 20
MAX_NEIGHBORS = 1000
"""The most neighbours that the API gives for a query."""
# An index's own default; with fewer than are asked for, an approximate search would find no more than these.
_APPROXIMATE_NEIGHBORS = 150


class VertexVectorIndex:
    """See `common.ports.VectorIndex`. It knows nothing of liveness, and shows a change some seconds after it.

    `model` embedded what is upserted. `index_client` is of the region, `match_client` of the endpoint's own domain.
    """

    def __init__(
        self,
        index_client: IndexServiceClient,
        match_client: MatchServiceClient,
        calls: Calls,
        *,
        index_name: str,
        endpoint_name: str,
        deployed_index: str,
        model: str,
    ) -> None:
        self._index_client = index_client
        self._match_client = match_client
        self._calls = calls
        self._index_name = index_name
        self._endpoint_name = endpoint_name
        self._deployed_index = deployed_index
        self._model = model

    def upsert(self, owner: ChunkOwner, vectors: Mapping[UUID, Vector]) -> None:
        restricts = _restricts(
            team=[owner.team_id],
            project=[owner.project_id],
            document=[owner.document_id],
            job=[owner.job_id],
            model=[self._model],
        )
        for some in batched(vectors.items(), DATAPOINTS_A_CALL, strict=False):
            points = [_datapoint(vector, restricts, chunk_id) for chunk_id, vector in some]
            self._upsert(UpsertDatapointsRequest(index=self._index_name, datapoints=points))

    def _upsert(self, request: UpsertDatapointsRequest) -> None:
        try:
            # Patient: to embed the batch once more would cost more than to wait.
            self._calls.call(
                "the upsert of vectors",
                lambda seconds: self._index_client.upsert_datapoints(request, timeout=seconds),
                settings=("vector_index_name",),
                patient=True,
            )
        except InvalidArgument as error:
            raise Permanent(
                "VECTORS_REFUSED",
                f"The vector index does not take the vectors of {self._model}: {error.message}",
                retryable=True,
            ) from error

    def remove(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> None:
        """Remove by id alone: the API has no condition, and ids derive from their job, which no two owners share."""
        for some in batched(map(str, chunk_ids), DATAPOINTS_A_CALL, strict=False):
            self._remove(RemoveDatapointsRequest(index=self._index_name, datapoint_ids=some))

    def _remove(self, request: RemoveDatapointsRequest) -> None:
        self._calls.call(
            "the removal of vectors",
            lambda seconds: self._index_client.remove_datapoints(request, timeout=seconds),
            settings=("vector_index_name",),
        )

    def visible(self, owner: ChunkOwner, chunk_ids: Sequence[UUID]) -> frozenset[UUID]:
        team = _restricts(team=[owner.team_id])[0]
        return frozenset(
            UUID(point.datapoint_id)
            for some in batched(map(str, chunk_ids), DATAPOINTS_A_CALL, strict=False)
            for point in self._read(some)
            if team in point.restricts
        )

    def _read(self, ids: Sequence[str]) -> Iterator[IndexDatapoint]:
        """Those of the datapoints that are there.

        A single one that is not makes the API refuse them all (googleapis/python-aiplatform#2854): halve until found.
        """
        points = self._calls.call("the reading of vectors", lambda seconds: self._read_all(ids, seconds))
        if points is not None:
            yield from points
        elif len(ids) > 1:
            half = len(ids) // 2
            yield from self._read(ids[:half])
            yield from self._read(ids[half:])

    def _read_all(self, ids: Sequence[str], seconds: float) -> Sequence[IndexDatapoint] | None:
        request = ReadIndexDatapointsRequest(
            index_endpoint=self._endpoint_name, deployed_index_id=self._deployed_index, ids=ids
        )
        try:
            return self._match_client.read_index_datapoints(request, timeout=seconds).datapoints
        except NotFound:
            return None

    def search(self, scope: Scope, question: Vector, model: str, limit: int) -> Sequence[Hit]:
        count = min(limit, MAX_NEIGHBORS)
        queries = [
            FindNeighborsRequest.Query(
                datapoint=_datapoint(question, restricts),
                neighbor_count=count,
                approximate_neighbor_count=max(count, _APPROXIMATE_NEIGHBORS),
            )
            for restricts in _searched(scope, model)
        ]
        hits = [hit for some in batched(queries, QUERIES_A_CALL, strict=False) for hit in self._find(some)]
        return sorted(hits, key=lambda hit: -(hit.score or 0.0))[:limit]

    def _find(self, queries: Sequence[FindNeighborsRequest.Query]) -> Iterator[Hit]:
        request = FindNeighborsRequest(
            index_endpoint=self._endpoint_name, deployed_index_id=self._deployed_index, queries=queries
        )
        response = self._calls.call(
            "the search for vectors",
            lambda seconds: self._match_client.find_neighbors(request, timeout=seconds),
            settings=("vector_index_endpoint", "deployed_index"),
        )
        for nearest in response.nearest_neighbors:
            for neighbor in nearest.neighbors:
                yield Hit(UUID(neighbor.datapoint.datapoint_id), neighbor.distance)


def _searched(scope: Scope, model: str) -> Iterator[list[IndexDatapoint.Restriction]]:
    """What every search is held to, here and nowhere else: one team, one project, one model.

    Many documents are parted among several queries, of which each finds its own nearest.
    """
    if not scope.team_id or not scope.project_id:
        raise AiInfraError("SCOPE_MISSING", "A search has to name its team and its project.")
    restricts = _restricts(team=[scope.team_id], project=[scope.project_id], model=[model])
    if not scope.document_ids:
        yield restricts
    for some in batched(scope.document_ids, DOCUMENTS_A_QUERY, strict=False):
        yield restricts + _restricts(document=some)


def _restricts(**allowed: Sequence[UUID | str]) -> list[IndexDatapoint.Restriction]:
    return [
        IndexDatapoint.Restriction(namespace=namespace, allow_list=map(str, tokens))
        for namespace, tokens in allowed.items()
    ]


def _datapoint(
    vector: Vector, restricts: list[IndexDatapoint.Restriction], chunk_id: UUID | None = None
) -> IndexDatapoint:
    return IndexDatapoint(
        datapoint_id=str(chunk_id or ""),
        feature_vector=np.asarray(vector, dtype=np.float32).tolist(),
        restricts=restricts,
    )
