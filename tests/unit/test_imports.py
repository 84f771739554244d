"""No function pays for an SDK that it does not use: what each has imported once it is loaded and was pushed to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.cloud.aiplatform_v1 import services

from bench.profiles import environment

# Costly to import, each of use to some functions only.
SDKS = {
    "google.cloud.storage", "google.cloud.pubsub_v1", "google.cloud.firestore", "google.cloud.aiplatform",
    "google.cloud.sql.connector", "google.genai", "vertexai", "sqlalchemy", "pg8000", "alembic", "numpy", "onnxruntime",
    "tokenizers", "protego", "pypdfium2", "rapidocr", "cv2", "selectolax", "rich", "yaml",
    *(f"google.cloud.aiplatform_v1.services.{folder.name}" for folder in Path(services.__path__[0]).glob("*_service")),
}  # fmt: skip
DATABASE, PUBSUB, STORAGE = {"sqlalchemy", "pg8000"}, {"google.cloud.pubsub_v1"}, {"google.cloud.storage"}
PREDICTION = {"google.cloud.aiplatform_v1.services.prediction_service"}
INDEX = {f"google.cloud.aiplatform_v1.services.{name}_service" for name in ("index", "match")} | {"numpy"}
# Extractors import theirs with the first document of their kind, MiniLM onnxruntime with the first text, Cloud SQL its
# connector with the first connection, the client of Firestore its SDK with the first call; `intake` and `retire`
# theirs with the first message that has to do with an object.
USED = {
    "local": {
        "intake": DATABASE,
        "chunk": DATABASE | PUBSUB | STORAGE | {"numpy", "tokenizers"},
        "embed": DATABASE | PUBSUB | {"numpy", "tokenizers"},
        "record": DATABASE | PUBSUB | {"numpy"},
        "retire": DATABASE,
        "fetch": DATABASE | STORAGE | {"protego"},
        "dead_letter": DATABASE,
        "reconcile": DATABASE | PUBSUB | STORAGE,
        "api": DATABASE | PUBSUB | STORAGE | {"numpy", "tokenizers"},
    },
    "gcp": {
        "intake": DATABASE,
        "chunk": DATABASE | PUBSUB | STORAGE,
        "embed": DATABASE | PUBSUB | PREDICTION | INDEX,
        "record": DATABASE | PUBSUB | INDEX,
        "retire": DATABASE,
        "fetch": DATABASE | STORAGE | {"protego"},
        "dead_letter": DATABASE,
        "reconcile": DATABASE | PUBSUB | STORAGE,
        "api": DATABASE | PUBSUB | PREDICTION | INDEX | STORAGE,
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
