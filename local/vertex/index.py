"""IndexService and MatchService of one vector index: dot product, nearest first, exact."""

from __future__ import annotations

import numpy as np
from google.cloud.aiplatform_v1 import types
from numpy.typing import NDArray

from local.vertex.datapoints import Datapoint, Datapoints, IndexDatapoint
from local.vertex.protocol import Proto, not_found, require
from local.vertex.restricts import matches, tokens_of
from local.vertex.settings import Settings

UpsertReply = types.UpsertDatapointsResponse.pb()
RemoveReply = types.RemoveDatapointsResponse.pb()
NeighborsReply = types.FindNeighborsResponse.pb()
ReadReply = types.ReadIndexDatapointsResponse.pb()

_NEIGHBORS = 1_000
_NEIGHBORS_UNASKED = 10
_READ_AT_ONCE = 1_000


class Index:
    """The calls on the vector index."""

    def __init__(self, settings: Settings, datapoints: Datapoints) -> None:
        self._settings, self._datapoints = settings, datapoints

    def upsert(self, request: Proto) -> Proto:
        self._settings.check_index(request.index)
        self._check_count(len(request.datapoints))
        for datapoint in request.datapoints:
            require(bool(datapoint.datapoint_id), "Each datapoint must have a datapoint_id.")
            self._check_vector(datapoint)
        self._datapoints.upsert(request.datapoints)
        return UpsertReply()

    def remove(self, request: Proto) -> Proto:
        self._settings.check_index(request.index)
        self._check_count(len(request.datapoint_ids))
        self._datapoints.remove(request.datapoint_ids)
        return RemoveReply()

    def find_neighbors(self, request: Proto) -> Proto:
        self._settings.check_endpoint(request.index_endpoint, request.deployed_index_id)
        for query in request.queries:
            self._check_vector(query.datapoint)
            require(0 <= query.neighbor_count <= _NEIGHBORS, f"neighbor_count must be at most {_NEIGHBORS}.")
        visible = list(self._datapoints.visible().values())
        found = [_nearest(query, visible, full=request.return_full_datapoint) for query in request.queries]
        return NeighborsReply(nearest_neighbors=found)

    def read(self, request: Proto) -> Proto:
        """All of the datapoints: a single one that is not there refuses the call (python-aiplatform#2854)."""
        self._settings.check_endpoint(request.index_endpoint, request.deployed_index_id)
        require(len(request.ids) <= _READ_AT_ONCE, f"At most {_READ_AT_ONCE} datapoints can be read at once.")
        visible = self._datapoints.visible()
        missing = [name for name in request.ids if name not in visible]
        if missing:
            raise not_found(f"Datapoint {missing[0]}")
        return ReadReply(datapoints=[visible[name].message for name in request.ids])

    def _check_count(self, count: int) -> None:
        limit = self._settings.datapoints_per_request
        require(count <= limit, f"A request has at most {limit} datapoints; this one has {count}.")

    def _check_vector(self, datapoint: Proto) -> None:
        length, expected = len(datapoint.feature_vector), self._settings.index_dimensions
        require(length == expected, f"The index has {expected} dimensions; a feature_vector has {length}.")


def _nearest(query: Proto, visible: list[Datapoint], *, full: bool) -> Proto:
    """The neighbours of one query. Their distance is the dot product, as of an index of DOT_PRODUCT_DISTANCE."""
    wanted = tokens_of(query.datapoint.restricts)
    fitting = [datapoint for datapoint in visible if matches(datapoint.tokens, wanted)]
    reply = NeighborsReply.NearestNeighbors(id=query.datapoint.datapoint_id)
    if not fitting:
        return reply
    target: NDArray[np.float32] = np.array(query.datapoint.feature_vector, dtype=np.float32)
    products = np.stack([datapoint.vector for datapoint in fitting]) @ target
    count = query.neighbor_count or _NEIGHBORS_UNASKED
    for place in np.argsort(-products, kind="stable")[:count]:
        found = fitting[place].message
        shown = found if full else IndexDatapoint(datapoint_id=found.datapoint_id)
        reply.neighbors.add(datapoint=shown, distance=float(products[place]))
    return reply
