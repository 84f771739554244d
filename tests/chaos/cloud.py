"""Profile `gcp`: the adapters of Google Cloud, on the real clients, against the stand-in of Vertex AI and Firestore's
emulator. What the index was given is seen some seconds of virtual time later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, override
from uuid import UUID

import pytest

from common import config
from common.adapters.vertex.calls import Calls
from common.bootstrap.cloud_parts import CloudParts
from common.cloud_settings import CloudSettings
from common.quota import Quota
from common.setting import variable
from local.firestore import FirestoreServer, start_firestore
from local.ports import free_ports
from local.vertex import datapoints, stand_in
from local.vertex.settings import Settings as VertexSettings
from local.vertex.stand_in import VertexStandIn
from tests.chaos.clock import VirtualClock
from tests.chaos.installation import VERSIONS, LocalChaos, settings
from tests.chaos.ports import HashEmbedder
from tests.functions.topics import PROJECT

INVISIBLE_SECONDS = 3.0


class CurrentClock:
    """The time of the run that is carried out, for what all runs share: see `common.ports.Clock` and `time.time`."""

    def __init__(self) -> None:
        self.of: VirtualClock | None = None

    def now(self) -> float:
        return 0.0 if self.of is None else self.of.now()

    time = now

    def sleep(self, seconds: float) -> None:
        if self.of is not None:
            self.of.sleep(seconds)


class _SharedParts(CloudParts):
    """The adapters as the profile wires them, whose waits take virtual time."""

    def __init__(self, cloud: CloudSettings, clock: CurrentClock) -> None:
        super().__init__(settings("gcp", url="", version=VERSIONS[0]), cloud)
        self._clock = clock

    @override
    def _quota(self, requests: int, tokens: int) -> Quota:
        return Quota(requests_per_minute=requests, tokens_per_minute=tokens, now=self._clock.now)

    @override
    def _calls(self, quota: Quota | None, *, retry_seconds: float | None = None) -> Calls:
        seconds = retry_seconds or self._cloud.retry_seconds
        return Calls(quota, self._cloud.remote_seconds, seconds, self._clock, self._clock.now)


@dataclass(frozen=True)
class Cloud:
    """What stands in for Google Cloud, for one run after the other."""

    shared: CloudParts
    clock: CurrentClock
    points: datapoints.Datapoints
    firestore: FirestoreServer

    @property
    def parts(self) -> type[LocalChaos]:
        """What the functions are made of."""
        return CloudChaos

    def begin(self, clock: VirtualClock) -> None:
        """Nothing is there, and time is this run's."""
        self.clock.of = clock
        with self.points._lock, self.points._db as db:
            db.execute("delete from datapoints")
            db.execute("delete from changes")
            self.points._visible.clear()
        texts: Any = self.shared.texts
        batch = texts._client.batch()
        for name in self._text_names():
            batch.delete(texts._client.document(name.partition("/documents/")[2]))
        batch.commit()

    def holdings(self) -> dict[str, set[UUID]]:
        """The ids of the chunks that the index and the chunk texts hold."""
        return {
            "chunk_vectors": {UUID(name) for name in self.points.visible()},
            "chunk_texts": {UUID(name.rpartition("/")[2]) for name in self._text_names()},
        }

    def _text_names(self) -> list[str]:
        kept = self.firestore.front._kept._database
        return [str(name) for (name,) in kept.execute("select name from documents order by name")]


class CloudChaos(LocalChaos):
    """Profile `gcp` behind the steps: one set of clients for all functions."""

    @cached_property
    @override
    def embedder(self) -> Any:
        return self._cloud.shared.embedder

    @cached_property
    @override
    def index(self) -> Any:
        return self._cloud.shared.index

    @cached_property
    @override
    def texts(self) -> Any:
        return self._cloud.shared.texts

    @property
    def _cloud(self) -> Cloud:
        cloud = self._around.cloud
        assert isinstance(cloud, Cloud)
        return cloud


@contextmanager
def clouded(directory: Path) -> Iterator[Cloud]:
    """Everything of the cloud that runs need."""
    with ExitStack() as parts:
        clock = CurrentClock()
        points = datapoints.Datapoints(None, INVISIBLE_SECONDS)
        patch = parts.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(datapoints, "time", clock)
        patch.setattr(stand_in, "Datapoints", lambda _data, _seconds: points)
        (port,) = free_ports(1)
        firestore = parts.enter_context(start_firestore(directory, port=port, log=lambda _: None))
        vertex = parts.enter_context(
            VertexStandIn(VertexSettings(project=PROJECT), embedder=HashEmbedder("any", dimensions=384))
        )
        patch.setenv("FIRESTORE_EMULATOR_HOST", firestore.address)
        place = vertex.settings
        cloud = config.load_cloud(
            {
                variable(name): value
                for name, value in {
                    "region": place.region,
                    "vertex_endpoint": vertex.host,
                    "vector_index_name": place.index_name,
                    "vector_index_endpoint": place.index_endpoint_name,
                    "vector_index_domain": vertex.host,
                    "deployed_index": place.deployed_index,
                    "cloud_sql_instance": "project:region:instance",
                    "cloud_sql_user": "user",
                }.items()
            }
        )
        yield Cloud(_SharedParts(cloud, clock), clock, points, firestore)
