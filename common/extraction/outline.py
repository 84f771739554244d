"""A PDF's outline: where on their pages its titles stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NO_WORD = re.compile(r"[\W_]+")
_NUMBERING = re.compile(r"(?:chapter|section|part|appendix|annex)?[0-9a-z]?[0-9]*|[ivxlc]+|[a-z]")
_MOST_LINES = 4


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A title in the outline. `level` counts from 1, `page` from 0."""

    level: int
    title: str
    page: int


@dataclass(frozen=True, slots=True)
class Found:
    """An entry's lines on its page: `lines[first:last]` are its title with its number."""

    entry: OutlineEntry
    first: int
    last: int


def find_titles(entries: Sequence[OutlineEntry], lines: Sequence[str]) -> tuple[list[Found], list[OutlineEntry]]:
    """The entries of one page that stand in its lines, in the page's order, and those that don't.

    Only letters and digits count, whatever their case; a number before the title ("4.1", "Chapter 2") belongs to it.
    """
    if not entries:
        return [], []
    keys = [_key(line) for line in lines]
    found: list[Found] = []
    missing: list[OutlineEntry] = []
    start = 0
    for entry in entries:
        place = _find(_key(entry.title), keys, start) or _find(_key(entry.title), keys, 0)
        if place is None or any(place[0] < other.last and other.first < place[1] for other in found):
            missing.append(entry)
        else:
            found.append(Found(entry, *place))
            start = place[1]
    return sorted(found, key=lambda each: each.first), missing


def _key(text: str) -> str:
    return _NO_WORD.sub("", text).casefold()


def _find(title: str, keys: Sequence[str], start: int) -> tuple[int, int] | None:
    """The first run of at most four lines behind `start` that is the title and nothing but its number."""
    if not title:
        return None
    for first in range(start, len(keys)):
        joined = ""
        for last in range(first, min(first + _MOST_LINES, len(keys))):
            joined += keys[last]
            if joined.endswith(title) and _NUMBERING.fullmatch(joined, 0, len(joined) - len(title)):
                return first, last + 1
            if not _may_become(joined, title):
                break
    return None


def _may_become(joined: str, title: str) -> bool:
    """True if lines that read so far like this may go on to be the title."""
    known = title.find(joined[-12:])
    return len(joined) < len(title) + 12 and (known >= 0 or _NUMBERING.fullmatch(joined) is not None)
