"""How metadata of documents is written on the command line: `--metadata KEY=VALUE`, any number of times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def metadata_option(meaning: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option; the command gets a dictionary as `metadata`."""
    return click.option("--metadata", multiple=True, metavar="KEY=VALUE", callback=_parsed, help=meaning)


def _parsed(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    metadata = dict[str, str]()
    for each in given:
        key, equals, value = each.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"{each!r} is not KEY=VALUE.")
        if metadata.setdefault(key, value) != value:
            raise click.BadParameter(f"{key} is given two values.")
    return metadata
