"""A function that cannot work does not start: one sentence names the setting, without a stack trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.profiles import environment
from local.ports import LOOPBACK, free_ports

ELSEWHERE = "projects/1/locations/us-central1/indexes/2"


@pytest.mark.parametrize(
    ("profile", "function", "setting"),
    [
        ("gcp", "intake", "AI_INFRA_CLOUD_SQL_INSTANCE="),
        ("gcp", "chunk", "AI_INFRA_EMBEDDING_MODEL=a-model-that-nobody-knows"),
        ("gcp", "chunk", "AI_INFRA_OCR=document_ai"),
        ("gcp", "embed", "AI_INFRA_VERTEX_ENDPOINT=vertex.example:443"),
        ("gcp", "record", f"AI_INFRA_VECTOR_INDEX_NAME={ELSEWHERE}"),
        ("gcp", "retire", "AI_INFRA_CLOUD_SQL_IP_TYPE=SIDEWAYS"),
        ("gcp", "dead_letter", "GOOGLE_APPLICATION_CREDENTIALS=no-such-file.json"),
        ("local", "chunk", "AI_INFRA_OCR=document_ai"),
        ("local", "reconcile", "AI_INFRA_DATABASE_URL=no URL of a database"),
        ("gcp", "api", "AI_INFRA_KEY_PEPPERS="),
    ],
)
def test_a_setting_that_cannot_be_used_ends_the_start_with_one_sentence(
    root: Path, tmp_path: Path, profile: str, function: str, setting: str
) -> None:
    name, _, value = setting.partition("=")
    variables = {**environment(profile, tmp_path), name: value}
    [port] = free_ports(1)
    source = root / "functions" / function / "main.py"
    process = subprocess.run(
        [
            sys.executable, "-P", "-m", "functions_framework", "--target", "main", "--source", str(source),
            "--host", LOOPBACK, "--port", str(port),
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    [line] = (process.stdout + process.stderr).splitlines()
    assert name in line
    assert (process.returncode, "Traceback" in line) == (1, False)
