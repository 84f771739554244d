"""Profile `gcp`: the same pipeline on the adapters of Google Cloud, against what stands in for it on this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from common.config import Profile
from local.functions import processes_of
from local.stack import Stack, StackOptions
from tests.conftest import show
from tests.e2e.team import Team, eventually, superuser
from tests.firestore import skip_without_firestore

LEAVE = "# Leave\n\n## Parental leave\n\nParental leave at Harbour Lights lasts eighteen weeks and is fully paid.\n"
VERTEX_METHODS = {"Predict", "GenerateContent", "UpsertDatapoints", "FindNeighbors", "ReadIndexDatapoints"}
UNUSED_TABLES = text("""
    select (select count(*) from chunk_vectors) as vectors, (select count(*) from chunk_texts) as texts
""")


@pytest.fixture(scope="module")
def cloud_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    skip_without_firestore()
    options = StackOptions(
        data=tmp_path_factory.mktemp("gcp"), profile=Profile.GCP, durable=False, schedule_seconds=1.0, log=show
    )
    with Stack(options) as running:
        yield running


def loaded(pid: int) -> set[str]:
    """The names of the files that a process has mapped: libraries that it ever imported are among them."""
    return {line.rsplit("/", 1)[-1] for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if "/" in line}


def test_a_document_goes_its_whole_way_on_the_clouds_parts_alone(cloud_stack: Stack) -> None:
    team = Team.created(cloud_stack)
    team.put("leave.md", LEAVE)
    document = team.finished(["leave.md"])["leave.md"]
    assert document["status"] == "ready"
    answer = team.api.ask(team.project, "How long is parental leave?")
    assert (answer["grounded"], answer["model"]) == (True, "gemini-3.1-flash-lite")
    assert "eighteen weeks" in answer["citations"][0]["quote"]
    engine = superuser(cloud_stack)
    with engine.connect() as connection:
        assert tuple(connection.execute(UNUSED_TABLES).one()) == (0, 0)
    engine.dispose()
    pids = [pid for child in cloud_stack.functions.children().values() for pid in processes_of(child)]
    assert pids
    assert not [name for pid in pids for name in loaded(pid) if "onnxruntime" in name]
    assert cloud_stack.cloud is not None
    counts = cloud_stack.cloud.counts()
    assert {method for method, calls in counts.vertex.items() if calls > 0} >= VERTEX_METHODS
    assert min(counts.firestore_writes, counts.firestore_reads, counts.cloud_sql_logins) > 0


@pytest.mark.full
def test_a_deleted_document_leaves_neither_vectors_nor_texts(cloud_stack: Stack) -> None:
    team = Team.created(cloud_stack)
    team.put("leave.md", LEAVE)
    document = team.finished(["leave.md"])["leave.md"]
    receipt = team.api.delete(document["id"])["deletion"]
    assert receipt["status"] == "pending"
    assert team.api.ask(team.project, "How long is parental leave?")["refusal_reason"] == "PROJECT_EMPTY"

    def complete() -> dict[str, Any] | None:
        seen = team.api.deletion(receipt["id"])
        return seen if seen["status"] == "complete" else None

    seen = eventually(complete, "the deletion")
    assert (seen["jobs"], seen["extractions"], seen["object"]) == (1, 1, "deleted")
    assert seen["vectors"] == seen["chunk_texts"] == seen["chunks"] > 0
    assert cloud_stack.cloud is not None
    assert cloud_stack.cloud.counts().vertex["RemoveDatapoints"] > 0


@pytest.mark.full
def test_the_demo_passes_and_tells_what_was_asked_of_the_cloud(root: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [str(root / "dev"), "demo", "--profile", "gcp", "--json", str(report)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counts = json.loads(report.read_text())["counts"]
    every_method = VERTEX_METHODS | {"StreamGenerateContent", "RemoveDatapoints"}
    assert {method for method, calls in counts["vertex"].items() if calls > 0} >= every_method
    assert min(counts["firestore_writes"], counts["firestore_reads"], counts["cloud_sql_logins"]) > 0
