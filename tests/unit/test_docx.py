"""Word documents become text in which each word of the document stands once, in order, where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest
from docx import Document
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_BREAK
from docx.shared import Pt
from hypothesis import given, settings
from hypothesis import strategies as st

from common.extraction.mime_types import DOCX
from tests.unit.packed_files import outline, page_texts, read, tables, write_docx


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def paragraph(*runs: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{''.join(runs)}</w:p>"


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def test_a_document_becomes_its_text(path: Path) -> None:
    document = Document()
    document.core_properties.title = "About ferries"
    document.add_heading("Ferries", 0)
    document.add_heading("Times", 1)
    words = document.add_paragraph("They leave at ")
    words.add_run("ten").bold = True
    words.add_run(" and at noon.\tDaily.\nNot on Sundays.")
    document.add_paragraph("First", style="List Bullet")
    document.add_paragraph("Second", style="List Bullet")
    document.add_paragraph("One", style="List Number")
    document.add_paragraph("Two", style="List Number")
    document.add_heading("Prices", 2)
    table = document.add_table(3, 2)
    for row, cells in zip(table.rows, [("Route", "Price"), ("North", "12"), ("South", "")], strict=True):
        row.cells[0].text, row.cells[1].text = cells
    document.add_paragraph("Subject to change.")
    document.sections[0].header.paragraphs[0].text = "running head"
    document.sections[0].footer.paragraphs[0].text = "running foot"
    document.save(str(path))
    extraction = read(path)
    assert extraction.text == (
        "Ferries\n\nTimes\n\nThey leave at ten and at noon. Daily.\nNot on Sundays.\n\n- First\n- Second\n1. One\n"
        "2. Two\n\n"
        "Prices\n\nRoute | Price\nNorth | 12\nSouth\n\nSubject to change."
    )
    assert (extraction.mime_type, extraction.title, extraction.page_starts) == (DOCX, "About ferries", (0,))
    assert outline(extraction) == [(1, "Ferries"), (1, "Times"), (2, "Prices")]
    assert tables(extraction) == [("Route | Price", "Route | Price\nNorth | 12\nSouth")]
    for heading in extraction.headings:
        assert extraction.text.startswith(heading.title, heading.char_start)


def test_the_title_is_the_propertys_or_the_titles_or_the_first_heading(path: Path) -> None:
    document = Document()
    document.add_heading("A heading", 1)
    document.save(str(path))
    assert read(path).title == "A heading"
    document.add_heading("The title", 0)
    document.core_properties.title = "Document1"
    document.save(str(path))
    assert read(path).title == "The title"


def test_pages_begin_at_breaks(path: Path) -> None:
    document = Document()
    document.add_paragraph("one")
    document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    document.add_heading("two", 1)
    late = document.add_paragraph("three")
    late.paragraph_format.page_break_before = True
    late.paragraph_format.space_after = Pt(3)
    document.save(str(path))
    assert page_texts(read(path)) == ["one", "two", "three"]


def test_a_section_begins_a_page_unless_it_goes_on(path: Path) -> None:
    document = Document()
    document.add_paragraph("one")
    document.add_section(WD_SECTION.NEW_PAGE)
    document.add_paragraph("two")
    document.add_section(WD_SECTION.CONTINUOUS)
    document.add_paragraph("still two")
    document.save(str(path))
    assert page_texts(read(path)) == ["one", "two\n\nstill two"]


def test_a_page_that_word_laid_out_behind_a_break_is_one_page(path: Path) -> None:
    body = (
        paragraph(run("one"), '<w:r><w:br w:type="page"/></w:r>')
        + paragraph("<w:r><w:lastRenderedPageBreak/></w:r>", run("two words"))
        + paragraph(run("go"), "<w:r><w:lastRenderedPageBreak/></w:r>", run(" on"))
    )
    assert page_texts(read(write_docx(path, body))) == ["one", "two words\n\ngo", "on"]


def test_headings_are_told_by_their_level_whatever_their_styles_are_called(path: Path) -> None:
    styles = (
        '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Eigene"><w:name w:val="Eigene"/><w:basedOn w:val="berschrift1"/></w:style>'
        '<w:style w:styleId="Kap"><w:name w:val="Kapitel"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>'
        '<w:style w:styleId="Kreis"><w:name w:val="a"/><w:basedOn w:val="Kreis"/></w:style>'
        '<w:style w:styleId="toc"><w:name w:val="toc 1"/></w:style>'
    )
    body = (
        paragraph(run("Eins\t3"), properties='<w:pStyle w:val="toc"/>')
        + paragraph(run("Eins"), properties='<w:pStyle w:val="Eigene"/>')
        + paragraph(run("Drei"), properties='<w:pStyle w:val="Kap"/>')
        + paragraph(run("Zwei"), properties='<w:outlineLvl w:val="1"/>')
        + paragraph(run("Text"), properties='<w:pStyle w:val="Kap"/><w:outlineLvl w:val="9"/>')
        + paragraph(run("Kreis"), properties='<w:pStyle w:val="Kreis"/>')
    )
    extraction = read(write_docx(path, body, styles=styles))
    assert outline(extraction) == [(1, "Eins"), (3, "Drei"), (2, "Zwei")]
    assert extraction.text == "Eins\n\nDrei\n\nZwei\n\nText\n\nKreis"


def test_lists_count_as_word_does(path: Path) -> None:
    def level(number: int, kind: str, pattern: str) -> str:
        shown = f'<w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{pattern}"/>'
        return f'<w:lvl w:ilvl="{number}">{shown}</w:lvl>'

    numbering = (
        f'<w:abstractNum w:abstractNumId="7">{level(0, "decimal", "%1.")}{level(1, "lowerLetter", "%1.%2)")}'
        f"{level(2, 'upperRoman', '%3')}{level(3, 'bullet', '·')}</w:abstractNum>"
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
        '<w:num w:numId="2"><w:abstractNumId w:val="7"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/>'
        "</w:lvlOverride></w:num>"
    )

    def item(text: str, level: int, number: int = 1, extra: str = "") -> str:
        return paragraph(
            run(text),
            properties=f'{extra}<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>',
        )

    body = "".join(
        [
            item("Scope", 0, extra='<w:outlineLvl w:val="0"/>'),
            item("a", 1),
            item("b", 1),
            item("deep", 2),
            item("deep", 2),
            item("deep", 2),
            item("deep", 2),
            item("dot", 3),
            item("next", 0),
            item("again", 1),
            item("five", 0, 2),
            item("none", 0, 0),
            item("unknown", 0, 9),
        ]
    )
    extraction = read(write_docx(path, body, numbering=numbering))
    assert extraction.text == (
        "1. Scope\n\n  1.a) a\n  1.b) b\n    I deep\n    II deep\n    III deep\n    IV deep\n      - dot\n"
        "2. next\n  2.a) again\n5. five\n\nnone\n\nunknown"
    )
    assert outline(extraction) == [(1, "1. Scope")]


def test_changes_are_accepted_fields_show_their_results_and_drawings_come_once(path: Path) -> None:
    box = "<w:txbxContent>" + paragraph(run("In the box")) + paragraph(run("twice.")) + "</w:txbxContent>"
    body = paragraph(
        run("Kept "),
        '<w:del w:id="1"><w:r><w:delText>deleted</w:delText></w:r></w:del>',
        "<w:moveFrom>" + run("moved away") + "</w:moveFrom>",
        "<w:ins>" + run("inserted ") + "</w:ins>",
        '<w:hyperlink r:id="x">' + run("linked ") + "</w:hyperlink>",
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> PAGE </w:instrText></w:r>',
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r>' + run("12 "),
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>",
        f"<w:r><mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback>"
        "</mc:AlternateContent></w:r>",
        run(" end\u00adless."),
        properties="<w:pPrChange><w:pPr><w:outlineLvl w:val='0'/></w:pPr></w:pPrChange>",
    )
    assert read(write_docx(path, body)).text == "Kept inserted linked 12 hidden endless.\n\nIn the box\n\ntwice."


def test_notes_stand_once_behind_the_paragraph_or_table_that_has_them(path: Path) -> None:
    notes = (
        '<w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>'
        f'<w:footnote w:id="1">{paragraph("<w:r><w:footnoteRef/></w:r>", run(" A note"))}{paragraph(run("of two"))}'
        f'</w:footnote><w:footnote w:id="2">{paragraph(run("In a table."))}</w:footnote>'
    )
    endnotes = f'<w:endnote w:id="1">{paragraph(run("At the end."))}</w:endnote>'
    reference = '<w:r><w:footnoteReference w:id="{}"/></w:r>'
    cell = "<w:tc><w:tcPr/>{}</w:tc>"
    body = (
        paragraph(run("Words"), reference.format(1), run(" go on."), '<w:r><w:endnoteReference w:id="1"/></w:r>')
        + "<w:tbl><w:tr>"
        + cell.format(paragraph(run("A"), reference.format(2)))
        + cell.format(paragraph(run("B")))
        + "</w:tr><w:tr>"
        + cell.format(paragraph(run("1")) + paragraph(run("one")))
        + cell.format(paragraph(run("2"), reference.format(1)))
        + "</w:tr></w:tbl>"
        + paragraph(run("Last."))
    )
    extraction = read(write_docx(path, body, footnotes=notes, endnotes=endnotes))
    assert extraction.text == (
        "Words go on.\n\nA note\n\nof two\n\nAt the end.\n\nA | B\n1 one | 2\n\nIn a table.\n\nLast."
    )
    assert tables(extraction) == [("A | B", "A | B\n1 one | 2")]


def test_spanned_cells_keep_their_columns_and_tables_in_cells_their_words(path: Path) -> None:
    def cell(content: str, span: int = 1) -> str:
        return f'<w:tc><w:tcPr><w:gridSpan w:val="{span}"/></w:tcPr>{content}</w:tc>'

    inner = "<w:tbl><w:tr>" + cell(paragraph(run("x"))) + cell(paragraph(run("y"))) + "</w:tr></w:tbl>"
    body = (
        "<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>"
        + cell(paragraph(run("2020")), 2)
        + cell(paragraph(run("2021")))
        + "</w:tr><w:tr><w:trPr><w:tblHeader/></w:trPr>"
        + "".join(cell(paragraph(run(text))) for text in "ABC")
        + "</w:tr><w:tr>"
        + cell(inner + paragraph(run("z")), 10**9)
        + cell(paragraph(run("3")))
        + "</w:tr></w:tbl>"
    )
    extraction = read(write_docx(path, body))
    assert extraction.text.startswith("2020 |  | 2021\nA | B | C\nx y z | ")
    assert len(extraction.text) < 300
    assert [title for title, _ in tables(extraction)] == ["2020 | | 2021 / A | B | C"]


WORDS = st.text(st.sampled_from("abcäöü汉\u00e9Z"), min_size=1, max_size=6)
TEXTS = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
BLOCKS = st.lists(
    st.tuples(st.sampled_from(["heading", "text", "item", "break"]), TEXTS)
    | st.tuples(st.just("table"), st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=3)),
    max_size=8,
)


@settings(max_examples=30)
@given(BLOCKS)
def test_each_word_comes_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[tuple[str, object]]
) -> None:
    document = Document()
    expected: list[str] = []
    for kind, content in blocks:
        if isinstance(content, list):
            table = document.add_table(len(content), 2)
            for row, cells in zip(table.rows, content, strict=True):
                for cell, text in zip(row.cells, cells, strict=True):
                    cell.text = text
                    expected += text.split()
        elif kind == "break":
            document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
        else:
            text = str(content)
            expected += text.split()
            if kind == "heading":
                document.add_heading(text, 2)
            else:
                document.add_paragraph(text, style="List Bullet" if kind == "item" else None)
    path = tmp_path_factory.getbasetemp() / "words.docx"
    document.save(str(path))
    extraction = read(path)
    assert [word for word in extraction.text.split() if word not in {"|", "-"}] == expected
    assert list(extraction.page_starts) == sorted(extraction.page_starts)
    assert all(extraction.text.startswith(each.title, each.char_start) for each in extraction.headings)
