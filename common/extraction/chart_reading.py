"""Charts from their XML: titles, and of the series what the chart keeps of the cells that they are drawn from."""

from __future__ import annotations

from common.extraction.chart_points import PointReader
from common.extraction.charts import Chart, Points, Series
from common.extraction.containers import Container
from common.extraction.headed_text import SEPARATOR
from common.extraction.limits import ExtractionLimits
from common.extraction.office import REPEATED
from common.extraction.xml_reading import Attributes

# How it looks, what is computed of it (trend lines, error bars, parts of labels), and what a filter hides.
_SKIPPED = REPEATED | frozenset(
    "spPr txPr errBars trendline dispUnits pivotFmts dTable legend dlblFieldTable categoryFilterExceptions "  # noqa: SIM905
    "filteredSeriesTitle filteredCategoryTitle "
    "filteredAreaSeries filteredBarSeries filteredBubbleSeries filteredLineSeries filteredPieSeries "
    "filteredRadarSeries filteredScatterSeries filteredSurfaceSeries".split()
)
_REFERENCES = frozenset({"strRef", "numRef", "multiLvlStrRef", "datalabelsRange"})
_AXES = frozenset({"catAx", "dateAx", "valAx", "serAx"})
_NUMBERS = frozenset({"numCache", "numLit"})
_FIELDS = frozenset({"tx", "cat", "xVal", "val", "yVal", "bubbleSize", "datalabelsRange"})
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
        self._series: Series | None = None
        self._field: PointReader | None = None
        self._labels = PointReader()  # of the series, as far as somebody typed them
        self._line: list[str] | None = None  # of a title or a typed label
        self._in_label = False
        self._computed = False  # a part of a label, such as "[VALUE]"
        self._text: list[str] | None = None

    def start(self, name: str, attributes: Attributes) -> None:
        """See `XmlReader`."""
        if self._line is not None:
            self._start_in_line(name, attributes)
        elif name in _WORDS:
            self._text = []
        elif self._field is not None:
            self._start_in_field(self._field, name, attributes)
        elif name in {"title", "dLbl"}:
            self._line, self._in_label = [], name == "dLbl"
        elif name == "ser":
            self._series = Series(axes=self._plot)
            self._labels = PointReader()
        elif name in _FIELDS and self._series is not None:
            self._field = PointReader(from_1904=self._from_1904)
        elif name == "date1904":
            self._from_1904 = attributes.get("val", "1") in _TRUE
        else:
            self._start_axis(name, attributes)

    def _start_in_line(self, name: str, attributes: Attributes) -> None:
        if name in {"v", "t"} and not self._computed:
            self._text = []
        elif name == "fld":
            self._computed = self._in_label
        elif name in {"p", "br", "pt"} and self._line is not None:
            self._line.append(" ")
        elif name == "idx":
            self._labels.point(attributes.get("val", ""))

    def _start_in_field(self, field: PointReader, name: str, attributes: Attributes) -> None:
        if name == "pt":
            field.point(attributes.get("idx", ""), attributes.get("formatCode"))
        elif name == "lvl":
            field.level()
        elif name in _NUMBERS:
            field.numeric = True

    def _start_axis(self, name: str, attributes: Attributes) -> None:
        if name in _AXES:
            self._axis = ""
        elif name.endswith("Chart"):
            self._plot = []
        elif name == "axId" and self._axis is None:
            self._plot.append(attributes.get("val", ""))
        elif name == "axId":
            self._axis = attributes.get("val", "")

    def end(self, name: str) -> None:
        """See `XmlReader`."""
        if name in _WORDS and self._text is not None:
            self._end_words(name, "".join(self._text))
            self._text = None
        elif name == "fld":
            self._computed = False
        elif name in {"title", "dLbl"}:
            self._end_line(" ".join("".join(self._line or ()).split()))
            self._line = None
        elif name in _FIELDS and self._series is not None and self._field is not None:
            self._end_field(self._series, name, self._field.levels)
            self._field = None
        elif name in _AXES:
            self._axis = None
        elif name == "ser" and self._series is not None and self._field is None:
            self._end_series(self._series)
            self._series = None

    def _end_words(self, name: str, words: str) -> None:
        if self._line is not None:
            self._line.append(words)
        elif self._field is None:
            return
        elif name == "formatCode":
            self._field.format(words)
        else:
            self._count(self._field.value(words))

    def _count(self, words: str) -> None:
        self._characters += len(words) + len(SEPARATOR)
        self._limits.check_characters(self._characters)

    def _end_line(self, line: str) -> None:
        if not line:
            return
        if self._in_label:
            self._count(self._labels.value(line))
        elif self._axis is None:
            self.chart.title = line
        else:
            self.chart.axes[self._axis] = line

    def _end_field(self, series: Series, name: str, levels: list[Points]) -> None:
        if name == "tx":
            series.name = " ".join(value for points in levels for value in points.values())
        elif name in {"cat", "xVal"}:
            former = self.chart.series[-1].categories if self.chart.series else []
            series.categories = former if levels == former else levels  # each series has them again
        else:
            series.values += levels

    def _end_series(self, series: Series) -> None:
        series.values += self._labels.levels
        if not series.is_empty():
            self.chart.series.append(series)

    def text(self, text: str) -> None:
        """See `XmlReader`."""
        if self._text is not None:
            self._text.append(text)
