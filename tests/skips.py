"""With `--allowed-skips FILE`, as in CI, a skipped test that the file does not name is a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

OPTION = "--allowed-skips"


class SkipGate:
    """Ends the session with a failure if a test was skipped that the file does not allow."""

    def __init__(self, file: Path) -> None:
        lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
        self._allowed = {line for line in lines if line and not line.startswith("#")}
        self._refused: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail") and report.nodeid not in self._allowed:
            self._refused.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for nodeid in self._refused:
            terminalreporter.write_line(f"FAILED {nodeid}: skipped, but not on the list of allowed skips", red=True)
