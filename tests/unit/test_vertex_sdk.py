"""The SDK of Vertex AI in parts is the SDK: whoever imports the whole, before or afterwards, has the same classes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PARTS = """
import common.adapters.vertex.generator, common.adapters.vertex.index
from google.cloud.aiplatform_v1.services.match_service import MatchServiceClient
from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient
from google.cloud.aiplatform_v1.types.content import Content
from google.cloud.aiplatform_v1.types.index import IndexDatapoint
"""
WHOLES = [
    "from google.cloud import aiplatform_v1 as whole",
    "from google.cloud.aiplatform_v1 import *; from google.cloud import aiplatform_v1 as whole",
    "import google.cloud.aiplatform; whole = google.cloud.aiplatform_v1",
]
LOADED = """
import sys
loaded = [name for name in sys.modules if name.startswith("google.cloud.aiplatform_v1.services.")]
services = {name.split(".")[4] for name in loaded}
"""
ONLY_PARTS = "assert services == {'prediction_service', 'index_service', 'match_service'}, services"
SAME = """
assert whole.MatchServiceClient is MatchServiceClient
assert whole.PredictionServiceClient is PredictionServiceClient
assert whole.Content is whole.types.Content is whole.types.content.Content is Content
assert whole.IndexDatapoint is whole.types.IndexDatapoint is IndexDatapoint
assert set(whole.types.__all__) <= set(dir(whole.types))
assert whole.DatasetServiceClient and whole.__version__
assert not hasattr(whole, "NoSuchClient") and not hasattr(whole.types, "NoSuchMessage")
"""


def run(root: Path, *steps: str) -> None:
    """In a process of its own: what is imported stays imported."""
    program = [sys.executable, "-c", "\n".join(steps)]
    process = subprocess.run(program, cwd=root, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr


def test_the_adapters_load_the_services_that_they_call_and_no_other(root: Path) -> None:
    run(root, PARTS, LOADED, ONLY_PARTS)


@pytest.mark.full
@pytest.mark.parametrize("whole", WHOLES)
def test_the_whole_may_be_imported_afterwards(root: Path, whole: str) -> None:
    run(root, PARTS, whole, SAME)


@pytest.mark.full
@pytest.mark.parametrize("whole", WHOLES)
def test_the_whole_may_have_been_imported_before(root: Path, whole: str) -> None:
    run(root, whole, PARTS, SAME)
