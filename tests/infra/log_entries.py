"""What Cloud Logging makes of a function's lines on standard output.

https://cloud.google.com/logging/docs/structured-logging: some fields of a line become the entry's own, the rest is its
jsonPayload.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

_OWN = {
    "severity": "severity",
    "logging.googleapis.com/trace": "trace",
    "logging.googleapis.com/spanId": "spanId",
    "logging.googleapis.com/trace_sampled": "traceSampled",
}


def entries(lines: Iterable[str], *, service: str) -> Iterator[dict[str, Any]]:
    """The entries of a service's structured lines."""
    for line in lines:
        if line.startswith("{"):
            fields = json.loads(line)
            own = {_OWN[name]: fields.pop(name) for name in list(fields) if name in _OWN}
            resource = {"type": "cloud_run_revision", "labels": {"service_name": service}}
            yield {"resource": resource, "jsonPayload": fields, **own}
