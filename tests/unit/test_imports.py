"""No function pays for an SDK that it does not use: what each has imported once it is loaded and was pushed to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.profiles import environment

# Costly to import, each of use to some functions only.
SDKS = {
    "google.cloud.storage", "google.cloud.pubsub_v1", "google.cloud.firestore", "google.cloud.aiplatform_v1",
    "google.cloud.aiplatform", "google.cloud.sql.connector", "google.genai", "vertexai", "sqlalchemy", "pg8000",
    "alembic", "numpy", "onnxruntime", "tokenizers", "pypdfium2", "selectolax", "rich", "yaml",
}  # fmt: skip
DATABASE, PUBSUB, STORAGE = {"sqlalchemy", "pg8000"}, {"google.cloud.pubsub_v1"}, {"google.cloud.storage"}
CLOUD_SQL, VERTEX = DATABASE | {"google.cloud.sql.connector"}, {"google.cloud.aiplatform_v1", "numpy"}
# Extractors import theirs with the first document of their kind, MiniLM onnxruntime with the first text, the client of
# Firestore its SDK with the first call.
USED = {
    "local": {
        "intake": DATABASE | PUBSUB,
        "chunk": DATABASE | PUBSUB | STORAGE | {"numpy", "tokenizers"},
        "embed": DATABASE | PUBSUB | {"numpy", "tokenizers"},
        "record": DATABASE | PUBSUB | {"numpy"},
        "retire": DATABASE | PUBSUB | STORAGE | {"numpy"},
        "dead_letter": DATABASE | PUBSUB,
        "reconcile": DATABASE | PUBSUB | STORAGE,
        "api": DATABASE | PUBSUB | STORAGE | {"numpy", "tokenizers"},
    },
    "gcp": {
        "intake": CLOUD_SQL | PUBSUB,
        "chunk": CLOUD_SQL | PUBSUB | STORAGE,
        "embed": CLOUD_SQL | PUBSUB | VERTEX,
        "record": CLOUD_SQL | PUBSUB | VERTEX,
        "retire": CLOUD_SQL | PUBSUB | VERTEX | STORAGE,
        "dead_letter": CLOUD_SQL | PUBSUB,
        "reconcile": CLOUD_SQL | PUBSUB | STORAGE,
        "api": CLOUD_SQL | PUBSUB | VERTEX | STORAGE,
    },
}
CALLED = {"reconcile", "api"}
LOAD = """
import json, sys
import functions_framework
_, source, push, *names = sys.argv
client = functions_framework.create_app("main", source).test_client()
if push:
    assert client.post("/", data=b"no push").status_code == 400
print(json.dumps([name for name in names if name in sys.modules]))
"""


def imported(root: Path, function: str, variables: dict[str, str]) -> set[str]:
    source = root / "functions" / function / "main.py"
    process = subprocess.run(
        [sys.executable, "-P", "-c", LOAD, str(source), "" if function in CALLED else "push", *SDKS],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return set(json.loads(process.stdout))


@pytest.mark.parametrize(("profile", "function"), [(profile, name) for profile in USED for name in USED[profile]])
def test_a_function_imports_the_sdks_that_it_uses_and_no_other(
    root: Path, tmp_path: Path, profile: str, function: str
) -> None:
    assert imported(root, function, environment(profile, tmp_path)) == USED[profile][function]


def test_all_functions_are_looked_at(root: Path) -> None:
    functions = {file.parent.name for file in (root / "functions").glob("*/main.py")}
    assert all(used.keys() == functions for used in USED.values())
