"""The charts that Office has had since 2016 (waterfall, funnel, treemap, …; "chartEx"): data, then who shows it."""

from __future__ import annotations

from common.extraction.chart_points import PointReader
from common.extraction.charts import Chart, Series
from common.extraction.containers import Container
from common.extraction.headed_text import SEPARATOR
from common.extraction.limits import ExtractionLimits
from common.extraction.office import REPEATED
from common.extraction.xml_reading import Attributes

_SKIPPED = REPEATED | frozenset("extLst spPr txPr layoutPr dataLabels legend fmtOvrs".split())  # noqa: SIM905
_CACHES = frozenset({"chartData"})
_DIMENSIONS = frozenset({"strDim", "numDim"})
_WORDS = frozenset({"v", "t", "pt"})


def read_newer_chart(container: Container, part: str, limits: ExtractionLimits, *, own_words: bool) -> Chart:
    """As `read_chart` does for the older ones."""
    reader = _NewerChartReader(limits, own_words=own_words)
    container.read_xml(part, reader, skip=_SKIPPED | _CACHES if own_words else _SKIPPED)
    return reader.finished()


class _NewerChartReader:
    def __init__(self, limits: ExtractionLimits, *, own_words: bool) -> None:
        self._chart = Chart()
        self._limits = limits
        self._own_words = own_words
        self._characters = 0
        self._data: dict[str, Series] = {}
        self._id = ""
        self._dimension: PointReader | None = None
        self._line_of = ""  # "title" or "tx", the name of a series, while that is read
        self._line: list[str] = []
        self._from_a_cell = False
        self._axes = ["", ""]
        self._axis: str | None = None
        self._text: list[str] | None = None

    def finished(self) -> Chart:
        """The chart, without series that show nothing, such as the line of a Pareto chart."""
        self._chart.series = [each for each in self._chart.series if not each.is_empty()]
        return self._chart

    def start(self, name: str, attributes: Attributes) -> None:
        """See `XmlReader`."""
        if name in _WORDS:
            self._text = []
        if self._dimension is not None:
            self._start_in_dimension(self._dimension, name, attributes)
        elif self._line_of:
            self._from_a_cell = self._from_a_cell or name == "f"
            self._line.append(" " if name in {"p", "br"} else "")
        elif name in {"title", "tx"}:
            self._line_of, self._line, self._from_a_cell = name, [], False
        elif name == "series":
            self._chart.series.append(Series(axes=self._axes))
        else:
            self._start_reference(name, attributes)

    def _start_in_dimension(self, dimension: PointReader, name: str, attributes: Attributes) -> None:
        if name == "lvl":
            dimension.level()
            dimension.format(attributes.get("formatCode", ""))
        elif name == "pt":
            dimension.point(attributes.get("idx", ""))

    def _start_reference(self, name: str, attributes: Attributes) -> None:
        match name:
            case "data":
                self._id = attributes.get("id", "")
            case _ if name in _DIMENSIONS:
                self._dimension = PointReader(numeric=name == "numDim")
            case "dataId" if self._chart.series:
                shown = self._data.get(attributes.get("val", ""), Series())
                self._chart.series[-1].categories, self._chart.series[-1].values = shown.categories, shown.values
            case "axis":
                self._axis = attributes.get("id", "")
            case "catScaling" | "valScaling" if self._axis is not None:
                self._axes[name == "valScaling"] = self._axis

    def end(self, name: str) -> None:
        """See `XmlReader`."""
        if name in _WORDS and self._text is not None:
            self._end_words("".join(self._text))
            self._text = None
        elif name == self._line_of:
            if not (self._own_words and self._from_a_cell):
                self._end_line(" ".join("".join(self._line).split()))
            self._line_of = ""
        elif name in _DIMENSIONS and self._dimension is not None:
            self._end_dimension(name, self._dimension)
            self._dimension = None
        elif name == "axis":
            self._axis = None

    def _end_words(self, words: str) -> None:
        if self._line_of:
            self._line.append(words)
        elif self._dimension is not None:
            self._characters += len(self._dimension.value(words)) + len(SEPARATOR)
            self._limits.check_characters(self._characters)

    def _end_line(self, line: str) -> None:
        if self._line_of == "title" and self._axis is None:
            self._chart.title = line
        elif self._axis is not None:
            self._chart.axes[self._axis] = line
        elif self._chart.series:
            self._chart.series[-1].name = line

    def _end_dimension(self, name: str, dimension: PointReader) -> None:
        data = self._data.setdefault(self._id, Series())
        if name == "strDim":
            data.categories += dimension.levels
        else:
            data.values += dimension.levels

    def text(self, text: str) -> None:
        """See `XmlReader`."""
        if self._text is not None:
            self._text.append(text)
