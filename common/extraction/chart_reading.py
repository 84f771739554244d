"""Charts from their XML: titles, and of the series what the chart keeps of the cells that they are drawn from."""

from __future__ import annotations

from common.extraction.charts import Chart, Points, Series
from common.extraction.containers import Container
from common.extraction.headed_text import SEPARATOR
from common.extraction.limits import ExtractionLimits
from common.extraction.office import REPEATED
from common.extraction.xlsx_values import kind_of_format, shown
from common.extraction.xml_reading import Attributes, number_of

# How it looks, what is computed of it (trend lines, error bars), and what repeats its words.
_SKIPPED = REPEATED | frozenset(
    "extLst spPr txPr dLbls errBars trendline dispUnits pivotFmts dTable legend".split()  # noqa: SIM905
)
_REFERENCES = frozenset({"strRef", "numRef", "multiLvlStrRef"})
_AXES = frozenset({"catAx", "dateAx", "valAx", "serAx"})
_NUMBERS = frozenset({"numCache", "numLit"})
_FIELDS = frozenset({"tx", "cat", "xVal", "val", "yVal", "bubbleSize"})
_WORDS = frozenset({"v", "t", "formatCode"})
_TRUE = frozenset({"1", "true"})


def read_chart(container: Container, part: str, limits: ExtractionLimits, *, own_words: bool) -> Chart:
    """The chart in the container's part; with `own_words` without what it repeats of a workbook's cells.

    Permanent: TOO_MUCH_TEXT, and what `Container.read_xml` raises.
    """
    reader = _ChartReader(limits)
    container.read_xml(part, reader, skip=_SKIPPED | _REFERENCES if own_words else _SKIPPED)
    return reader.chart


class _ChartReader:
    """Reads element by element: a field of a series, such as its values, is filled point by point."""

    def __init__(self, limits: ExtractionLimits) -> None:
        self.chart = Chart()
        self._limits = limits
        self._characters = 0
        self._from_1904 = False
        self._plot: list[str] = []  # the ids of its axes, which it names behind its series
        self._axis: str | None = None
        self._title: list[str] | None = None
        self._field: list[Points] | None = None
        self._place = 0
        self._numeric = False
        self._kind = self._kind_here = ""
        self._text: list[str] | None = None

    def start(self, name: str, attributes: Attributes) -> None:
        """See `XmlReader`."""
        match name:
            case "p" | "br" | "pt" if self._title is not None:
                self._title.append(" ")
            case "pt":
                self._place = self._place_of(attributes.get("idx", ""))
                code = attributes.get("formatCode")
                self._kind_here = self._kind if code is None else kind_of_format(code)
            case _ if name in _WORDS:
                self._text = []
            case "lvl" if self._field and self._field[-1]:
                self._field.append({})
            case "title":
                self._title = []
            case "ser":
                self.chart.series.append(Series(axes=self._plot))
            case _ if name in _FIELDS and self._title is None and self.chart.series:
                self._field = [{}]
                self._place = 0
                self._numeric, self._kind_here = False, ""
            case _ if name in _NUMBERS:
                self._numeric, self._kind = True, ""
            case "date1904":
                self._from_1904 = attributes.get("val", "1") in _TRUE
            case _:
                self._start_axis(name, attributes)

    def _start_axis(self, name: str, attributes: Attributes) -> None:
        if name in _AXES:
            self._axis = ""
        elif name.endswith("Chart"):
            self._plot = []
        elif name == "axId" and self._axis is None:
            self._plot.append(attributes.get("val", ""))
        elif name == "axId":
            self._axis = attributes.get("val", "")

    def _place_of(self, index: str) -> int:
        place = number_of(index)
        return self._place + 1 if place is None else place

    def end(self, name: str) -> None:
        """See `XmlReader`."""
        if name in _WORDS:
            self._end_words(name)
        elif name == "title":
            self._end_title()
        elif name in _AXES:
            self._axis = None
        elif name == "ser" and self.chart.series and self.chart.series[-1].is_empty():
            self.chart.series.pop()
        elif name in _FIELDS and self._field is not None:
            self._end_field(name, [points for points in self._field if points])
            self._field = None

    def _end_words(self, name: str) -> None:
        words = "".join(self._text or ())
        self._text = None
        if name == "formatCode":
            self._kind = kind_of_format(words)
        elif self._title is not None:
            self._title.append(words)
        elif self._field is not None:
            value = shown(words, self._kind_here, from_1904=self._from_1904) if self._numeric else words
            self._field[-1][self._place] = value
            self._characters += len(value) + len(SEPARATOR)
            self._limits.check_characters(self._characters)

    def _end_title(self) -> None:
        title, self._title = " ".join("".join(self._title or ()).split()), None
        if self._axis is None:
            self.chart.title = title
        elif title:
            self.chart.axes[self._axis] = title

    def _end_field(self, name: str, filled: list[Points]) -> None:
        series = self.chart.series[-1]
        if name == "tx":
            series.name = " ".join(value for points in filled for value in points.values())
        elif name in {"cat", "xVal"}:
            former = self.chart.series[-2].categories if len(self.chart.series) > 1 else []
            series.categories = former if filled == former else filled  # each series has them again
        else:
            series.values += filled

    def text(self, text: str) -> None:
        """See `XmlReader`."""
        if self._text is not None:
            self._text.append(text)
