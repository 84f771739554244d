"""Diagrams ("SmartArt"): points that lie within each other, told in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from common.extraction.containers import Container
from common.extraction.drawing import SKIPPED, DrawingReader, Shape
from common.extraction.xml_reading import Attributes, number_of

_WITHIN = frozenset({"", "parOf"})
_LAYOUT = "pres"  # a point that a layout made to show another


def read_diagram(container: Container, part: str) -> Shape:
    """The words of the diagram whose data are in the part: points within others are items below them.

    Points that no other holds come last.
    """
    reader = _DiagramReader()
    container.read_xml(part, reader, skip=SKIPPED)
    return reader.whole()


@dataclass(slots=True)
class _Point:
    shape: Shape = field(default_factory=Shape)
    kind: str = ""
    held: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)


class _DiagramReader:
    def __init__(self) -> None:
        self._points: dict[str, _Point] = {}
        self._drawing = DrawingReader()

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "pt":
            point = self._point(attributes.get("modelId", ""))
            point.kind = attributes.get("type", "")
            self._drawing.shapes.append(point.shape)
        elif name == "cxn" and attributes.get("type", "") in _WITHIN:
            held = tuple(attributes.get(each, "") for each in ("parTransId", "destId", "sibTransId"))
            order = number_of(attributes.get("srcOrd", "")) or 0
            self._point(attributes.get("srcId", "")).held.append((order, held))
        else:
            self._drawing.start(name, attributes)

    def _point(self, model_id: str) -> _Point:
        return self._points.setdefault(model_id, _Point())

    def end(self, name: str) -> None:
        self._drawing.end(name)

    def text(self, text: str) -> None:
        self._drawing.text(text)

    def whole(self) -> Shape:
        """All points as one shape."""
        whole = Shape()
        for point, depth in self._in_order():
            for place, paragraph in enumerate(point.shape.paragraphs):
                paragraph.level = depth
                paragraph.bullet = "-" if depth and not place else "none"
                whole.paragraphs.append(paragraph)
        return whole

    def _in_order(self) -> Iterator[tuple[_Point, int]]:
        left = {model_id: point for model_id, point in self._points.items() if point.kind != _LAYOUT}
        whole = [(model_id, -1) for model_id, point in left.items() if point.kind == "doc"]
        for outermost in [*whole, *((model_id, 0) for model_id in left)]:
            waiting = [outermost]
            while waiting:
                model_id, depth = waiting.pop()
                point = left.pop(model_id, None)
                if point is not None:
                    yield point, max(depth, 0)
                    held = [each for _, ids in sorted(point.held, key=lambda each: each[0]) for each in ids]
                    waiting += [(each, depth + 1) for each in reversed(held)]
