"""A chart becomes a table in its place: its words and values once, its title and axes above its rows."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.chart import Series as SheetSeries
from pptx import Presentation
from pptx.chart.data import BubbleChartData, CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.containers import open_container
from common.extraction.figures import Figures
from common.extraction.headed_text import HeadedText
from common.extraction.office import Damage, Relationship
from tests.unit.packed_files import (
    OFFICE,
    SHEET,
    WORD,
    outline,
    page_texts,
    read,
    relations,
    tables,
    write_office,
    write_slides,
    write_zip,
)

PLACE = (Inches(1), Inches(1), Inches(6), Inches(4))
FRAME = '<p:graphicFrame><c:chart xmlns:c="c" r:id="chart"/></p:graphicFrame>'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def empty(kind: Any, **options: str) -> Any:
    """Data of a chart to come; python-pptx tells no types of them."""
    return kind(**options)


def save_chart(path: Path, kind: XL_CHART_TYPE, data: Any, title: str = "", axes: tuple[str, str] = ("", "")) -> None:
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Trade"
    chart = slide.shapes.add_chart(kind, *PLACE, data).chart
    chart.has_title = bool(title)
    if title:
        chart.chart_title.text_frame.text = title
    for name, words in zip(("category_axis", "value_axis"), axes, strict=True):
        if words:
            getattr(chart, name).axis_title.text_frame.text = words
    show.save(str(path))


def cached(field: str, *values: str, kind: str = "str", code: str = "") -> str:
    points = "".join(f'<pt idx="{place}"><v>{value}</v></pt>' for place, value in enumerate(values) if value)
    form = f"<formatCode>{code}</formatCode>" if code else ""
    return f"<{field}><{kind}Ref><f>A1</f><{kind}Cache>{form}{points}</{kind}Cache></{kind}Ref></{field}>"


def series(name: str, categories: tuple[str, ...], values: tuple[str, ...]) -> str:
    return f"<ser>{cached('tx', name)}{cached('cat', *categories)}{cached('val', *values, kind='num')}</ser>"


def plot(kind: str, *axes: int, content: str) -> str:
    return f"<{kind}>{content}{''.join(f'<axId val="{axis}"/>' for axis in axes)}</{kind}>"


def axis(kind: str, number: int, title: str = "") -> str:
    words = f"<title><tx><rich><p><r><t>{title}</t></r></p></rich></tx></title>" if title else ""
    return f'<{kind}><axId val="{number}"/>{words}</{kind}>'


def chart(*content: str, title: str = "") -> str:
    words = f"<title><tx><rich><p><r><t>{title}</t></r></p></rich></tx></title>" if title else ""
    return f"<chartSpace><chart>{words}<plotArea>{''.join(content)}</plotArea></chart></chartSpace>"


def test_a_slides_chart_is_a_table_under_its_title_and_its_axes(path: Path) -> None:
    data = empty(CategoryChartData)
    data.categories = ["Q1", "Q2", "Q3"]
    data.add_series("North", (1.5, 2, None))
    data.add_series("South", (3, 4, 0.1 + 0.2))
    save_chart(path, XL_CHART_TYPE.COLUMN_CLUSTERED, data, "Revenue by quarter", ("Quarter", "EUR million"))
    extraction = read(path)
    table = "Revenue by quarter\nEUR million\nQuarter | North | South\nQ1 | 1.5 | 3\nQ2 | 2 | 4\nQ3 |  | 0.3"
    assert extraction.text == f"Trade\n\n{table}"
    assert tables(extraction) == [("Revenue by quarter / EUR million / Quarter | North | South", table)]
    assert [each.level for each in extraction.headings if each.char_end] == [2]


def test_shares_and_dates_read_as_they_are_shown(path: Path) -> None:
    data = empty(CategoryChartData, number_format="0.0%")
    data.categories = [date(2024, 1, 5), date(2024, 2, 5)]
    data.add_series("Share", (0.125, 1))
    save_chart(path, XL_CHART_TYPE.LINE, data)
    assert read(path).text == "Trade\n\n | Share\n2024-01-05 | 12.5%\n2024-02-05 | 100%"


def test_a_point_may_have_a_format_and_a_book_other_days(path: Path) -> None:
    values = '<val><numLit><formatCode>0%</formatCode><pt idx="0"><v>1</v></pt>'
    values += '<pt idx="1" formatCode="General"><v>1</v></pt></numLit></val>'
    days = cached("cat", "0", "1", kind="num", code="d/m/yyyy")
    inner = plot("barChart", content=f"<ser><tx><v>typed</v></tx>{days}{values}</ser>")
    space = chart(inner).replace("<chartSpace>", '<chartSpace><date1904 val="1"/>')
    assert read(write_slides(path, FRAME, chart=space)).text == " | typed\n1904-01-01 | 100%\n1904-01-02 | 1"


def test_words_are_no_numbers(path: Path) -> None:
    inner = plot("barChart", content=series("1E3", ("1E5", "007"), ("1E5", "7")))
    assert read(write_slides(path, FRAME, chart=chart(inner))).text == " | 1E3\n1E5 | 100000\n007 | 7"


def test_categories_within_others_are_columns(path: Path) -> None:
    data = empty(CategoryChartData)
    for country, cities in [("DE", ("Bonn", "Ulm")), ("FR", ("Lyon",))]:
        outer = data.add_category(country)
        for city in cities:
            outer.add_sub_category(city)
    data.add_series("Shops", (1, 2, 3))
    save_chart(path, XL_CHART_TYPE.BAR_CLUSTERED, data, axes=("Place", ""))
    assert read(path).text == "Trade\n\nPlace |  | Shops\nDE | Bonn | 1\n | Ulm | 2\nFR | Lyon | 3"


def test_points_of_two_and_three_numbers_are_rows(path: Path) -> None:
    points = empty(XyChartData)
    for name, places in [("A", [(1, 10), (2, 20)]), ("B", [(1, 11), (2, 21)]), ("C", [(5, 50)])]:
        its = points.add_series(name)
        for place in places:
            its.add_data_point(*place)
    save_chart(path, XL_CHART_TYPE.XY_SCATTER, points, "Pressure", ("Depth", "Bar"))
    assert read(path).text == "Trade\n\nPressure\nBar\nDepth | A | B\n1 | 10 | 11\n2 | 20 | 21\n\n | C\n5 | 50"
    bubbles = empty(BubbleChartData)
    bubbles.add_series("Towns").add_data_point(1, 2, 3)
    save_chart(path, XL_CHART_TYPE.BUBBLE, bubbles)
    assert read(path).text == "Trade\n\n | Towns\n1 | 2 | 3"


def test_plots_that_share_categories_are_one_table_under_the_axis_of_each(path: Path) -> None:
    quarters = ("Q1", "Q2")
    bars = series("Sales", quarters, ("1", "2")) + series("Costs", quarters, ("3", "4"))
    space = chart(
        plot("barChart", 1, 2, content=bars),
        plot("lineChart", 3, 4, content=series("Margin", quarters, ("5", "6"))),
        axis("catAx", 1, "Quarter"),
        axis("valAx", 2, "EUR"),
        axis("catAx", 3, "Quarter above"),
        axis("valAx", 4, "Share"),
        axis("serAx", 5, "Depth"),
        title="Both",
    )
    extraction = read(write_slides(path, FRAME, chart=space))
    assert extraction.text == (
        "Both\nDepth\nQuarter above\n | EUR |  | Share\nQuarter | Sales | Costs | Margin\n"
        "Q1 | 1 | 3 | 5\nQ2 | 2 | 4 | 6"
    )
    assert [title for title, _ in tables(extraction)] == [
        "Both / Depth / Quarter above / | EUR | | Share / Quarter | Sales | Costs | Margin"
    ]


def test_what_is_computed_from_a_series_and_what_a_filter_hides_are_left_out(path: Path) -> None:
    trend = (
        "<trendline><name>Linear</name></trendline><errBars><plus><numLit><pt><v>9</v></pt></numLit></plus></errBars>"
    )
    hidden = f"<extLst><filteredBarSeries>{series('Hidden', ('x',), ('1',))}</filteredBarSeries></extLst>"
    inner = series("Sales", ("Q1",), ("12",)).replace("<cat>", f"{trend}<cat>") + hidden
    assert read(write_slides(path, FRAME, chart=chart(plot("barChart", content=inner)))).text == " | Sales\nQ1 | 12"


def label(place: int, words: str) -> str:
    return f'<dLbl><idx val="{place}"/><tx><rich><p>{words}</p></rich></tx></dLbl>'


def test_labels_from_cells_and_typed_ones_are_columns_and_computed_ones_none(path: Path) -> None:
    typed = "<r><t>Strike</t></r><fld><t>[VALUE]</t></fld><r><t> in May</t></r>"
    labels = f"<dLbls>{label(1, typed)}{label(0, '<fld><t>[CELLRANGE]</t></fld>')}</dLbls>"
    cells = "<datalabelsRange><f>A1</f><dlblRangeCache><pt><v>Bonn</v></pt><pt><v>Ulm</v></pt></dlblRangeCache>"
    points = cached("xVal", "1", "2", kind="num") + cached("yVal", "3", "4", kind="num")
    inner = (
        f"<ser>{cached('tx', 'Towns')}{labels}{points}"
        f"<extLst>{cells}</datalabelsRange></extLst></ser>{series('Plan', (), ('7',))}"
    )
    space = chart(plot("scatterChart", content=inner))
    assert read(write_slides(path, FRAME, chart=space)).text == (
        " | Towns |  |  | Plan\n1 | 3 | Bonn |  | 7\n2 | 4 | Ulm | Strike in May"
    )


def test_a_series_without_a_point_keeps_its_column(path: Path) -> None:
    inner = series("Sales", ("Q1",), ("1",)) + series("Gone", ("Q1",), ()) + series("Costs", ("Q1",), ("2",))
    space = chart(plot("barChart", content=inner))
    assert read(write_slides(path, FRAME, chart=space)).text == " | Sales | Gone | Costs\nQ1 | 1 |  | 2"


def test_titles_of_several_lines_or_from_cells_stand_on_one(path: Path) -> None:
    lines = (
        "<title><tx><rich><p><r><t>One </t></r><r><t>line</t></r></p><p><r><t>and more</t></r></p></rich></tx></title>"
    )
    cell = f"<title>{cached('tx', 'From', 'cells')}</title>"
    space = chart(
        plot("barChart", 1, 2, content=series("S", ("a",), ("1",))), axis("catAx", 1).replace("/></", f"/>{cell}</")
    ).replace("<plotArea>", f"{lines}<plotArea>")
    assert read(write_slides(path, FRAME, chart=space)).text == "One line and more\nFrom cells | S\na | 1"


def test_what_is_drawn_over_a_chart_stands_behind_it(path: Path) -> None:
    write_slides(path, FRAME, chart=chart(plot("pieChart", content=series("S", ("a",), ("1",)))))
    drawn = '<d xmlns:cdr="d"><cdr:sp><p><r><t>The crisis</t></r></p></cdr:sp></d>'
    add_parts(path, {"ppt/_rels/chart.xml.rels": relations(("d", "chartUserShapes", "d.xml")), "ppt/d.xml": drawn})
    assert read(path).text == " | S\na | 1\n\nThe crisis"


def add_parts(path: Path, parts: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_documents_chart_stands_behind_its_paragraph_or_table(path: Path) -> None:
    drawing = '<w:r><w:drawing><c:chart xmlns:c="c" r:id="{}"/></w:drawing></w:r>'
    heading = '<w:p><w:pPr><w:outlineLvl w:val="1"/></w:pPr><w:r><w:t>Trade</w:t></w:r></w:p>'
    cells = f"<w:tc><w:p>{drawing.format('b')}</w:p></w:tc><w:tc><w:p><w:r><w:t>cell</w:t></w:r></w:p></w:tc>"
    body = (
        f"{heading}<w:p><w:r><w:t>See </w:t></w:r>{drawing.format('a')}<w:r><w:t>here.</w:t></w:r></w:p>"
        f"<w:tbl><w:tr>{cells}</w:tr></w:tbl><w:p><w:r><w:t>End.</w:t></w:r></w:p>"
    )
    first = chart(plot("barChart", content=series("Sales", ("Q1",), ("1",))), title="Revenue")
    second = chart(plot("pieChart", content=series("Share", ("Q2",), ("2",))))
    write_office(
        path,
        "docx",
        {
            "word/document.xml": f'<w:document xmlns:w="{WORD}" xmlns:r="{OFFICE}">{body}</w:document>',
            "word/_rels/document.xml.rels": relations(("a", "chart", "a.xml"), ("b", "chart", "b.xml")),
            "word/a.xml": first,
            "word/b.xml": second,
        },
    )
    extraction = read(path)
    assert extraction.text == ("Trade\n\nSee here.\n\nRevenue\n | Sales\nQ1 | 1\n\n | cell\n\n | Share\nQ2 | 2\n\nEnd.")
    assert [(each.level, each.title) for each in extraction.headings] == [
        (2, "Trade"),
        (3, "Revenue / | Sales"),
        (3, "| Share"),
    ]


def test_of_a_sheets_chart_stands_there_what_no_cell_has(path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Figures"
    for row in [("Quarter", "North"), ("Q1", 10), ("Q2", 20)]:
        sheet.append(row)
    bars = BarChart()
    bars.title, bars.x_axis.title, bars.y_axis.title = "Revenue by quarter", "Of the year", "EUR million"
    bars.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    bars.set_categories(Reference(sheet, min_col=1, min_row=2, max_row=3))
    bars.series.append(SheetSeries(Reference(sheet, min_col=2, min_row=2, max_row=3), title="As planned"))
    sheet.add_chart(bars, "D2")
    alone = BarChart()
    alone.title = "On a sheet of its own"
    book.create_chartsheet("Chart").add_chart(alone)
    book.save(path)
    extraction = read(path)
    assert page_texts(extraction) == [
        "Figures\n\nQuarter | North\nQ1 | 10\nQ2 | 20\n\nRevenue by quarter\nOf the year\nEUR million\nAs planned",
        "Chart\n\nOn a sheet of its own",
    ]
    assert outline(extraction) == [(1, "Figures"), (1, "Chart")]


def test_a_workbooks_caches_are_left_out_and_what_the_chart_holds_itself_is_a_table(path: Path) -> None:
    typed = "<cat><strLit><pt><v>Q1</v></pt></strLit></cat><val><numLit><pt><v>5</v></pt></numLit></val>"
    space = chart(
        plot("barChart", 1, 2, content=f"{series('cell', ('cell',), ('9',))}<ser><tx><v>Plan</v></tx>{typed}</ser>"),
        title="T",
    )
    write_office(
        path,
        "xlsx",
        {
            "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheet name="S" r:id="a"/></workbook>',
            "xl/_rels/workbook.xml.rels": relations(("a", "worksheet", "sheet.xml")),
            "xl/sheet.xml": f'<worksheet xmlns="{SHEET}"/>',
            "xl/_rels/sheet.xml.rels": relations(("d", "drawing", "drawing.xml")),
            "xl/drawing.xml": f'<d xmlns:r="{OFFICE}"><graphicFrame><chart r:id="c"/></graphicFrame></d>',
            "xl/_rels/drawing.xml.rels": relations(("c", "chart", "chart.xml")),
            "xl/chart.xml": space,
        },
    )
    extraction = read(path)
    assert extraction.text == "S\n\nT\n | Plan\nQ1 | 5"
    assert [(each.level, each.title, each.char_end) for each in extraction.headings] == [
        (1, "S", None),
        (2, "T / | Plan", len(extraction.text)),
    ]


@pytest.mark.parametrize(
    "values",
    [
        "".join(f'<pt idx="{place}"><v>1</v></pt>' for place in range(1_000_000)),
        f"<pt><v>{'word ' * 240}</v></pt>",
    ],
)
def test_a_charts_points_count(path: Path, values: str) -> None:
    inner = f"<ser><val><numLit>{values}</numLit></val></ser>"
    write_slides(path, FRAME, chart=chart(plot("lineChart", content=inner)))
    with pytest.raises(Permanent) as caught:
        read(path, ExtractionLimits(characters=1000))
    assert caught.value.reason == "TOO_MUCH_TEXT"


def test_points_far_apart_do_not_make_the_table_large(path: Path) -> None:
    inner = "".join(
        f'<ser><val><numLit><pt idx="{place}"><v>1</v></pt></numLit></val></ser>' for place in range(0, 900_000, 3000)
    )
    write_slides(path, FRAME, chart=chart(plot("lineChart", content=inner)))
    with pytest.raises(Permanent) as caught:
        read(path, ExtractionLimits(characters=100_000))
    assert caught.value.reason == "TOO_MUCH_TEXT"


WORDS = st.text(st.sampled_from("abcäé汉"), min_size=1, max_size=5)
NAMED = st.lists(WORDS, min_size=1, max_size=4)


@settings(max_examples=25)
@given(
    title=WORDS, names=NAMED, categories=NAMED, values=st.lists(st.integers(-(10**6), 10**6), min_size=16, max_size=16)
)
def test_each_word_and_number_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, title: str, names: list[str], categories: list[str], values: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "chart.pptx"
    data = empty(CategoryChartData)
    data.categories = categories
    rows = len(categories)
    for column, name in enumerate(names):
        data.add_series(name, values[column * rows : (column + 1) * rows])
    save_chart(path, XL_CHART_TYPE.LINE, data, title)
    expected = ["Trade", title, *names]
    for row, category in enumerate(categories):
        expected += [category, *(str(values[column * rows + row]) for column in range(len(names)))]
    assert [word for word in read(path).text.split() if word != "|"] == expected


ELEMENTS = (
    *(
        "chart",
        "title",
        "plotArea",
        "barChart",
        "ser",
        "tx",
        "cat",
        "val",
        "xVal",
        "strCache",
        "numCache",
        "formatCode",
    ),
    *("lvl", "pt", "v", "t", "p", "fld", "dLbl", "idx", "axId", "catAx", "valAx", "datalabelsRange", "date1904"),
    *("series", "data", "strDim", "numDim", "dataId", "axis", "catScaling", "valScaling", "txData", "f"),
)
TREES = st.recursive(
    st.sampled_from(["", "word", "7", "0%", "d/m/yy"]),
    lambda inner: st.builds(
        lambda name, value, content: f'<{name} val="{value}" idx="{value}" id="{value}">{"".join(content)}</{name}>',
        st.sampled_from(ELEMENTS),
        st.sampled_from(["", "0", "1", "x", "9999999"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=25,
)


@settings(max_examples=150)
@given(content=TREES, kind=st.sampled_from(["chart", "chartEx"]), own_words=st.booleans())
def test_elements_in_any_order_are_no_damage(
    tmp_path_factory: pytest.TempPathFactory, content: str, kind: str, own_words: bool
) -> None:
    limits, text = ExtractionLimits(), HeadedText()
    path = write_zip(tmp_path_factory.getbasetemp() / "any.zip", {"c.xml": f"<x>{content}</x>"})
    with open_container(path, limits) as container:
        damage = Damage()
        related = {"c": Relationship(kind, "c.xml")}
        Figures(container, related, limits, damage, "slide 1", own_words=own_words).write_chart(text, "c")
    assert damage.warnings() == ()
