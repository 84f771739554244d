"""Pieces of text that were found in an image, in the order in which a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_COLUMN = 0.2  # of the page's width: columns of a text are wider, those of most tables narrower
_LEAST_LINES = 3  # of a column
_MOST_ACROSS = 0.2  # of all pieces: titles and the like, which go across columns
_SAME_ROW = 0.5  # of the lower piece's height


@dataclass(frozen=True, slots=True)
class TextBox:
    """A piece of text and where it stands, in pixels from the top left."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        """Its place down the page."""
        return (self.top + self.bottom) / 2

    @property
    def width(self) -> float:
        """Its width."""
        return self.right - self.left


def in_reading_order(boxes: Sequence[TextBox], page_width: float) -> list[str]:
    """The lines: pieces of a row make one, a column is read before the one to its right."""
    return [" ".join(box.text for box in row) for row in _ordered(boxes, page_width)]


def _ordered(boxes: Sequence[TextBox], page_width: float) -> list[list[TextBox]]:
    gutter = _gutter(boxes, page_width)
    if gutter is None:
        return _rows(boxes)
    rows: list[list[TextBox]] = []
    rest = list(boxes)
    across = _rows([box for box in boxes if box.left < gutter < box.right])
    for bar in [*across, []]:
        above = [box for box in rest if not bar or box.middle < bar[0].middle]
        for side in ([box for box in above if box.right <= gutter], [box for box in above if box.left >= gutter]):
            rows += _ordered(side, page_width)
        if bar:
            rows.append(bar)
        done = {id(box) for box in (*above, *bar)}
        rest = [box for box in rest if id(box) not in done]
    return rows


def _gutter(boxes: Sequence[TextBox], page_width: float) -> float | None:
    """Where the first column ends, if these are columns of text."""
    best: tuple[int, float] | None = None
    for place in sorted({box.right for box in boxes}):
        left = [box.width for box in boxes if box.right <= place]
        right = [box.width for box in boxes if box.left > place]
        across = len(boxes) - len(left) - len(right)
        if min(len(left), len(right)) < _LEAST_LINES or across > _MOST_ACROSS * len(boxes):
            continue
        if min(median(left), median(right)) < _COLUMN * page_width:
            continue
        if best is None or across < best[0]:
            best = across, place
    return None if best is None else best[1]


def _rows(boxes: Sequence[TextBox]) -> list[list[TextBox]]:
    """The boxes by row, from the top; those of a row from the left."""
    rows: list[list[TextBox]] = []
    for box in sorted(boxes, key=lambda box: box.middle):
        if rows and _beside(rows[-1][-1], box):
            rows[-1].append(box)
        else:
            rows.append([box])
    return [sorted(row, key=lambda box: box.left) for row in rows]


def _beside(one: TextBox, other: TextBox) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    apart = one.right <= other.left or other.right <= one.left
    return apart and shared > _SAME_ROW * min(one.bottom - one.top, other.bottom - other.top)
