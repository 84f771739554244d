"""Charts that Office has had since 2016 are tables as the older ones are."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.charts import Chart
from common.extraction.containers import open_container
from common.extraction.newer_charts import read_newer_chart
from tests.unit.packed_files import OFFICE, read, relations, tables, write_office, write_zip

NAMES = 'xmlns:cx="http://schemas.microsoft.com/office/drawing/2014/chartex" xmlns:a="a"'
LOOKS = "<cx:txPr><a:p><a:r><a:t>Cash</a:t></a:r></a:p></cx:txPr>"
CATEGORIES = (
    '<cx:strDim type="cat"><cx:f>Sheet1!$A$2:$A$3</cx:f><cx:lvl ptCount="2"><cx:pt idx="0">Opening</cx:pt>'
    '<cx:pt idx="1">Rent</cx:pt></cx:lvl></cx:strDim>'
)
VALUES = (
    '<cx:numDim type="val"><cx:f>Sheet1!$B$2:$B$3</cx:f><cx:lvl ptCount="2" formatCode="0%"><cx:pt idx="0">1</cx:pt>'
    '<cx:pt idx="1">-0.25</cx:pt></cx:lvl></cx:numDim>'
)
AXES = (
    '<cx:axis id="0"><cx:catScaling gapWidth="0.5"/><cx:title><cx:tx><cx:rich><a:p><a:r><a:t>Step</a:t></a:r></a:p>'
    '</cx:rich></cx:tx></cx:title></cx:axis><cx:axis id="1"><cx:valScaling/><cx:title><cx:tx><cx:txData><cx:v>Share'
    "</cx:v></cx:txData></cx:tx></cx:title></cx:axis>"
)
NAMED = "<cx:tx><cx:txData><cx:f>Sheet1!$B$1</cx:f><cx:v>2024</cx:v></cx:txData></cx:tx>"


def series(name: str, data: str = "0") -> str:
    return f'<cx:series layoutId="waterfall">{name}<cx:dataLabels/><cx:dataId val="{data}"/></cx:series>'


def space(data: str, shown: str, title: str = "<cx:txData><cx:v>Cash</cx:v></cx:txData>", axes: str = AXES) -> str:
    return (
        f'<cx:chartSpace {NAMES}><cx:chartData><cx:data id="0">{data}</cx:data></cx:chartData><cx:chart>'
        f"<cx:title><cx:tx>{title}</cx:tx>{LOOKS}</cx:title><cx:plotArea><cx:plotAreaRegion>{shown}"
        f"</cx:plotAreaRegion>{axes}</cx:plotArea></cx:chart></cx:chartSpace>"
    )


def chart(folder: Path, written: str, limits: ExtractionLimits | None = None, *, own_words: bool = False) -> Chart:
    limits = limits or ExtractionLimits()
    with open_container(write_zip(folder / "file", {"c.xml": written}), limits) as container:
        return read_newer_chart(container, "c.xml", limits, own_words=own_words)


def test_a_waterfall_on_a_slide_is_a_table(tmp_path: Path) -> None:
    names = f'xmlns:p="p" xmlns:r="{OFFICE}" xmlns:mc="mc" xmlns:cx="cx"'
    frame = (
        '<mc:AlternateContent><mc:Choice><p:graphicFrame><cx:chart r:id="c"/></p:graphicFrame></mc:Choice><mc:Fallback>'
        "<p:sp><p:p><p:t>This chart isn't available.</p:t></p:p></p:sp></mc:Fallback></mc:AlternateContent>"
    )
    parts = {
        "ppt/presentation.xml": f'<p:presentation {names}><p:sldId r:id="s"/></p:presentation>',
        "ppt/_rels/presentation.xml.rels": relations(("s", "slide", "slide.xml")),
        "ppt/slide.xml": f"<p:sld {names}>{frame}</p:sld>",
        "ppt/_rels/slide.xml.rels": relations(("c", "chartEx", "c.xml")),
        "ppt/c.xml": space(CATEGORIES + VALUES, series(NAMED)),
    }
    extraction = read(write_office(tmp_path / "file", "pptx", parts))
    assert extraction.text == "Cash\nShare\nStep | 2024\nOpening | 100%\nRent | -25%"
    assert tables(extraction) == [("Cash / Share / Step | 2024", extraction.text)]


def test_levels_data_without_categories_and_series_that_show_nothing(tmp_path: Path) -> None:
    levels = (
        '<cx:strDim type="cat"><cx:lvl><cx:pt idx="0">leaf</cx:pt></cx:lvl><cx:lvl><cx:pt idx="0">stem</cx:pt></cx:lvl>'
        "</cx:strDim>"
    )
    treemap = chart(tmp_path, space(levels + VALUES, series(NAMED) + series("", "9"), axes=""))
    [shown] = treemap.series
    assert shown.categories == [{0: "leaf"}, {0: "stem"}]
    assert shown.values == [{0: "100%", 1: "-25%"}]
    histogram = chart(tmp_path, space(VALUES, series("")))
    assert [(each.name, each.categories) for each in histogram.series] == [("", [])]


def test_of_a_workbook_only_what_no_cell_has_is_taken(tmp_path: Path) -> None:
    typed = "<cx:tx><cx:txData><cx:v>Plan</cx:v></cx:txData></cx:tx>"
    own = chart(tmp_path, space(CATEGORIES + VALUES, series(NAMED) + series(typed)), own_words=True)
    assert (own.title, own.axes) == ("Cash", {"0": "Step", "1": "Share"})
    assert [(each.name, each.categories, each.values) for each in own.series] == [("Plan", [], [])]
    from_cell = "<cx:txData><cx:f>Sheet1!$A$1</cx:f><cx:v>Cell</cx:v></cx:txData>"
    assert not chart(tmp_path, space("", "", from_cell), own_words=True).title
    assert chart(tmp_path, space("", "", from_cell)).title == "Cell"


def test_points_count(tmp_path: Path) -> None:
    with pytest.raises(Permanent) as caught:
        chart(tmp_path, space(CATEGORIES + VALUES, series(NAMED)), ExtractionLimits(characters=20))
    assert caught.value.reason == "TOO_MUCH_TEXT"
