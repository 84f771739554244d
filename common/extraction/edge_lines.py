"""The lines at a page's edge with their places, and when two of different pages are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from common.extraction.pages import EDGE_LINES, LinePlace, PageLayout
from common.extraction.running_lines import begins_alike, repeats

_DEEPEST = 2  # lines at an edge that may be running ones
_DEEPEST_IF_PLACED = 4  # a page's foot often comes with its head, before the text
_SAME, _BESIDE = 3, 20  # tenths of a point


class EdgeLine(NamedTuple):
    """A line at an edge, and where it and the one behind it stand, if that is known."""

    text: str
    place: LinePlace | None
    following: LinePlace | None


def edge_lines(lines: Sequence[str], layout: PageLayout | None, *, from_top: bool) -> list[EdgeLine]:
    """The lines at one edge of a page, counted from there, up to a table."""
    outside = len(lines)
    places: tuple[LinePlace, ...] = ()
    if layout:
        places = layout.top if from_top else layout.bottom
        if layout.tables:
            outside = layout.tables[0].first if from_top else len(lines) - layout.tables[-1].last
    chosen = lines[:EDGE_LINES] if from_top else lines[: -1 - EDGE_LINES : -1]
    padded = (*places, *[None] * (EDGE_LINES + 1))
    return [EdgeLine(text, padded[index], padded[index + 1]) for index, text in enumerate(chosen[:outside])]


def depth(lines: Sequence[EdgeLine]) -> int:
    """How many of the lines may be running ones."""
    placed = sum(line.place is not None for line in lines)
    return min(placed, _DEEPEST_IF_PLACED) or min(len(lines), _DEEPEST)


def is_again(line: EdgeLine, other: EdgeLine) -> bool:
    """True if the line repeats the other; where it is known where both stand, only with the same numbers."""
    if line.text == other.text:
        return True
    placed = line.place is not None and other.place is not None
    return begins_alike(line.text, other.text) if placed else repeats(line.text, other.text)


def level(line: EdgeLine, other: EdgeLine, *, any_size: bool = False) -> bool:
    """True unless it is known that the lines stand at other heights of their pages, or in other sizes."""
    if line.place is None or other.place is None:
        return True
    same_size = any_size or abs(line.place.height - other.place.height) <= _SAME
    return same_size and abs(line.place.bottom - other.place.bottom) <= _SAME


def same_place(line: EdgeLine, other: EdgeLine) -> bool:
    """True if it is known that the lines stand at the same place of their pages, in the same size."""
    if line.place is None or other.place is None:
        return False
    return level(line, other) and abs(line.place.left - other.place.left) <= _BESIDE
