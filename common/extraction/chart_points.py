"""The points of a chart's series as they are told, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.extraction.charts import Points
from common.extraction.xlsx_values import kind_of_format, shown
from common.extraction.xml_reading import number_of


@dataclass(slots=True)
class PointReader:
    """Takes level after level, and in each point after point. Where it is `numeric`, values are shown by a format."""

    numeric: bool = False
    from_1904: bool = False
    _levels: list[Points] = field(default_factory=lambda: [{}])
    _place: int = -1
    _kind: str = ""
    _kind_here: str = ""

    @property
    def levels(self) -> list[Points]:
        """The levels that have a point, in the order in which they came."""
        return [points for points in self._levels if points]

    def format(self, code: str) -> None:
        """The code of the format of the points to come."""
        self._kind = self._kind_here = kind_of_format(code)

    def level(self) -> None:
        """Another level begins."""
        self._place = -1
        if self._levels[-1]:
            self._levels.append({})

    def point(self, index: str, code: str | None = None) -> None:
        """A point begins, at this place, or at the next one where that is no place; it may have a format of its own."""
        place = number_of(index)
        self._place = self._place + 1 if place is None else place
        self._kind_here = self._kind if code is None else kind_of_format(code)

    def value(self, words: str) -> str:
        """What is stored at the point; how it is shown."""
        told = shown(words, self._kind_here, from_1904=self.from_1904) if self.numeric else words
        self._levels[-1][self._place] = told
        return told
