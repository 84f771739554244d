"""`./dev demo` keeps the README's promise."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest


@pytest.mark.full
def test_the_demo_answers_as_expected_and_writes_its_report(root: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    ended = subprocess.run(
        [str(root / "dev"), "demo", "--json", str(report)], capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    written = json.loads(report.read_text())
    assert {each["status"] for each in written["documents"]} == {"ready"}
    assert any(each["pages"] >= 50 for each in written["documents"])
    refused = [each for each in written["questions"] if not each["grounded"]]
    assert refused
    assert all(each["refusal_reason"] and not each["citations"] for each in refused)
    for each in written["questions"]:
        for citation in each["citations"]:
            assert len(citation["quote"]) == citation["char_end"] - citation["char_start"]
