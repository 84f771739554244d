"""What a function does with the answers of its parts before it listens. Each case is a process of its own: it forks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os
import sys
import threading
from typing import cast

from common.bootstrap.start_check import check_parts
from common.errors import ConfigurationError, Permanent, Retryable
from common.preflight import Check, Parts


def answers(parts):
    print("asked")


def misconfigured(parts):
    raise ConfigurationError("Set AI_INFRA_REGION.")


def unavailable(parts):
    raise Retryable("UNAVAILABLE", "Not now.")


def hangs(parts):
    threading.Event().wait()


def ends(parts):
    os._exit(7)


checks = [Check(name, globals()[name]) for name in sys.argv[2:]]
try:
    check_parts(cast(Parts, None), checks, seconds=float(sys.argv[1]))
except ConfigurationError as error:
    sys.exit(error.message)
print("started")
"""


def checking(root: Path, *checks: str, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-u", "-c", PROGRAM, str(seconds), *checks],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_start_whose_parts_all_answer_goes_on(root: Path) -> None:
    ended = checking(root, "answers", "answers")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "asked\nasked\nstarted\n", "")


@pytest.mark.parametrize("checks", [["misconfigured"], ["answers", "unavailable", "misconfigured", "answers"]])
def test_a_wrong_setting_ends_the_start_with_its_sentence(root: Path, checks: list[str]) -> None:
    ended = checking(root, *checks)
    assert ended.returncode == 1
    assert ended.stderr.endswith("Set AI_INFRA_REGION.\n")
    assert "Traceback" not in ended.stderr
    assert ended.stdout == "asked\n" * checks[:-1].count("answers")


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("unavailable", "the unavailable may not answer: Not now."),
        ("hangs", "without an answer of every part within 1 s"),
        ("ends", "the check ended by itself"),
    ],
)
def test_what_no_setting_is_to_blame_for_is_told_and_the_start_goes_on(root: Path, check: str, told: str) -> None:
    ended = checking(root, "answers", check, seconds=1.0 if check == "hangs" else 60.0)
    assert (ended.returncode, ended.stdout) == (0, "asked\nstarted\n")
    assert told in ended.stderr
