"""Presentations become pages, each under its slide's title."""

from __future__ import annotations

from pathlib import Path

import pytest
from pptx import Presentation
from pptx.util import Inches

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.mime_types import PPTX
from tests.unit.packed_files import outline, page_texts, read, tables, write_slides

BOX = (Inches(1), Inches(1), Inches(3), Inches(1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def shape(*paragraphs: str, placeholder: str = "") -> str:
    properties = f"<p:nvSpPr><p:nvPr>{placeholder}</p:nvPr></p:nvSpPr>"
    inner = "".join(each if each.startswith("<") else f"<a:p><a:r><a:t>{each}</a:t></a:r></a:p>" for each in paragraphs)
    return f"<p:sp>{properties}<p:txBody>{inner}</p:txBody></p:sp>"


def test_slides_are_pages_under_their_titles_with_their_notes(path: Path) -> None:
    show = Presentation()
    first = show.slides.add_slide(show.slide_layouts[1])
    first.shapes.title.text = "Ferries"
    first.placeholders[1].text = "fast\nslow"
    first.placeholders[1].text_frame.paragraphs[1].level = 1
    first.notes_slide.notes_text_frame.text = "Speak slowly."
    second = show.slides.add_slide(show.slide_layouts[6])
    second.shapes.add_textbox(*BOX).text_frame.text = "no title here"
    group = second.shapes.add_group_shape()
    group.shapes.add_textbox(*BOX).text_frame.text = "in a group"
    table = second.shapes.add_table(2, 2, *BOX).table
    for row, cells in enumerate([("Route", "Price"), ("North\nwest", "12")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    show.slides.add_slide(show.slide_layouts[6])
    last = show.slides.add_slide(show.slide_layouts[5])
    last.shapes.title.text = "The\nend"
    show.save(str(path))
    extraction = read(path)
    assert page_texts(extraction) == [
        "Ferries\n\n- fast\n  - slow\n\nSpeak slowly.",
        "no title here\n\nin a group\n\nRoute | Price\nNorth west | 12",
        "",
        "The end",
    ]
    assert (extraction.mime_type, extraction.title) == (PPTX, "Ferries")
    assert [each for each in outline(extraction) if each[1]] == [(1, "Ferries"), (1, "The end")]
    assert tables(extraction) == [("Route | Price", "Route | Price\nNorth west | 12")]
    ends = next(each for each in extraction.headings if not each.title)
    assert not extraction.text[ends.char_start : extraction.page_starts[1]].strip()


def test_the_title_comes_first_and_what_runs_at_the_edges_not_at_all(path: Path) -> None:
    write_slides(
        path,
        shape("before")
        + shape("7", placeholder='<p:ph type="sldNum"/>')
        + shape("today", placeholder='<p:ph type="dt"/>')
        + shape("Title", placeholder='<p:ph type="ctrTitle"/>')
        + shape("Sub", placeholder='<p:ph type="subTitle"/>')
        + shape("behind"),
    )
    assert read(path).text == "Title\n\nbefore\n\nSub\n\nbehind"


def test_lists_keep_their_marks(path: Path) -> None:
    def item(text: str, mark: str, level: int = 0) -> str:
        return f'<a:p><a:pPr lvl="{level}">{mark}</a:pPr><a:r><a:t>{text}</a:t></a:r></a:p>'

    numbered = '<a:buAutoNum type="arabicPeriod" startAt="3"/>'
    write_slides(
        path,
        shape(item("a", numbered), item("b", numbered), item("c", '<a:buChar char="•"/>', 1), item("d", numbered))
        + shape(item("plain", "<a:buNone/>"), item("dot", ""), placeholder='<p:ph idx="1"/>'),
    )
    assert read(path).text == "3. a\n4. b\n  - c\n5. d\n\nplain\n- dot"


def test_diagrams_are_read_where_they_stand_and_drawings_once(path: Path) -> None:
    choice = f"<mc:Choice>{shape('new')}</mc:Choice><mc:Fallback>{shape('old')}</mc:Fallback>"
    tree = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f'{choice}</mc:AlternateContent><p:graphicFrame><dgm:relIds r:dm="data"/></p:graphicFrame>' + shape("last")
    )
    data = "<dgm:pt><dgm:t><a:p><a:r><a:t>step</a:t></a:r><a:br/><a:r><a:t>one</a:t></a:r></a:p></dgm:t></dgm:pt>"
    assert read(write_slides(path, tree, data=data)).text == "new\n\nstep\none\n\nlast"


def test_too_many_slides_are_refused(path: Path) -> None:
    write_slides(path, *["<p:sp/>"] * 3)
    assert len(read(path, ExtractionLimits(pages=3)).page_starts) == 3
    with pytest.raises(Permanent, match="3 pages"):
        read(path, ExtractionLimits(pages=2))
