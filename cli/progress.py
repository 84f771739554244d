"""Progress of what takes long: bars on a terminal, lines elsewhere, nothing with `--json`. All on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cli.output import Output, printable


class Show(Protocol):
    """Shows how far something has come; `fraction` is from 0 to 1."""

    def __call__(self, name: str, stage: str, fraction: float) -> None: ...


@contextmanager
def shown_progress(output: Output) -> Iterator[Show]:
    """Where progress is shown until the end of the context."""
    if output.as_json:
        yield _silent
    elif sys.stderr.isatty():
        with _bars() as bars:
            yield _Bars(bars)
    else:
        yield _Lines(output)


def _silent(name: str, stage: str, fraction: float) -> None:
    """Standard error is for a JSON error alone."""


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[stage]}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


class _Bars:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, stage: str, fraction: float) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(printable(name), total=1.0, stage=stage)
        self._bars.update(self._tasks[name], completed=fraction, stage=stage)


class _Lines:
    def __init__(self, output: Output) -> None:
        self._output = output
        self._last: dict[str, str] = {}

    def __call__(self, name: str, stage: str, fraction: float) -> None:
        line = f"{name}: {stage} {fraction:.0%}"
        if self._last.get(name) != line:
            self._last[name] = line
            self._output.note(line)
