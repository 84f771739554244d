"""The walk through an HTML tree that writes its content down."""

from __future__ import annotations

from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from common.extraction.block_text import BlockText, collapse
from common.extraction.headed_text import Table
from common.extraction.html_notes import is_bare_mark, is_note_mark
from common.extraction.html_surroundings import Surroundings
from common.extraction.html_tables import BOLD, CELLS, is_bold, lays_out, only_child
from common.model.chunks import Heading

# Of a change, what it took away is not shown either.
_NEVER_SHOWN = frozenset(
    "script style template noscript iframe object embed svg canvas audio video map head title del "  # noqa: SIM905 - words in lines
    "-comment select option datalist button input textarea progress meter".split()
)
_BLOCKS = {
    **dict.fromkeys(["p", "blockquote", "table", "dl", "figure", "hr", "details", "pre"], 2),
    **dict.fromkeys(
        "div section article main header footer nav aside address fieldset legend form center summary "  # noqa: SIM905 - words in lines
        "figcaption caption dt dd tr".split(),
        1,
    ),
}
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_LONGEST_QUESTION = 200
_DEEPEST_INDENT = 8
_LONGEST_NUMBER = 9


@dataclass(frozen=True, slots=True)
class Content:
    """What was read of a page, and how many characters were left out as its surroundings."""

    text: str
    headings: tuple[Heading, ...]
    left_out: int


def read_content(root: LexborNode, *, keep_surroundings: bool = False) -> Content:
    """The text below `root`: paragraphs, "- " lists, " | " tables, preformatted text as it is; and its headings.

    Beside h1 to h6, what stands for a heading is one, a level below the last: a question in `dt` or `summary`, and
    a paragraph that is bold as a whole.
    """
    return _Walk(root, None if keep_surroundings else Surroundings(root)).run()


class _Walk:
    """Depth first and without recursion: a page may be nested deeper than Python's stack."""

    def __init__(self, root: LexborNode, surroundings: Surroundings | None) -> None:
        self._root = root
        self._surroundings = surroundings
        self._text = BlockText()
        self._headings: list[Heading] = []
        self._left_out = 0
        self._level = 0
        self._last_level = 0  # of what stands for a heading, too
        self._lists: list[int] = []  # of each open list the number of its next item; 0 for bullets
        self._list_begins = False
        self._tables: list[Table | None] = []  # the open ones; None for one that only lays out the page
        self._row_names: list[bool] = []  # of the open row's cells whether each is a name of a column
        self._heading: tuple[LexborNode, int, int] | None = None  # the open heading's node, level and place

    def run(self) -> Content:
        """Walk it all."""
        opened: list[tuple[LexborNode, str]] = []
        node: LexborNode | None = self._root
        while node is not None:
            tag = node.tag or ""
            child = None
            if tag == "-text":
                self._text.add(node.text_content or "")
            elif not self._is_left_out(node, tag):
                child = self._open(node, tag)
                opened.append((node, tag))
            node = self._next(node, opened) if child is None else child
        return Content(self._text.whole(), tuple(self._headings), self._left_out)

    def _next(self, node: LexborNode, opened: list[tuple[LexborNode, str]]) -> LexborNode | None:
        """What follows the node, once what ends with it is closed."""
        if opened and opened[-1][0].mem_id == node.mem_id:
            self._close(*opened.pop())
        while (following := node.next) is None or not opened:
            if not opened:
                return None
            node, tag = opened.pop()
            self._close(node, tag)
        return following

    def _is_left_out(self, node: LexborNode, tag: str) -> bool:
        if tag in _NEVER_SHOWN or (tag == "a" and is_note_mark(node)):
            return True
        if self._surroundings is None or not self._surroundings.hold(node, tag):
            return False
        self._left_out += len(collapse(node.text()))
        return True

    def _open(self, node: LexborNode, tag: str) -> LexborNode | None:
        """Begin the element; its first child, unless it was written down as a whole."""
        lines = _BLOCKS.get(tag)
        if lines:
            self._text.block(lines)
        if tag == "br":
            self._text.line_break()
        elif tag == "sup" and is_bare_mark(node):
            self._text.add(" ")
        elif tag == "pre":
            self._text.add_verbatim(_preformatted(node))
            return None
        elif tag == "li":
            self._open_item()
        elif tag in _LISTS:
            self._open_list(node, tag)
        elif tag in CELLS or tag in {"tr", "table"}:
            self._open_table_part(node, tag)
        else:
            self._open_heading(node, tag)
        return node.child

    def _close(self, node: LexborNode, tag: str) -> None:
        if self._heading and self._heading[0].mem_id == node.mem_id:
            self._close_heading()
        if tag in _LISTS:
            self._lists.pop()
            self._text.block(1 if self._lists else 2)
        elif tag == "tr" and self._tables and (table := self._tables[-1]):
            in_head = node.parent is not None and node.parent.tag == "thead"
            table.end_row(header=len(self._row_names) > 1 and (in_head or all(self._row_names)))
            self._row_names = []
        elif tag == "table" and (ended := self._tables.pop()):
            ended.end()
        lines = _BLOCKS.get(tag)
        if lines:
            self._text.block(lines)

    def _open_list(self, node: LexborNode, tag: str) -> None:
        self._text.block(1 if self._lists else 2)
        start = node.attributes.get("start") or "1"
        self._lists.append(int(start) if tag == "ol" and _is_number(start) else int(tag == "ol"))
        self._list_begins = True

    def _open_item(self) -> None:
        number = self._lists[-1] if self._lists else 0
        if number:
            self._lists[-1] += 1
        indent = "  " * min(len(self._lists) - 1, _DEEPEST_INDENT)
        self._text.item(f"{indent}{number}. " if number else f"{indent}- ", first=self._list_begins)
        self._list_begins = False

    def _open_table_part(self, node: LexborNode, tag: str) -> None:
        if tag == "table":
            flat = self._in_row() or lays_out(node)
            self._tables.append(None if flat else Table(self._text, self._headings, self._last_level + 1))
            return
        table = self._tables[-1] if self._tables else None
        if table is None:
            self._text.block(1)
        elif tag == "tr":
            table.begin_row()
        else:
            table.begin_cell()
            self._row_names.append(tag == "th" or (not table.has_body and is_bold(node)))

    def _open_heading(self, node: LexborNode, tag: str) -> None:
        level = _HEADINGS.get(tag) or (self._level + 1 if _stands_for_heading(node, tag) else 0)
        if not level or self._heading or self._in_row():
            return
        if tag in _HEADINGS:
            self._level = level
        self._text.block(2)
        self._text.drop_marker()
        self._text.begin_flat()
        self._heading = (node, level, self._text.length)

    def _close_heading(self) -> None:
        if self._heading is None:
            return
        _, level, place = self._heading
        self._heading = None
        self._text.end_flat()
        self._text.block(2)
        title, start = self._text.since(place)
        if title:
            self._last_level = level
            self._headings.append(Heading(level=level, title=title, char_start=start))

    def _in_row(self) -> bool:
        return bool(self._row_names)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _LONGEST_NUMBER


def _stands_for_heading(node: LexborNode, tag: str) -> bool:
    if tag in {"dt", "summary"}:
        text = node.text()
        return len(text) <= _LONGEST_QUESTION + 100 and _is_question(collapse(text))
    return tag == "p" and _is_bold_as_a_whole(node)


def _is_question(text: str) -> bool:
    return len(text) <= _LONGEST_QUESTION and text.endswith("?") and " " in text


def _is_bold_as_a_whole(paragraph: LexborNode) -> bool:
    """True for three words or more that are nothing but bold and end like no sentence."""
    child = only_child(paragraph)
    if child is None or child.tag not in BOLD:
        return False
    text = collapse(child.text())
    return len(text) <= _LONGEST_QUESTION and text.count(" ") >= 2 and text[-1] not in ".,:;"


def _preformatted(node: LexborNode) -> str:
    parts = []
    for inner in node.traverse(include_text=True):
        if inner.tag == "-text":
            parts.append(inner.text_content or "")
        elif inner.tag == "br":
            parts.append("\n")
    return "".join(parts).strip("\n").rstrip()
