"""A story of a Word document (its body, its notes, a text box) as text."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.extraction.docx_lists import Lists
from common.extraction.docx_styles import LEVELS, Styles
from common.extraction.headed_text import HeadedText, Table
from common.extraction.html_walk import Content
from common.extraction.limits import ExtractionLimits
from common.extraction.office import REPEATED
from common.extraction.xml_reading import Attributes, number_of
from common.sections import first_word

# Deleted and moved text, what was before a change, and properties that say nothing of the words.
SKIPPED = REPEATED | frozenset(
    "del moveFrom rPr sdtPr sectPrChange tabs tblGrid pPrChange tblPrChange trPrChange tcPrChange tblPrExChange "  # noqa: SIM905
    "binData".split()
)
_SAME_PAGE = frozenset({"continuous", "nextColumn"})
_OFF = frozenset({"0", "false", "off"})
_MOST_SPANNED = 64
_CHARACTERS = {"tab": " ", "ptab": " ", "noBreakHyphen": "-", "den": "/", "sup": "^", "sub": "_"}  # some of formulas


@dataclass(slots=True)
class _Paragraph:
    style: str = ""
    outline: int | None = None
    number: str | None = None
    number_level: int | None = None
    begun: bool = False
    left_out: bool = False
    heading: tuple[int, int] | None = None  # its place and level
    ends_section: bool = False


@dataclass(slots=True)
class _Story:
    text: HeadedText = field(default_factory=HeadedText)
    tables: list[Table] = field(default_factory=list)
    paragraph: _Paragraph = field(default_factory=_Paragraph)
    pending: list[str] = field(default_factory=list)  # notes and text boxes, for when the paragraph or table has ended
    in_list: bool = False
    is_header: bool = False
    spanned: int = 1
    title: str | None = None
    last_page_at: int = 0


class StoryReader:
    """Writes down what `read_xml` tells of a story; a story within a paragraph comes behind it.

    Pages are those that Word laid out when it last saved, and begin at each page break besides.
    """

    def __init__(
        self,
        styles: Styles,
        lists: Lists,
        notes: dict[tuple[str, str], str],
        limits: ExtractionLimits,
        chunks: dict[str, Content] | None = None,
    ) -> None:
        self._styles = styles
        self._lists = lists
        self._notes = notes
        self._chunks = chunks or {}
        self._limits = limits
        self._stories = [_Story()]
        self._in_text = False
        self._section_kinds: list[str] = []
        self._section_ends: list[int] = []

    @property
    def written(self) -> HeadedText:
        """The outermost story's text."""
        return self._stories[0].text

    def page_starts(self) -> tuple[int, ...]:
        """Where the pages begin; a section says how it begins itself where it ends."""
        whole = self.written.whole()
        following = zip(self._section_ends, self._section_kinds[1:], strict=False)
        sections = {first_word(whole, end) for end, kind in following if kind not in _SAME_PAGE}
        return tuple(sorted((sections - {len(whole)}) | set(self.written.page_starts)))

    @property
    def title(self) -> str | None:
        """The first paragraph in the style of titles."""
        return self._stories[0].title

    def start(self, name: str, attributes: Attributes) -> None:
        """See `XmlReader`."""
        story = self._stories[-1]
        match name:
            case "t":
                self._in_text = True
            case "p":
                story.paragraph = _Paragraph()
            case "br" | "cr" if attributes.get("type") != "page":
                story.text.line_break()
            case "br" | "lastRenderedPageBreak":
                self._begin_page(story)
            case "footnoteReference" | "endnoteReference":
                note = self._notes.pop((name.removesuffix("Reference"), attributes.get("id", "")), "")
                story.pending.append(note)
            case "altChunk" if chunk := self._chunks.pop(attributes.get("r:id", ""), None):
                story.text.inset(chunk.text, chunk.headings)
                self._limits.check_characters(story.text.length)
            case "txbxContent":
                self._stories.append(_Story())
            case "tbl" | "tr" | "tc" | "tblHeader" | "gridSpan":
                self._start_table_part(story, name, attributes.get("val", ""))
            case _ if name in _CHARACTERS:
                self._add(_CHARACTERS[name])
            case _:
                self._describe_paragraph(story, name, attributes.get("val", ""))

    def end(self, name: str) -> None:
        """See `XmlReader`."""
        story = self._stories[-1]
        match name:
            case "t":
                self._in_text = False
            case "p":
                self._end_paragraph(story)
            case "txbxContent" if len(self._stories) > 1:
                self._stories.pop()
                self._stories[-1].pending.append(story.text.whole())
            case "tbl" | "tr" | "tc":
                self._end_table_part(story, name)

    def text(self, text: str) -> None:
        """See `XmlReader`."""
        if self._in_text:
            self._add(text)

    def _add(self, text: str) -> None:
        story = self._stories[-1]
        if not story.paragraph.begun:
            self._begin_paragraph(story)
        if not story.paragraph.left_out:
            story.text.add(text)

    def _describe_paragraph(self, story: _Story, name: str, value: str) -> None:
        match name:
            case "pStyle":
                story.paragraph.style = value
            case "numId":
                story.paragraph.number = value
            case "ilvl":
                story.paragraph.number_level = number_of(value)
            case "outlineLvl":
                story.paragraph.outline = number_of(value)
            case "pageBreakBefore" if value not in _OFF:
                self._begin_page(story)
            case "sectPr":
                self._section_kinds.append("")
                story.paragraph.ends_section = True
            case "type" if self._section_kinds:
                self._section_kinds[-1] = value

    def _begin_paragraph(self, story: _Story) -> None:
        paragraph = story.paragraph
        paragraph.begun = True
        paragraph.left_out = self._styles.is_contents(paragraph.style)
        if story.tables or paragraph.left_out:
            return
        level = self._heading_level(paragraph)
        label, indent = self._list_label(paragraph)
        if level:
            paragraph.heading = (story.text.begin_heading(), level)
            story.text.add(f"{label} " if label else "")
        elif label is not None:
            story.text.item(f"{'  ' * indent}{label} " if label else "", first=not story.in_list)
        else:
            story.text.block(2)
        story.in_list = label is not None and not level

    def _heading_level(self, paragraph: _Paragraph) -> int | None:
        if paragraph.outline is not None:
            return paragraph.outline + 1 if paragraph.outline < LEVELS else None
        return 1 if self._styles.is_title(paragraph.style) else self._styles.heading_level(paragraph.style)

    def _list_label(self, paragraph: _Paragraph) -> tuple[str | None, int]:
        number, level = self._styles.list_of(paragraph.style)
        number = paragraph.number if paragraph.number is not None else number
        level = paragraph.number_level if paragraph.number_level is not None else level
        level = min(level or 0, LEVELS - 1)
        return (self._lists.next_label(number, level) if number is not None else None), level

    def _end_paragraph(self, story: _Story) -> None:
        paragraph = story.paragraph
        if paragraph.heading:
            story.text.end_heading(*paragraph.heading)
            if story.title is None and self._styles.is_title(paragraph.style) and story.text.headings:
                story.title = story.text.headings[-1].title
        story.text.drop_marker()
        story.text.block(1 if story.tables or story.in_list else 2)
        if not story.tables:
            self._write_pending(story)
        if paragraph.ends_section:
            self._section_ends.append(story.text.length)
        self._limits.check_characters(story.text.length)

    def _write_pending(self, story: _Story) -> None:
        for text in filter(None, story.pending):
            story.text.block(2)
            story.text.add_verbatim(text)
            story.text.block(2)
            story.in_list = False
        story.pending.clear()

    def _begin_page(self, story: _Story) -> None:
        """Break and layout mark the same page's beginning where no word stands between them."""
        if len(self._stories) == 1 and story.text.length > story.last_page_at:
            story.last_page_at = story.text.length
            story.text.page()

    def _start_table_part(self, story: _Story, name: str, value: str) -> None:
        if name == "tbl":
            story.tables.append(story.text.table())
            story.text.block(2)
            story.in_list = False
        elif not story.tables:
            return
        elif len(story.tables) > 1:  # a table within a cell: its words are the cell's
            story.text.block(1)
        elif name == "tr":
            story.tables[0].begin_row()
            story.is_header = False
        elif name == "tc":
            story.tables[0].begin_cell()
            story.spanned = 1
        elif name == "tblHeader":
            story.is_header = value not in _OFF
        else:
            story.spanned = min(number_of(value) or 1, _MOST_SPANNED)

    def _end_table_part(self, story: _Story, name: str) -> None:
        if not story.tables:
            return
        table = story.tables[-1]
        if name == "tbl":
            story.tables.pop()
        if story.tables[1:] or (name == "tbl" and story.tables):
            story.text.block(1)
        elif name == "tc":
            for _ in range(story.spanned - 1):
                table.begin_cell()
            story.spanned = 1
        elif name == "tr":
            table.end_row(header=story.is_header, by_look=True)
            self._limits.check_characters(story.text.length)
        else:
            table.end()
            story.text.block(2)
            self._write_pending(story)
