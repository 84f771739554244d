"""Charts and diagrams: parts of their own, to which slides, sheets and documents point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from common.extraction.chart_reading import read_chart
from common.extraction.charts import Chart
from common.extraction.containers import Container
from common.extraction.diagrams import read_diagram
from common.extraction.drawing import Shape, read_shapes
from common.extraction.headed_text import HeadedText
from common.extraction.limits import ExtractionLimits
from common.extraction.newer_charts import read_newer_chart
from common.extraction.office import Damage, Relationship, parts_of_kind, relationships

_NEWER = "chartEx"
_LOST = "could not be read."

type Related = Mapping[str, Relationship]


def pointed_to(container: Container, part: str, damage: Damage, place: str) -> Related:
    """What the part points to; nothing where the list of that is damaged, which a warning tells of the place."""
    warning = f"What belongs to {place} (charts, diagrams, notes) {_LOST}"
    return damage.spared(partial(relationships, container, part), {}, warning)


@dataclass(frozen=True, slots=True)
class Figures:
    """Reads what is `related` to one part, and writes it where it stands; what is damaged costs itself.

    `place` is what warnings call the part. `own_words`: charts repeat cells of the same file, which are left out.
    """

    container: Container
    related: Related
    limits: ExtractionLimits
    damage: Damage
    place: str
    own_words: bool = False

    def shapes(self, part: str, what: str) -> Sequence[Shape]:
        """The shapes of a part; none where it is damaged. `what` that is, for the warning: "A drawing"."""
        return self.damage.spared(partial(read_shapes, self.container, part), [], f"{what} of {self.place} {_LOST}")

    def write_shape(self, text: HeadedText, shape: Shape) -> None:
        """The shape's own words, then those of the chart or diagram that it shows."""
        shape.write(text)
        self.write_chart(text, shape.chart)
        self.write_diagram(text, shape.diagram)

    def write_chart(self, text: HeadedText, reference: str) -> None:
        """The chart of this id as a table, and behind it what is drawn over it; nothing where there is none."""
        if reference not in self.related:
            return
        part = self.related[reference].target
        self._chart(part, newer=self.related[reference].kind == _NEWER).write(text, self.limits)
        over_it = pointed_to(self.container, part, self.damage, self.place)
        for drawing in parts_of_kind(over_it, "chartUserShapes"):
            for shape in self.shapes(drawing, "What is drawn over a chart"):
                shape.write(text)
        self.limits.check_characters(text.length)

    def write_diagram(self, text: HeadedText, reference: str) -> None:
        """The words of the diagram of this id; nothing where there is none."""
        if reference not in self.related:
            return
        read = partial(read_diagram, self.container, self.related[reference].target)
        self.damage.spared(read, Shape(), f"A diagram of {self.place} {_LOST}").write(text)
        self.limits.check_characters(text.length)

    def _chart(self, part: str, *, newer: bool) -> Chart:
        read = partial(
            read_newer_chart if newer else read_chart, self.container, part, self.limits, own_words=self.own_words
        )
        return self.damage.spared(read, Chart(), f"A chart of {self.place} {_LOST}")
