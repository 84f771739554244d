"""Loads one function in this fresh process as functions-framework does, and prints what that cost as JSON.

`python -m bench.loading SOURCE [push]`: with `push`, a body that is no push is sent to it, which it has to refuse.
Refusing needs no connection, and shows whether receiving loads what loading left out.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask.testing import FlaskClient

# Linux counts in KiB, macOS in bytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def measured[T](step: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """What the step gave, what it took, and the most memory that the process had by its end."""
    cpu, wall = time.process_time(), time.perf_counter()
    given = step()
    return given, {
        "cpu_ms": 1000 * (time.process_time() - cpu),
        "wall_ms": 1000 * (time.perf_counter() - wall),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / 1e6,
    }


def load(source: str) -> FlaskClient:
    import functions_framework  # noqa: PLC0415 - it is part of what is measured

    app = functions_framework.create_app("main", source)  # type: ignore[no-untyped-call]
    client: FlaskClient = app.test_client()
    return client


def main(source: str, *push: str) -> None:
    client, loading = measured(lambda: load(source))
    result = {"load": loading}
    if push:
        answered, result["first_push"] = measured(lambda: client.post("/", data=b"no push"))
        if answered.status_code != 400:
            sys.exit(f"{source} answered {answered.status_code} instead of 400 to what is no push.")
    print(json.dumps(result), flush=True)
    os._exit(0)  # what the SDKs do at exit is of no interest


if __name__ == "__main__":
    main(*sys.argv[1:])
