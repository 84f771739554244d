"""The demo on a terminal: bars while documents are ingested, then questions with their answers and quotes.

Where the output is no terminal, each step of the ingestion is a line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

# Of the progress, a line each.
_STEP = 0.25


class Ingestion(Protocol):
    """Shows how far the documents are."""

    def update(self, title: str, status: str, progress: float, chunks: int | None) -> None:
        """Where a document stands now; `progress` is from 0 to 1."""
        ...


class Display:
    """Shows the demo on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        """Show a line as it is."""
        self._console.print(Text(line), soft_wrap=True)

    @contextmanager
    def ingestion(self) -> Iterator[Ingestion]:
        """Show the documents' progress until the context is left."""
        if not self._console.is_terminal:
            yield _Lines(self)
            return
        columns = (TextColumn("{task.description:<40}"), BarColumn(), TextColumn("{task.fields[status]}"))
        with Progress(*columns, console=self._console) as bars:
            yield _Bars(bars)

    def show_answer(self, question: str, response: dict[str, Any]) -> None:
        """Show a question with its answer, document, page and quote, or with the refusal."""
        self.say("")
        self._console.print(Text(f"Q  {question}", style="bold"), soft_wrap=True)
        if not response["grounded"]:
            self._console.print(Text(f"A  refused: {response['refusal_reason']}", style="yellow"), soft_wrap=True)
            return
        answer = "\n   ".join(response["answer"].splitlines())
        self._console.print(Text(f"A  {answer}", style="green"), soft_wrap=True)
        for citation in response["citations"]:
            quote = " ".join(citation["quote"].split())
            self.say(f"   [{citation['rank']}] {citation['title']}, page {citation['page_start']}: “{quote}”")


class _Lines:
    def __init__(self, display: Display) -> None:
        self._display = display
        self._shown: dict[str, str] = {}

    def update(self, title: str, status: str, progress: float, chunks: int | None) -> None:
        state = f"ready, {chunks} chunks" if status == "ready" else status
        if status == "processing":
            state += f" {int(progress // _STEP * _STEP * 100)} %"
        if self._shown.get(title) != state:
            self._shown[title] = state
            self._display.say(f"{title}: {state}")


class _Bars:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def update(self, title: str, status: str, progress: float, chunks: int | None) -> None:
        state = f"ready, {chunks} chunks" if status == "ready" else status
        if title not in self._tasks:
            self._tasks[title] = self._bars.add_task(title, total=1.0, status=state)
        self._bars.update(self._tasks[title], completed=progress, status=state)
