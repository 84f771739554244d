"""The words of drawings: slides, notes and diagrams, shape by shape."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.extraction.alt_text import written_by_a_person
from common.extraction.containers import Container
from common.extraction.headed_text import HeadedText
from common.extraction.office import REPEATED
from common.extraction.xml_reading import Attributes, number_of

SKIPPED = REPEATED | {"timing", "transition"}
_SHAPES = frozenset({"sp", "graphicFrame", "cxnSp", "pic"})
_PICTURES = frozenset({"graphicFrame", "pic"})
_LISTED = frozenset({"body", "obj"})
_DEEPEST_INDENT = 8
_TRUE = frozenset({"1", "true"})


@dataclass(slots=True)
class Paragraph:
    """A shape's paragraph. `bullet`: "-" or "1" for an item, "none" for what says it is none, "" for no word on it."""

    text: str = ""
    level: int = 0
    bullet: str = ""
    start: int = 1


@dataclass(slots=True)
class Shape:
    """What holds words on a slide. `placeholder` is what the layout meant it for; "" for what it did not foresee.

    `chart` and `diagram` are ids by which its part points to others; `description` is what somebody wrote of a picture.
    """

    is_picture: bool = False
    placeholder: str = ""
    paragraphs: list[Paragraph] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    has_header: bool = False
    description: str = ""
    chart: str = ""
    diagram: str = ""

    def title(self) -> str:
        """Its words on one line."""
        return " ".join(each.text for each in self.paragraphs)

    def write(self, text: HeadedText) -> None:
        """Write its description; its table, else its paragraphs: as items where they are some or stand in a list."""
        text.block(2)
        text.add(self.description)
        if self.rows:
            table = text.table()
            text.block(2)
            for place, row in enumerate(self.rows):
                table.row(row, header=self.has_header and place == 0)
            table.end()
        text.block(2)
        filled = [each for each in self.paragraphs if each.text.strip()]
        counts: dict[int, int] = {}
        for number, paragraph in enumerate(filled):
            marker = self._marker(paragraph, counts, several=len(filled) > 1)
            if marker:
                text.item(f"{'  ' * min(paragraph.level, _DEEPEST_INDENT)}{marker} ", first=not number)
            elif number:
                text.block(1)
            for place, line in enumerate(paragraph.text.split("\n")):
                if place:
                    text.line_break()
                text.add(line)
            text.block(1)
        text.block(2)

    def _marker(self, paragraph: Paragraph, counts: dict[int, int], *, several: bool) -> str:
        for deeper in [level for level in counts if level > paragraph.level]:
            del counts[deeper]
        if paragraph.bullet == "1":
            counts[paragraph.level] = counts.get(paragraph.level, paragraph.start - 1) + 1
            return f"{counts[paragraph.level]}."
        counts.pop(paragraph.level, None)
        by_place = self.placeholder in _LISTED and several and not paragraph.bullet
        return "-" if paragraph.bullet == "-" or by_place else ""


def read_shapes(container: Container, part: str) -> list[Shape]:
    """The shapes of the container's part, in the drawing's order."""
    reader = DrawingReader()
    container.read_xml(part, reader, skip=SKIPPED)
    return reader.shapes


class DrawingReader:
    """Collects the shapes, in the drawing's order."""

    def __init__(self) -> None:
        self.shapes: list[Shape] = [Shape()]
        self._paragraph = Paragraph()
        self._in_text = False
        self._in_cell = False

    def start(self, name: str, attributes: Attributes) -> None:
        """See `XmlReader`."""
        shape = self.shapes[-1]
        match name:
            case "t":
                self._in_text = True
            case "ph":
                shape.placeholder = attributes.get("type", "obj")
            case "cNvPr" if shape.is_picture:
                shape.description = written_by_a_person(attributes.get("descr", ""))
            case "chart":
                shape.chart = attributes.get("r:id", "")
            case "relIds":
                shape.diagram = attributes.get("r:dm", "")
            case "tblPr":
                shape.has_header = attributes.get("firstRow", "") in _TRUE
            case "tr":
                shape.rows.append([])
            case "tc" if shape.rows:
                shape.rows[-1].append("")
                self._in_cell = True
            case _ if name in _SHAPES:
                self.shapes.append(Shape(is_picture=name in _PICTURES))
            case _:
                self._describe_paragraph(name, attributes)

    def _describe_paragraph(self, name: str, attributes: Attributes) -> None:
        match name:
            case "p":
                self._paragraph = Paragraph()
            case "br":
                self._paragraph.text += "\n"
            case "pPr":
                self._paragraph.level = number_of(attributes.get("lvl", "")) or 0
            case "buChar" | "buBlip":
                self._paragraph.bullet = "-"
            case "buNone":
                self._paragraph.bullet = "none"
            case "buAutoNum":
                self._paragraph.bullet = "1"
                self._paragraph.start = number_of(attributes.get("startAt", "")) or 1

    def end(self, name: str) -> None:
        """See `XmlReader`."""
        if name == "t":
            self._in_text = False
        elif name == "tc":
            self._in_cell = False
        elif name == "p" and self._in_cell:
            self.shapes[-1].rows[-1][-1] += f"{self._paragraph.text} "
        elif name == "p":
            self.shapes[-1].paragraphs.append(self._paragraph)
            self._paragraph = Paragraph()

    def text(self, text: str) -> None:
        """See `XmlReader`."""
        if self._in_text:
            self._paragraph.text += text
