"""A thousand pages: what it takes of memory, and that its progress can be watched."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas

from local.functions import processes_of
from local.stack import Stack
from tests.e2e.team import POLL_SECONDS, WAIT_SECONDS, Team

PAGES = 1000
LARGEST_KILOBYTES = 600_000
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def write_pdf(path: Path) -> None:
    """A page a day of a harbour's log."""
    canvas = Canvas(str(path), pagesize=A5, pageCompression=1)
    for page in range(1, PAGES + 1):
        lines = [f"Day {page} of the harbour log"] + [
            f"Berth {berth}: the ship {page * berth} left at {berth + page % 12} o'clock with {page + berth} crates."
            for berth in range(1, 7)
        ]
        for number, line in enumerate(lines):
            canvas.drawString(30, 550 - 16 * number, line)
        canvas.showPage()
    canvas.save()


def peaks(stack: Stack) -> dict[str, int]:
    """The most memory that each function's largest process ever held, in kB."""
    return {
        name: max(
            int(found[1])
            for pid in processes_of(child)
            if (found := PEAK.search(Path(f"/proc/{pid}/status").read_text()))
        )
        for name, child in stack.functions.children().items()
    }


def watched(team: Team, job: str) -> list[float]:
    """The job's progress as it was seen, until the job had ended."""
    seen: list[float] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        state = team.api.job(job)
        if not seen or state["progress"] != seen[-1]:
            seen.append(state["progress"])
        if state["status"] in {"succeeded", "failed"}:
            return seen
        assert time.monotonic() < deadline, state
        time.sleep(POLL_SECONDS)


@pytest.mark.full
def test_a_thousand_pages_become_ready_in_little_memory_and_in_visible_steps(
    stack: Stack, team: Team, tmp_path: Path
) -> None:
    write_pdf(tmp_path / "log.pdf")
    team.put("log.pdf", (tmp_path / "log.pdf").read_bytes())
    deadline = time.monotonic() + WAIT_SECONDS
    while not (documents := team.api.documents(team.project)):
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    progress = watched(team, documents[0]["job_id"])
    document = team.api.document(documents[0]["id"])
    assert (document["status"], document["pages"]) == ("ready", PAGES)
    assert progress == sorted(progress)
    assert len(progress) >= 5
    assert progress[-1] == 1.0
    assert {name: peak for name, peak in peaks(stack).items() if peak > LARGEST_KILOBYTES} == {}
    answer = team.api.ask(team.project, "Which ship left berth 3 on day 777 of the harbour log?")
    assert 777 in {citation["page_start"] for citation in answer["citations"]}
