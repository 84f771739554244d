"""The functions through their entry points, on real parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.ports import free_ports
from local.storage import Notifications, start_storage
from tests.conftest import TestDatabase, show
from tests.functions.installation import Installation, installed
from tests.functions.topics import PROJECT, Topics, recorded_topics


@pytest.fixture(scope="session")
def function_topics(root: Path) -> Iterator[Topics]:
    with recorded_topics(root) as topics:
        yield topics


@pytest.fixture(scope="session")
def function_storage(function_topics: Topics, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a storage server that tells nobody of its objects: tests do that themselves."""
    port = int(function_topics.host.rpartition(":")[2])
    nobody = Notifications(pubsub_port=port, project=PROJECT, topic="object-events", bucket="no-such-bucket")
    folder = tmp_path_factory.mktemp("function-storage")
    with start_storage(folder, port=free_ports(1)[0], notifications=nobody, log=show) as server:
        yield server.endpoint


@pytest.fixture(scope="module")
def installation(database: TestDatabase, function_topics: Topics, function_storage: str) -> Iterator[Installation]:
    """All functions on a database and buckets of the module's own."""
    with installed(database, function_topics, function_storage) as parts:
        yield parts


@pytest.fixture(autouse=True)
def nothing_published_before(request: pytest.FixtureRequest) -> None:
    """Each test sees what it published itself."""
    if "installation" in request.fixturenames:
        request.getfixturevalue("installation").topics.take()
