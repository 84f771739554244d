"""Charts as tables: a row a category, a column a series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from common.extraction.headed_text import SEPARATOR, HeadedText
from common.extraction.limits import ExtractionLimits

type Points = dict[int, str]
"""What is shown at each place of a series; a place without a value is none."""


@dataclass(slots=True)
class Series:
    """One series. `categories` has the innermost level first, `values` what there is of a point: value, size, label.

    `axes` are the ids of the axes that it is drawn along: that of its categories first, then that of its values.
    """

    name: str = ""
    categories: list[Points] = field(default_factory=list)
    values: list[Points] = field(default_factory=list)
    axes: Sequence[str] = ()

    def axis(self, place: int) -> str:
        """The id of its first or second axis; "" without one, as in a pie."""
        return self.axes[place] if place < len(self.axes) else ""

    def is_empty(self) -> bool:
        """True where it has neither a name nor a point."""
        return not (self.name or self.categories or self.values)


@dataclass(slots=True)
class Chart:
    """What a chart says in words and numbers; `axes` are the titles of the axes by their ids."""

    title: str = ""
    axes: dict[str, str] = field(default_factory=dict)
    series: list[Series] = field(default_factory=list)

    def write(self, text: HeadedText, limits: ExtractionLimits) -> None:
        """Write it as tables, one for all series of the same categories: title and axes are among their headers.

        Each title comes once. Permanent TOO_MUCH_TEXT.
        """
        titles = dict(self.axes)
        drawn_along = {axis for series in self.series for axis in series.axes[:2]}
        lines = [self.title, *(titles.pop(axis) for axis in self.axes if axis not in drawn_along)]
        for group in _by_categories(self.series) or [[]]:
            table = text.table()
            text.block(2)
            for header in (*([line] for line in lines), *_headers(group, titles)):
                table.row(header, header=True)
            for row in _rows(group, text.length, limits):
                table.row(row)
            table.end()
            text.block(2)
            lines = []


def _by_categories(series: Sequence[Series]) -> list[list[Series]]:
    groups: list[list[Series]] = []
    for each in series:
        if groups and (not each.categories or each.categories == groups[-1][0].categories):
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _headers(group: Sequence[Series], titles: dict[str, str]) -> Iterator[list[str]]:
    """The rows above the group's: its axes' titles, which are taken out of `titles`, and its series' names."""
    across = [titles.pop(axis, "") for axis in dict.fromkeys(each.axis(0) for each in group)]
    along = {axis: titles.pop(axis, "") for axis in dict.fromkeys(each.axis(1) for each in group)}
    levels = len(group[0].categories) if group else 0
    yield from ([title] for title in across[1 if levels else 0 :])
    if len(along) == 1:
        yield list(along.values())
    else:
        yield [*[""] * levels, *_cells(group, [along.pop(each.axis(1), "") for each in group])]
    yield [*across[: min(levels, 1)], *[""] * (levels - 1), *_cells(group, [each.name for each in group])]


def _cells(group: Sequence[Series], words: Sequence[str]) -> list[str]:
    """Each series' word above the first of its columns."""
    return [cell for each, word in zip(group, words, strict=True) for cell in (word, *[""] * (len(each.values) - 1))]


def _rows(group: Sequence[Series], length: int, limits: ExtractionLimits) -> Iterator[list[str]]:
    columns: list[Mapping[int, str]] = [*reversed(group[0].categories)] if group else []
    columns += [points for each in group for points in each.values or [{}]]
    places = sorted({place for points in columns for place in points})
    limits.check_characters(length + len(places) * len(columns) * len(SEPARATOR))
    for place in places:
        yield [points.get(place, "") for points in columns]
