"""A damaged part that is not the document's main text costs itself; a warning says what and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import Permanent
from common.extraction import ExtractionLimits
from tests.unit.packed_files import OFFICE, SHEET, WORD, read, relations, write_docx, write_office, write_slides

BROKEN = "<a><b>"
CHART = '<p:graphicFrame><c:chart xmlns:c="c" r:id="c"/></p:graphicFrame>'
WORDS = "<p:sp><a:p><a:r><a:t>words</a:t></a:r></a:p></p:sp>"
PARAGRAPH = "<w:p><w:r><w:t>words</w:t></w:r></w:p>"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def write_slide(path: Path, tree: str, parts: dict[str, str]) -> Path:
    names = f'xmlns:p="p" xmlns:a="a" xmlns:r="{OFFICE}"'
    return write_office(
        path,
        "pptx",
        {
            "ppt/presentation.xml": f'<p:presentation {names}><p:sldId r:id="s"/></p:presentation>',
            "ppt/_rels/presentation.xml.rels": relations(("s", "slide", "slide.xml")),
            "ppt/slide.xml": f"<p:sld {names}>{tree}</p:sld>",
            **{f"ppt/{name}": content for name, content in parts.items()},
        },
    )


@pytest.mark.parametrize(
    ("tree", "pointed", "part", "warning"),
    [
        (CHART, ("c", "chart"), BROKEN, "A chart of slide 1 could not be read."),
        (CHART, ("c", "chart"), None, "A chart of slide 1 could not be read."),
        ('<relIds r:dm="d"/>', ("d", "diagramData"), BROKEN, "A diagram of slide 1 could not be read."),
        ("", ("n", "notesSlide"), BROKEN, "The notes of slide 1 could not be read."),
    ],
)
def test_what_a_slide_points_to_costs_itself(
    path: Path, tree: str, pointed: tuple[str, str], part: str | None, warning: str
) -> None:
    parts = {"_rels/slide.xml.rels": relations((*pointed, "x.xml"))}
    extraction = read(write_slide(path, tree + WORDS, parts if part is None else parts | {"x.xml": part}))
    assert (extraction.text, extraction.warnings) == ("words", (warning,))


def test_a_slide_whose_list_of_parts_is_damaged_keeps_its_words(path: Path) -> None:
    extraction = read(write_slide(path, CHART + WORDS, {"_rels/slide.xml.rels": BROKEN}))
    assert extraction.text == "words"
    assert extraction.warnings == ("What belongs to slide 1 (charts, diagrams, notes) could not be read.",)


def test_a_chart_whose_list_of_parts_is_damaged_is_read(path: Path) -> None:
    chart = "<c><title><tx><rich><p><r><t>Sales</t></r></p></rich></tx></title></c>"
    parts = {"_rels/slide.xml.rels": relations(("c", "chart", "c.xml")), "c.xml": chart, "_rels/c.xml.rels": BROKEN}
    extraction = read(write_slide(path, CHART, parts))
    assert extraction.text == "Sales"
    assert extraction.warnings == ("What belongs to slide 1 (charts, diagrams, notes) could not be read.",)


def test_a_chart_that_nothing_points_to_is_none(path: Path) -> None:
    extraction = read(write_slide(path, CHART + WORDS, {}))
    assert (extraction.text, extraction.warnings) == ("words", ())


def test_a_damaged_slide_is_refused(path: Path) -> None:
    with pytest.raises(Permanent) as caught:
        read(write_slide(path, "<broken>", {}))
    assert caught.value.reason == "CORRUPT_FILE"


def test_a_chart_over_a_limit_is_refused(path: Path) -> None:
    parts = {"_rels/slide.xml.rels": relations(("c", "chart", "c.xml")), "c.xml": "<a>" * 60 + "</a>" * 60}
    with pytest.raises(Permanent) as caught:
        read(write_slide(path, CHART, parts), ExtractionLimits(depth=50))
    assert caught.value.reason == "NESTED_TOO_DEEPLY"


@pytest.mark.parametrize(
    ("kind", "warning"),
    [
        ("styles", "The document's styles could not be read: headings or lists may be missing."),
        ("numbering", "The document's numbering could not be read: headings or lists may be missing."),
        ("footnotes", "Some of the document's footnotes could not be read."),
        ("endnotes", "Some of the document's endnotes could not be read."),
    ],
)
def test_a_documents_words_do_without_styles_numbers_and_notes(path: Path, kind: str, warning: str) -> None:
    extraction = read(write_docx(path, PARAGRAPH, **{kind: "<broken>"}))
    assert (extraction.text, extraction.warnings) == ("words", (warning,))


def test_notes_ahead_of_the_damage_are_kept(path: Path) -> None:
    note = '<w:footnote w:id="1"><w:p><w:r><w:t>whole</w:t></w:r></w:p></w:footnote>'
    body = '<w:p><w:r><w:t>words</w:t><w:footnoteReference w:id="1"/><w:footnoteReference w:id="2"/></w:r></w:p>'
    broken = f'{note}<w:footnote w:id="2"><w:p><w:r><w:t>lost</w:t></w:r>'
    assert read(write_docx(path, body, footnotes=broken)).text == "words\n\nwhole"


@pytest.mark.parametrize("element", ['<c:chart xmlns:c="c" r:id="x"/>', '<d:relIds xmlns:d="d" r:dm="x"/>'])
def test_a_documents_figure_costs_itself(path: Path, element: str) -> None:
    body = f"<w:p><w:r>{element}</w:r></w:p>{PARAGRAPH}"
    parts = {
        "word/document.xml": f'<w:document xmlns:w="{WORD}" xmlns:r="{OFFICE}">{body}</w:document>',
        "word/_rels/document.xml.rels": relations(("x", "x", "x.xml")),
        "word/x.xml": BROKEN,
    }
    what = "chart" if "chart" in element else "diagram"
    extraction = read(write_office(path, "docx", parts))
    assert (extraction.text, extraction.warnings) == ("words", (f"A {what} of the document could not be read.",))


@pytest.mark.parametrize(
    ("damaged", "warning"),
    [
        ("xl/drawing.xml", 'A drawing of sheet "Sales" could not be read.'),
        ("xl/chart.xml", 'A chart of sheet "Sales" could not be read.'),
        ("xl/_rels/sheet.xml.rels", 'What belongs to sheet "Sales" (charts, diagrams, notes) could not be read.'),
    ],
)
def test_a_sheets_rows_do_without_its_drawings(path: Path, damaged: str, warning: str) -> None:
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheet name="Sales" r:id="a"/></workbook>',
        "xl/_rels/workbook.xml.rels": relations(("a", "worksheet", "sheet.xml")),
        "xl/sheet.xml": f'<worksheet xmlns="{SHEET}"><row><c><v>12</v></c></row></worksheet>',
        "xl/_rels/sheet.xml.rels": relations(("d", "drawing", "drawing.xml")),
        "xl/drawing.xml": f'<d xmlns:r="{OFFICE}"><graphicFrame><chart r:id="c"/></graphicFrame></d>',
        "xl/_rels/drawing.xml.rels": relations(("c", "chart", "chart.xml")),
        "xl/chart.xml": "<chart/>",
    }
    assert read(write_office(path, "xlsx", parts)).warnings == ()
    extraction = read(write_office(path, "xlsx", parts | {damaged: BROKEN}))
    assert (extraction.text, extraction.warnings) == ("Sales\n\n12", (warning,))


def test_many_damaged_parts_are_told_in_sum(path: Path) -> None:
    extraction = read(write_slides(path, '<p:graphicFrame><c:chart xmlns:c="c" r:id="gone"/></p:graphicFrame>' * 25))
    assert extraction.warnings == ()
    parts = {"_rels/slide.xml.rels": relations(("c", "chart", "gone.xml"))}
    extraction = read(write_slide(path, CHART * 25, parts))
    assert len(extraction.warnings) == 21
    assert extraction.warnings[-1] == "5 more parts could not be read."
