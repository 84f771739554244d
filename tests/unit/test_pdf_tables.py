"""Tables of PDF files: each row a line, under its header, and no word lost, doubled or elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, ListFlowable, Paragraph, SimpleDocTemplate, Spacer, Table

from common.extraction import ExtractionLimits
from common.extraction.pdf import extract_pdf
from common.model.chunks import Extraction
from common.sections import Outline

PROSE = getSampleStyleSheet()["BodyText"]
SENTENCE = "The quick brown fox jumps over the lazy dog while seventeen other animals watch it from the fence."
ALL = (0, 0), (-1, -1)
GRID = [("GRID", *ALL, 0.5, colors.black)]
STYLES: dict[str, list[Any]] = {
    "grid": GRID,
    "box and inner grid": [("BOX", *ALL, 1, colors.black), ("INNERGRID", *ALL, 0.25, colors.grey)],
    "shaded header": [*GRID, ("BACKGROUND", (0, 0), (-1, 0), colors.lightgrey), ("VALIGN", *ALL, "TOP")],
    "columns ruled": [("BOX", *ALL, 1, colors.black), ("LINEBEFORE", (1, 0), (-1, -1), 1, colors.black)],
    "header ruled": [("LINEBELOW", (0, 0), (-1, 0), 1, colors.black)],
    "rows ruled": [("LINEBELOW", *ALL, 0.5, colors.black), ("VALIGN", *ALL, "MIDDLE")],
    "striped": [("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, colors.lightgrey])],
    "numbers right": [("ALIGN", (1, 0), (-1, -1), "RIGHT")],
    "none": [],
}
RULED = ("grid", "box and inner grid", "shaded header")
ROWS = [("Item", "Price", "Stock"), *((f"Thing {n}", f"{3 * n}.50", str(7 * n % 13)) for n in range(1, 90))]


def read(path: Path, flow: Sequence[Flowable], **options: Any) -> Extraction:
    pagesize = options.pop("pagesize", A4)
    SimpleDocTemplate(str(path), pagesize=pagesize, invariant=1).build(list(flow), **options)
    return extract_pdf(path, ExtractionLimits(), None)


def prose(text: str = SENTENCE) -> Paragraph:
    return Paragraph(text, PROSE)


def lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(" | ".join(row) for row in rows)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.pdf"


@pytest.mark.parametrize("pagesize", [A4, landscape(A4)])
@pytest.mark.parametrize("align", ["LEFT", "CENTER"])
@pytest.mark.parametrize("style", STYLES)
def test_rows_stand_under_their_header(path: Path, style: str, align: str, pagesize: tuple[float, float]) -> None:
    table = Table(ROWS[:6], style=STYLES[style], hAlign=align)
    extraction = read(path, [prose(SENTENCE * 3), table, prose("Short.")], pagesize=pagesize)
    assert extraction.text == f"{' '.join((SENTENCE * 3).split())}\n\n{lines(ROWS[:6])}\n\nShort."
    (heading,) = extraction.headings
    assert heading.title == "Item | Price | Stock"
    assert extraction.text[heading.char_start : heading.char_end] == lines(ROWS[:6])


@pytest.mark.parametrize("repeated", [0, 1])
@pytest.mark.parametrize("style", ["grid", "header ruled", "none"])
def test_a_table_of_several_pages_is_one(path: Path, style: str, repeated: int) -> None:
    def edges(canvas: Any, template: Any) -> None:
        canvas.drawString(72, 800, "Prices of this year")
        canvas.drawRightString(520, 30, f"Page {template.page} of 3")

    table = Table(ROWS, style=STYLES[style], repeatRows=repeated)
    extraction = read(path, [prose("Before."), table, prose("After.")], onFirstPage=edges, onLaterPages=edges)
    assert extraction.text == f"Before.\n\n{lines(ROWS)}\n\nAfter."
    assert len(extraction.page_starts) == 3
    assert [heading.title for heading in extraction.headings] == ["Item | Price | Stock"]
    assert Outline(extraction.text, extraction.headings).path(extraction.text.index("Thing 89")) == (
        "Item | Price | Stock",
    )


@pytest.mark.parametrize("style", ["grid", "shaded header", "none", "rows ruled"])
def test_lines_of_a_cell_are_one_and_empty_cells_keep_their_place(path: Path, style: str) -> None:
    rows = [
        ["Key", "Words", "Count"],
        ["one", prose(SENTENCE), "1"],
        ["two", "of two\nlines", ""],
        ["three", "", "3"],
        ["four", prose(SENTENCE), "4"],
    ]
    extraction = read(path, [prose(SENTENCE * 2), Table(rows, style=STYLES[style], colWidths=[60, 180, 60])])
    wanted = f"Key | Words | Count\none | {SENTENCE} | 1\ntwo | of two lines\nthree |  | 3\nfour | {SENTENCE} | 4"
    assert extraction.text.endswith(f"\n\n{wanted}")


def test_cells_that_are_one_stand_in_the_first_of_their_columns(path: Path) -> None:
    rows = [["Region", "Sales", ""], ["", "North", "South"], ["Ants", "1", "2"], ["Bees", "3", "4"]]
    spans = [("SPAN", (1, 0), (2, 0)), ("SPAN", (0, 0), (0, 1))]
    text = read(path, [Table(rows, style=[*GRID, *spans], colWidths=80)]).text
    assert text == "Region | Sales\n | North | South\nAnts | 1 | 2\nBees | 3 | 4"


def columns(path: Path, *, line_by_line: bool) -> str:
    """Two columns of prose, drawn one behind the other or line by line; the words of each in order."""
    canvas = Canvas(str(path), invariant=True)
    random = Random(1)
    rows = [[" ".join(random.choices(SENTENCE.split(), k=8))[:40] for _ in range(2)] for _ in range(25)]
    order = [(row, side) for row in range(25) for side in range(2)]
    for row, side in order if line_by_line else sorted(order, key=lambda place: place[::-1]):
        canvas.drawString(60 + side * 250, 780 - 14 * row, rows[row][side])
    canvas.save()
    return extract_pdf(path, ExtractionLimits(), None).text


@pytest.mark.parametrize("line_by_line", [False, True])
def test_columns_of_prose_are_no_table(path: Path, *, line_by_line: bool) -> None:
    assert " | " not in columns(path, line_by_line=line_by_line)


def test_lists_are_no_tables(path: Path) -> None:
    items = ["Ants", "Bees and bumblebees", "Cats", "Dogs"]
    flow = [ListFlowable([prose(item) for item in items], bulletType=kind) for kind in ("1", "bullet", "a")]
    assert " | " not in read(path, flow).text


@pytest.mark.parametrize("leader", ["", " . . . . . . . . ", "........."])
def test_a_table_of_contents_is_no_table(path: Path, leader: str) -> None:
    canvas = Canvas(str(path), invariant=True)
    for place, (title, page) in enumerate([("Ants", 1), ("Bees and others", 3), ("Cats", 12), ("Dogs and hens", 20)]):
        canvas.drawString(72, 700 - 18 * place, title + leader)
        canvas.drawRightString(520, 700 - 18 * place, str(page))
    canvas.save()
    assert " | " not in extract_pdf(path, ExtractionLimits(), None).text


def test_a_frame_around_text_is_no_table(path: Path) -> None:
    assert read(path, [Table([["A note"], ["in a frame"]], style=GRID)]).text == "A note\nin a frame"


@st.composite
def flows(draw: st.DrawFn) -> list[Any]:
    """The lengths of paragraphs, and tables by style, the words of their cells, whether these flow, and header rows."""
    cell = st.integers(0, 7)
    table = st.tuples(
        st.sampled_from(list(STYLES)),
        st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1)),
        st.booleans(),
        st.integers(0, 1),
    )
    return draw(st.lists(st.integers(1, 80) | table, min_size=1, max_size=6))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flows(), st.integers(0, 999))
def test_each_word_comes_out_once_and_in_order(path: Path, blocks: list[Any], seed: int) -> None:
    random = Random(seed)
    said: list[str] = []

    def words(count: int) -> str:
        made = ["".join(random.choices("abcdefghijklmnop", k=8)) for _ in range(count)]
        said.extend(made)
        return " ".join(made)

    flow: list[Flowable] = []
    for block in blocks:
        if isinstance(block, int):
            flow.append(prose(words(block)))
            continue
        style, counts, flowing, header = block
        rows = [[prose(words(n)) if flowing else words(n).replace(" ", "\n") for n in row] for row in counts]
        told = style in RULED and len(rows) > 1 < len(rows[0]) and all(map(all, counts))
        repeated = header if told else 0
        flow.append(Table(rows, style=STYLES[style], colWidths=[90] * len(rows[0]), repeatRows=repeated))
        flow.append(Spacer(1, 20))
    assert read(path, flow).text.replace("|", " ").split() == said
