"""Markdown: its source as it is, with its headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import MARKDOWN
from common.extraction.plain import read_text
from common.model.chunks import Extraction, Heading

_LONGEST_HEADING = 500
_FRONT_MATTER = re.compile(r"\A---\n(?P<body>.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*(?P<title>\S.*)", re.MULTILINE)
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>.*)")
_COMMENT = re.compile(r" {0,3}<!--")
_ATX = re.compile(r" {0,3}(?P<marks>#{1,6})[ \t]+(?P<title>\S.*)")
_SETEXT = re.compile(r" {0,3}(?:(?P<one>=+)|-+)[ \t]*$")
# Lines that belong to no paragraph, or to one inside a list, a quote or a table, where an underline makes no heading.
_APART = re.compile(r"[ \t]*$| {0,3}(?:[-*+>]|\d{1,9}[.)])[ \t]| {4}|\t| {0,3}\|| {0,3}(?:-{3,}|\*{3,}|_{3,}|<)")
_LINK = re.compile(r"!?\[(?P<text>[^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_CODE_OR_MARKS = re.compile(
    r"(?<!`)(?P<mark>`+)(?P<code>[^`]+)(?P=mark)(?!`)"
    r"|(?<![\w\\])(?P<stress>\*{1,3}|_{1,3})(?P<text>\S(?:.*?\S)?)(?P=stress)(?!\w)"
    r"|</?[a-z][^>]*>|[ \t]*\{#[^}]*\}$"
)
_TABLE_ROW = re.compile(r" {0,3}\S.*\|| {0,3}\|.*\S")
_TABLE_LINE = re.compile(
    r" {0,3}\|?+[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)++\|?+[ \t]*$| {0,3}\|[ \t]*+:?-++:?[ \t]*+\|[ \t]*$"
)
_CELLS_END = re.compile(r"(?<!\\)\|")
_ESCAPE = re.compile(r"\\(?=[^\w\s])")


def extract_markdown(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The file's source as it is; headings outside fences; the title from the front matter, else the first level 1.

    A table's header row is a heading as far as the table goes.
    """
    decoded = read_text(path, limits)
    text = decoded.text
    if progress:
        progress(1, 1)
    front = _FRONT_MATTER.match(text)
    start = front.end() if front else 0
    headings = tuple(_with_tables(list(find_headings(text, start)), find_tables(text, start)))
    stated = _FRONT_TITLE.search(front["body"]) if front else None
    title = stated["title"].rstrip().strip("\"'") if stated else None
    first = next((heading.title for heading in headings if heading.level == 1), None)
    return Extraction(
        mime_type=MARKDOWN,
        text=text,
        page_starts=(0,),
        headings=headings,
        title=title or first,
        warnings=decoded.warnings,
    )


def find_headings(text: str, start: int) -> Iterator[Heading]:
    """The ATX and Setext headings behind `start`, by CommonMark's rules for lines outside lists and quotes."""
    paragraph = -1  # where the paragraph begins that a Setext underline would make a heading
    for place, line in _lines_outside_fences(text, start):
        if (atx := _ATX.match(line)) and atx["title"].strip("# \t"):
            title = plain_title(_without_closing_marks(atx["title"]))
            yield Heading(level=len(atx["marks"]), title=title, char_start=place)
            paragraph = -1
        elif paragraph >= 0 and place - paragraph <= _LONGEST_HEADING and (underline := _SETEXT.match(line)):
            title = plain_title(" ".join(text[paragraph:place].split()))
            yield Heading(level=1 if underline["one"] else 2, title=title, char_start=paragraph)
            paragraph = -1
        elif _APART.match(line) or len(line) == _LONGEST_HEADING:
            paragraph = -1
        elif paragraph < 0:
            paragraph = place


def find_tables(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """The header row of each table behind `start`, with the places where the table begins and ends."""
    title, begin, former_place, former = "", -1, start, ""
    for place, line in _lines_outside_fences(text, start):
        if begin >= 0 and not _TABLE_ROW.match(line):
            yield title, begin, place
            begin = -1
        if begin < 0 and _TABLE_LINE.match(line) and _TABLE_ROW.match(former):
            title, begin = _header(former), former_place
        former_place, former = place, line
    if begin >= 0:
        yield title, begin, len(text)


def _header(row: str) -> str:
    cells = _CELLS_END.split(row.strip().removeprefix("|").removesuffix("|"))
    return " | ".join(plain_title(cell) for cell in cells)


def _with_tables(headings: list[Heading], tables: Iterable[tuple[str, int, int]]) -> Iterator[Heading]:
    """The headings with the tables' header rows in their places, each inside the heading before it."""
    level, given = 0, 0
    for title, begin, end in tables:
        while given < len(headings) and headings[given].char_start < begin:
            level = headings[given].level
            yield headings[given]
            given += 1
        yield Heading(level=level + 1, title=title, char_start=begin, char_end=end)
    yield from headings[given:]


def _lines_outside_fences(text: str, start: int) -> Iterator[tuple[int, str]]:
    """Each line's place and beginning; lines within fences and HTML comments come as blank ones."""
    fence, comment, place = "", False, start
    while place < len(text):
        end = text.find("\n", place)
        end = len(text) if end < 0 else end
        line = text[place : min(end, place + _LONGEST_HEADING)]
        mark = _FENCE.match(line)
        shown = ""
        if comment:
            comment = text.find("-->", place, end) < 0
        elif fence:
            if mark and mark["fence"].startswith(fence) and not mark["info"].strip():
                fence = ""
        elif mark and "`" not in mark["info"]:
            fence = mark["fence"]
        elif _COMMENT.match(line):
            comment = text.find("-->", place, end) < 0
        else:
            shown = line
        yield place, shown
        place = end + 1


def _without_closing_marks(title: str) -> str:
    """An ATX heading may end in marks, too, if white space stands before them."""
    whole = title.rstrip(" \t")
    bare = whole.rstrip("#")
    return bare if bare.endswith((" ", "\t")) else whole


def plain_title(source: str) -> str:
    """A heading's words without links' targets, emphasis, code marks, tags and `{#anchors}`."""
    bare = _LINK.sub(r"\g<text>", " ".join(source.split()))
    for _ in range(2):  # emphasis within emphasis
        bare = _CODE_OR_MARKS.sub(lambda match: match["code"] or match["text"] or "", bare)
    return " ".join(_ESCAPE.sub("", bare).split())
