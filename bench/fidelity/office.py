"""Known content as Word, PowerPoint and Excel files, with what readers tend to overlook."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import docx
import openpyxl
import pptx
from docx.enum.text import WD_BREAK
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from pptx.util import Inches

from bench.fidelity.content import Aside, Block, Content, Heading, Listing, Paragraph, Table

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_NOTES = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
_TEXT_BOX = (
    f'<w:r xmlns:w="{_WORD}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><mc:AlternateContent><mc:Choice Requires="wps">'
    '<w:drawing><wp:inline><wp:extent cx="9" cy="9"/><wp:docPr id="1" name="b"/><a:graphic><a:graphicData uri="http:'
    '//schemas.microsoft.com/office/word/2010/wordprocessingShape"><wps:wsp><wps:txbx>{content}</wps:txbx></wps:wsp>'
    "</a:graphicData></a:graphic></wp:inline></w:drawing></mc:Choice><mc:Fallback><w:pict><v:shape><v:textbox>"
    "{content}</v:textbox></v:shape></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
)


def word(content: Content) -> bytes:
    """Notes and text boxes take turns; words are inserted, stand in content controls, and are parted into runs."""
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = content.running
    notes: list[str] = []
    for number, page in enumerate(content.pages):
        if number:
            document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
        for block in page:
            _add_to_word(document, block, notes)
    note_ids = enumerate(notes, 1)
    inner = "".join(
        f'<w:footnote w:id="{i}"><w:p><w:r><w:t>{escape(n)}</w:t></w:r></w:p></w:footnote>' for i, n in note_ids
    )
    blob = f'<w:footnotes xmlns:w="{_WORD}">{inner}</w:footnotes>'.encode()
    part = Part(PackURI("/word/footnotes.xml"), _NOTES, blob, document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def _add_to_word(document: Any, block: Block, notes: list[str]) -> None:
    match block:
        case Heading(level, text):
            document.add_heading(text, level)
        case Paragraph(text):
            _add_prose(document.add_paragraph(), text)
        case Listing(items):
            for item in items:
                document.add_paragraph(item, style="List Bullet")
        case Table(header, rows):
            table = document.add_table(0, len(header))
            for row in (header, *rows):
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        case Aside(text):
            _add_aside(document.paragraphs[-1], text, notes)


def _add_prose(paragraph: Any, text: str) -> None:
    """The text in runs that part its first word, with its last words inserted later and those before in a control."""
    words = text.split(" ")
    paragraph.add_run(words[0][:3]).bold = True
    paragraph.add_run(" ".join([words[0][3:], *words[1:-2], ""]))
    control = f"<w:sdt {{0}}><w:sdtContent>{_run(words[-2] + ' ')}</w:sdtContent></w:sdt>"
    insertion = f'<w:ins {{0}} w:id="1" w:author="a">{_run(words[-1])}</w:ins>'
    for each in (control, insertion):
        paragraph._p.append(parse_xml(each.format(f'xmlns:w="{_WORD}"')))  # noqa: SLF001 - python-docx writes neither


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def _add_aside(paragraph: Any, text: str, notes: list[str]) -> None:
    if len(text) % 2:
        notes.append(text)
        mark = f'<w:r xmlns:w="{_WORD}"><w:footnoteReference w:id="{len(notes)}"/></w:r>'
    else:
        mark = _TEXT_BOX.format(content=f"<w:txbxContent><w:p>{_run(text)}</w:p></w:txbxContent>")
    paragraph._p.append(parse_xml(mark))  # noqa: SLF001 - python-docx writes neither


def slides(content: Content) -> bytes:
    """A slide a page: its first heading is its title, what follows stands in boxes of their own, one in a group."""
    deck = pptx.Presentation()
    for page in content.pages:
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        for number, block in enumerate(page):
            _add_to_slide(slide, block, number)
    written = io.BytesIO()
    deck.save(written)
    return written.getvalue()


def _add_to_slide(slide: Any, block: Block, number: int) -> None:
    top = Inches(1 + number / 2)
    shapes = slide.shapes.add_group_shape().shapes if number == 1 else slide.shapes
    match block:
        case Heading(1, text):
            slide.shapes.title.text = text
        case Heading(_, text) | Paragraph(text):
            shapes.add_textbox(Inches(1), top, Inches(8), Inches(0.5)).text_frame.text = text
        case Listing(items):
            shapes.add_textbox(Inches(1), top, Inches(8), Inches(0.5)).text_frame.text = "\n".join(items)
        case Table(header, rows):
            table = shapes.add_table(len(rows) + 1, len(header), Inches(1), top, Inches(8), Inches(0.5)).table
            for line, row in enumerate((header, *rows)):
                for column, text in enumerate(row):
                    table.cell(line, column).text = text
        case Aside(text):
            slide.notes_slide.notes_text_frame.text = text


def workbook(content: Content) -> bytes:
    """A sheet a page, called by its heading."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for page in content.pages:
        sheet = book.create_sheet(next(_titles(page)))
        for block in page:
            if isinstance(block, Table):
                for row in (block.header, *block.rows):
                    sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _titles(page: tuple[Block, ...]) -> Iterator[str]:
    return (block.text for block in page if isinstance(block, Heading))
