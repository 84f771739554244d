"""What a command says: results on standard output, all else on standard error; with `--json`, JSON on both."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

# A file or a pipe has no width: nothing is wrapped there.
_UNBOUNDED = 100_000


class Output:
    """One command's output."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def show(self, result: Any, *shown: RenderableType) -> None:
        """The command's result: the first in JSON, the others for a person."""
        if self.as_json:
            sys.stdout.write(_encoded(result))
            return
        console = Console(width=None if sys.stdout.isatty() else _UNBOUNDED, markup=False, highlight=False, emoji=False)
        for each in shown:
            # A line is the terminal's to wrap: what is copied from it then holds no break of ours.
            console.print(each, soft_wrap=isinstance(each, str))

    def note(self, sentence: str) -> None:
        """Something a person wants to know on the way; JSON has it in the result."""
        if not self.as_json:
            sys.stderr.write(f"{printable(sentence)}\n")

    def fail(self, reason: str, message: str) -> None:
        """The error that ends the command."""
        if self.as_json:
            sys.stderr.write(_encoded({"error": {"reason": reason, "message": message}}))
        else:
            sys.stderr.write(f"{printable(message)} ({reason})\n")

    def confirm(self, question: str, *, yes: bool) -> None:
        """Return if a person agrees, or did so with `--yes`; else the command ends here."""
        if yes:
            return
        if self.as_json:
            raise click.UsageError("With --json nobody is asked: add --yes.")
        click.confirm(question, abort=True, err=True)


pass_output = click.make_pass_decorator(Output)


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, long: int = 1) -> Table:
    """Entries of a list. The last `long` values of a row are continued below where it is too narrow for them."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for behind, header in zip(range(len(headers), 0, -1), headers, strict=True):
        made.add_column(header, overflow="fold", no_wrap=behind > long)
    for row in rows:
        made.add_row(*(shown(value) for value in row))
    return made


def details(values: Mapping[str, Any]) -> Table:
    """One entry, a value a line."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in values.items():
        made.add_row(name, shown(value))
    return made


def shown(value: Any) -> Text:
    """A value as a person reads it."""
    if value is None or value in ([], ()):
        return Text("–")
    if isinstance(value, datetime):
        return Text(f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}")
    if isinstance(value, (list, tuple)):
        return Text(", ".join(printable(str(each)) for each in value))
    return Text(printable(str(value)))


def printable(text: str) -> str:
    """The text without what a terminal would obey: titles and quotes are other people's."""
    return "".join(char if char in "\n\t" or not _obeyed(char) else "\N{REPLACEMENT CHARACTER}" for char in text)


def _obeyed(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cs"}


def _encoded(content: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"
