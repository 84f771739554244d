"""checkov finds nothing in infra/ but what is left as it is for a reason that stands beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parent / "checkov"

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def report(root: Path) -> Any:
    """What checkov says of infra/ with bootstrap/. It is installed as locked, apart from the project's environment."""
    uv = shutil.which("uv") or str(root / ".dev/uv/bin/uv")  # as ./dev finds it
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    run = [uv, "run", "--quiet", "--locked", "--project", str(TOOL), "checkov", "--directory", str(root / "infra")]
    done = subprocess.run(
        [*run, "--framework", "terraform", "--skip-download", "--soft-fail", "--output", "json"],
        env=environment | {"UV_PROJECT_ENVIRONMENT": str(root / ".dev/checkov"), "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_checkov_finds_nothing(report: Any) -> None:
    failed = [(each["check_id"], each["resource"], each["check_name"]) for each in report["results"]["failed_checks"]]
    assert failed == []
    assert report["results"]["parsing_errors"] == []
    assert report["summary"]["passed"] > 40


def test_what_is_left_as_it_is_has_a_reason(report: Any) -> None:
    reasons = {
        (each["check_id"], each["resource"]): each["check_result"]["suppress_comment"]
        for each in report["results"]["skipped_checks"]
    }
    assert reasons
    assert [skipped for skipped, reason in reasons.items() if len(reason.split()) < 5] == []
