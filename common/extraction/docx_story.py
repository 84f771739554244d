"""A story of a Word document (its body, its notes, a text box) as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from common.extraction.alt_text import written_by_a_person
from common.extraction.block_text import collapse
from common.extraction.docx_lists import Lists
from common.extraction.docx_paragraphs import Paragraph
from common.extraction.docx_styles import Styles
from common.extraction.docx_tables import OFF, StoryTables
from common.extraction.figures import Figures
from common.extraction.headed_text import HeadedText
from common.extraction.html_walk import Content
from common.extraction.limits import ExtractionLimits
from common.extraction.office import REPEATED
from common.extraction.xml_reading import Attributes
from common.sections import first_word

# Deleted and moved text, what was before a change, and properties that say nothing of the words.
SKIPPED = REPEATED | frozenset(
    "del moveFrom rPr sdtPr sectPrChange tabs tblGrid pPrChange tblPrChange trPrChange tcPrChange tblPrExChange "  # noqa: SIM905
    "binData".split()
)
_SAME_PAGE = frozenset({"continuous", "nextColumn"})
_CHARACTERS = {"tab": " ", "ptab": " ", "noBreakHyphen": "-", "den": "/", "sup": "^", "sub": "_"}  # some of formulas

type Written = Callable[[HeadedText], None]
"""Writes what belongs to a paragraph behind it: a note, a text box, a chart."""


@dataclass(slots=True)
class _Story:
    text: HeadedText = field(default_factory=HeadedText)
    tables: StoryTables = field(init=False)
    paragraph: Paragraph = field(default_factory=Paragraph)
    pending: list[Written] = field(default_factory=list)  # for when the paragraph or table has ended
    in_list: bool = False
    title: str | None = None
    last_page_at: int = 0

    def __post_init__(self) -> None:
        self.tables = StoryTables(self.text)


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
        *,
        chunks: dict[str, Content] | None = None,
        figures: Figures | None = None,
    ) -> None:
        self._styles = styles
        self._lists = lists
        self._notes = notes
        self._chunks = chunks or {}
        self._figures = figures
        self._limits = limits
        self._described = ""  # a drawing, until a picture in it is seen: a text box has its own words
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
                story.paragraph = Paragraph()
            case "br" | "cr" | "lastRenderedPageBreak":
                self._break(story, name, attributes.get("type", ""))
            case "footnoteReference" | "endnoteReference":
                note = self._notes.pop((name.removesuffix("Reference"), attributes.get("id", "")), "")
                story.pending.append(partial(_write_verbatim, note))
            case "altChunk" if chunk := self._chunks.pop(attributes.get("r:id", ""), None):
                story.text.inset(chunk.text, chunk.headings)
                self._limits.check_characters(story.text.length)
            case "txbxContent":
                self._stories.append(_Story())
            case "tbl" | "tr" | "tc" | "tblHeader" | "gridSpan":
                story.tables.start(name, attributes.get("val", ""))
                story.in_list = story.in_list and name != "tbl"
            case "docPr" | "pic" | "chart" | "relIds":
                self._start_figure(story, name, attributes)
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
                self._stories[-1].pending.append(partial(_write_verbatim, story.text.whole()))
            case "tbl" | "tr" | "tc":
                if story.tables.end(name):
                    self._write_pending(story)
                self._limits.check_characters(story.text.length)

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
            case "pageBreakBefore" if value not in OFF:
                self._begin_page(story)
            case "sectPr":
                self._section_kinds.append("")
                story.paragraph.ends_section = True
            case "type" if self._section_kinds:
                self._section_kinds[-1] = value
            case _:
                story.paragraph.describe(name, value)

    def _begin_paragraph(self, story: _Story) -> None:
        paragraph = story.paragraph
        paragraph.begun = True
        paragraph.left_out = self._styles.is_contents(paragraph.style)
        if story.tables.open or paragraph.left_out:
            return
        level = paragraph.heading_level(self._styles)
        label, indent = paragraph.list_label(self._styles, self._lists)
        if level:
            paragraph.heading = (story.text.begin_heading(), level)
            story.text.add(f"{label} " if label else "")
        elif label is not None:
            story.text.item(f"{'  ' * indent}{label} " if label else "", first=not story.in_list)
        else:
            story.text.block(2)
        story.in_list = label is not None and not level

    def _end_paragraph(self, story: _Story) -> None:
        paragraph = story.paragraph
        if paragraph.heading:
            story.text.end_heading(*paragraph.heading)
            if story.title is None and self._styles.is_title(paragraph.style) and story.text.headings:
                story.title = story.text.headings[-1].title
        story.text.drop_marker()
        story.text.block(1 if story.tables.open or story.in_list else 2)
        if not story.tables.open:
            self._write_pending(story)
        if paragraph.ends_section:
            self._section_ends.append(story.text.length)
        self._limits.check_characters(story.text.length)

    def _write_pending(self, story: _Story) -> None:
        for write in story.pending:
            length = story.text.length
            write(story.text)
            story.in_list = story.in_list and story.text.length == length
        story.pending.clear()

    def _break(self, story: _Story, name: str, kind: str) -> None:
        if name == "lastRenderedPageBreak" or (name == "br" and kind == "page"):
            self._begin_page(story)
        else:
            story.text.line_break()

    def _begin_page(self, story: _Story) -> None:
        """Break and layout mark the same page's beginning where no word stands between them."""
        if len(self._stories) == 1 and story.text.length > story.last_page_at:
            story.last_page_at = story.text.length
            story.text.page()

    def _start_figure(self, story: _Story, name: str, attributes: Attributes) -> None:
        if name == "docPr":
            self._described = collapse(written_by_a_person(attributes.get("descr", "")))
            return
        story.pending.append(partial(_write_verbatim, self._described))
        self._described = ""
        if self._figures and name == "chart":
            story.pending.append(partial(self._figures.write_chart, reference=attributes.get("r:id", "")))
        elif self._figures and name == "relIds":
            story.pending.append(partial(self._figures.write_diagram, reference=attributes.get("r:dm", "")))


def _write_verbatim(words: str, text: HeadedText) -> None:
    if words:
        text.block(2)
        text.add_verbatim(words)
        text.block(2)
