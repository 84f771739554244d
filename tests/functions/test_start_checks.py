"""In profile `gcp` a function asks its parts before it listens: a person's mistake ends the start, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc import StatusCode

from common.setting import variable
from local.errors import StartError
from local.functions import function_command
from local.ports import free_ports
from local.process import port_answers, start
from local.topology import Topology, read_topology
from local.vertex.faults import Fault
from tests.conftest import TestDatabase, show
from tests.integration.faulty_cloud import NOBODY, PROJECT, VERTEX, FaultyCloud, faulty_cloud
from tests.integration.faulty_firestore import answers

pytestmark = pytest.mark.full

ELSEWHERE = f"projects/{PROJECT}/locations/us-central1"
FUNCTIONS = ("intake", "chunk", "embed", "record", "retire", "fetch", "dead_letter", "reconcile", "api")


@pytest.fixture(scope="module")
def topology(root: Path) -> Topology:
    return read_topology(root / "infra" / "topology.yaml")


@pytest.fixture(scope="module")
def running(
    database: TestDatabase, topology: Topology, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyCloud]:
    with faulty_cloud(database, topology, tmp_path_factory.mktemp("cloud")) as parts:
        yield parts


@pytest.fixture
def cloud(running: FaultyCloud) -> Iterator[FaultyCloud]:
    yield running
    running.mend()


class Starter:
    """Starts a function as the stack does, and tells what it said until it listened or ended."""

    def __init__(self, cloud: FaultyCloud, topology: Topology, root: Path, logs: Path) -> None:
        self._cloud, self._topology, self._root, self._logs = cloud, topology, root, logs

    def __call__(self, name: str, account: str = "", **changes: str) -> list[str]:
        [port] = free_ports(1)
        settings = self._cloud.of(account or name) | {variable(each): value for each, value in changes.items()}
        command = function_command(
            name, self._topology.functions[name], port=port, checkout=self._root, settings=settings
        )
        with start(command, logs=self._logs, log=show, ready=port_answers(port), seconds=60.0) as function:
            return function.lines()

    def refused(self, name: str, account: str = "", **changes: str) -> str:
        """The one line that the function says before it ends."""
        with pytest.raises(StartError, match="ended with status 1 before it was ready"):
            self(name, account, **changes)
        [line] = (self._logs / f"{name}.log").read_text(encoding="utf-8").splitlines()
        return line


@pytest.fixture
def starts(cloud: FaultyCloud, topology: Topology, root: Path, tmp_path: Path) -> Starter:
    return Starter(cloud, topology, root, tmp_path)


def test_every_function_is_started_here(topology: Topology) -> None:
    assert set(FUNCTIONS) == set(topology.functions)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_whose_parts_answer_starts(starts: Starter, function: str) -> None:
    assert not [line for line in starts(function) if "Started" in line]


@pytest.mark.parametrize(
    ("function", "changes"),
    [
        ("intake", {"google_project": "another"}),
        ("chunk", {"upload_bucket": "none"}),
        ("chunk", {"extraction_bucket": "none"}),
        ("embed", {"google_project": "another"}),
        ("embed", {"embedding_model": "text-embedding-none"}),
        ("embed", {"vector_index_name": f"{VERTEX.parent}/indexes/none"}),
        (
            "embed",
            {
                "region": "us-central1",
                "vector_index_name": f"{ELSEWHERE}/indexes/chunks",
                "vector_index_endpoint": f"{ELSEWHERE}/indexEndpoints/chunks",
            },
        ),
        ("record", {"cloud_sql_instance": f"{PROJECT}:us-central1:main"}),
        ("retire", {"cloud_sql_database": "none"}),
        ("dead_letter", {"cloud_sql_user": "nobody@preflight.iam"}),
        ("reconcile", {"google_project": "another"}),
        ("api", {"deployed_index": "none"}),
        ("api", {"vector_index_endpoint": f"{VERTEX.parent}/indexEndpoints/none"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_wrong_setting_is_named_before_the_function_listens(
    starts: Starter, function: str, changes: dict[str, str]
) -> None:
    assert variable(next(iter(changes))) in starts.refused(function, **changes)


@pytest.mark.parametrize(
    ("function", "method"),
    [("embed", "Predict"), ("embed", "RemoveDatapoints"), ("retire", "RemoveDatapoints"), ("api", "FindNeighbors")],
)
def test_a_missing_permission_on_vertex_ai_is_named_before_the_function_listens(
    cloud: FaultyCloud, starts: Starter, function: str, method: str
) -> None:
    cloud.vertex.faults.add(method, Fault(code=StatusCode.PERMISSION_DENIED), times=10)
    assert "roles/aiplatform.user" in starts.refused(function)


@pytest.mark.parametrize("function", ["record", "api"])
def test_a_missing_permission_on_firestore_is_named_before_the_function_listens(
    cloud: FaultyCloud, starts: Starter, function: str
) -> None:
    cloud.firestore.before.append(answers(StatusCode.PERMISSION_DENIED))
    assert "roles/datastore.user" in starts.refused(function)


def test_an_account_without_a_login_is_told_before_the_function_listens(starts: Starter) -> None:
    assert "roles/cloudsql.instanceUser" in starts.refused("intake", NOBODY)


def test_a_part_that_is_unavailable_keeps_no_function_from_starting(cloud: FaultyCloud, starts: Starter) -> None:
    cloud.vertex.faults.add("Predict", Fault(code=StatusCode.UNAVAILABLE), times=100)
    assert any("Started although the embedder may not answer" in line for line in starts("embed"))


def test_a_part_that_does_not_answer_keeps_no_function_from_starting(cloud: FaultyCloud, starts: Starter) -> None:
    cloud.vertex.faults.add("Predict", Fault(seconds=60.0), times=100)
    said = starts("embed", start_check_seconds="2", retry_seconds="60")
    assert any("Started without an answer of every part" in line for line in said)


def test_the_check_can_be_left_out(starts: Starter) -> None:
    starts("intake", google_project="another", check_at_start="false")
