"""Pages of lines and an outline to one text with page starts and headings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec.structs import replace

from common.extraction.outline import Found, OutlineEntry, find_titles
from common.extraction.page_edges import running_lines
from common.extraction.page_headings import headings_by_size
from common.extraction.page_text import HYPHEN, join_lines, runs_on, usual_width
from common.extraction.pages import PageLayout
from common.extraction.table_parts import TablePart, table_parts
from common.model.chunks import Heading

type Page = list[str]

_PARAGRAPH = "\n\n"
_NOTHING: Mapping[int, Sequence[str]] = MappingProxyType({})


def assemble(
    pages: list[Page],
    entries: Sequence[OutlineEntry],
    layouts: Sequence[PageLayout | None] = (),
    filled_in: Mapping[int, Sequence[str]] = _NOTHING,
) -> tuple[str, tuple[int, ...], tuple[Heading, ...]]:
    """The text, the offset at which each page begins, and the headings.

    A heading stands on a line of its own, with its number. An entry of the outline whose words are not on its page
    becomes a heading at the page's beginning. Without an outline, large lines are the headings. A table's header is a
    heading that ends with the table.
    """
    by_page: dict[int, list[OutlineEntry]] = defaultdict(list)
    for entry in entries:
        by_page[entry.page].append(entry)
    width = usual_width(pages)
    text = _Text()
    former = ""
    bodies, looks = _kept(pages, layouts)
    large = None if entries else headings_by_size(bodies, looks)
    parts = table_parts(bodies, [look.tables if look else () for look in looks])
    for number, (lines, tables) in enumerate(zip(bodies, parts, strict=True)):
        found, missing = (large[number], ()) if large else _titles(by_page[number], lines, tables)
        in_table = bool(tables) and tables[0].first == 0
        begins_with_heading = bool(found) and found[0].first == 0
        continues = (
            bool(former and lines) and not (begins_with_heading or in_table) and runs_on(former, lines[0], width)
        )
        goes_on = continues or (in_table and tables[0].continues)
        fields = "\n".join(filled_in.get(number, ()))
        text.begin_page("\n" if goes_on else _PARAGRAPH, empty=not (lines or fields))
        text.headings += [Heading(level=each.level, title=each.title, char_start=text.length) for each in missing]
        _add_page(text, lines, found, tables, width)
        text.add_block(fields)
        former = "" if fields or not lines or (tables and tables[-1].last == len(lines)) else lines[-1]
    return text.whole(), tuple(text.page_starts), tuple(text.headings)


def _kept(pages: Sequence[Page], layouts: Sequence[PageLayout | None]) -> tuple[list[Page], list[PageLayout | None]]:
    """The pages without running lines, and how they look."""
    looks = layouts or [None] * len(pages)
    gone = running_lines(pages, looks)
    bodies = [
        [line for place, line in enumerate(lines) if place not in its] if its else lines
        for lines, its in zip(pages, gone, strict=True)
    ]
    return bodies, [look and _without(look, its) for look, its in zip(looks, gone, strict=True)]


def _without(layout: PageLayout, gone: set[int]) -> PageLayout:
    """The layout of what is left of the page. No line in a table is gone."""

    def above(place: int) -> int:
        return sum(each < place for each in gone)

    tables = (
        replace(each, first=each.first - above(each.first), last=each.last - above(each.first))
        for each in layout.tables
    )
    large = (replace(each, line=each.line - above(each.line)) for each in layout.large if each.line not in gone)
    return replace(layout, tables=tuple(tables), large=tuple(large))


def _titles(
    entries: Sequence[OutlineEntry], lines: Page, tables: Sequence[TablePart]
) -> tuple[list[Found], Sequence[OutlineEntry]]:
    """The entries of one page that stand in its lines outside of tables, and those that don't."""
    found: list[Found] = []
    missing = entries
    start = 0
    for end, behind in (*((each.first, each.last) for each in tables), (len(lines), len(lines))):
        here, missing = find_titles(missing, lines[start:end])
        found += [Found(each.entry, each.first + start, each.last + start) for each in here]
        start = behind
    return found, missing


def _add_page(text: _Text, lines: Page, found: Sequence[Found], tables: Sequence[TablePart], width: int) -> None:
    end = 0
    blocks: list[Found | TablePart] = [*found, *tables]
    for block in sorted(blocks, key=lambda each: (each.first, each.last)):
        text.add_block(join_lines(lines[end : block.first], width))
        if isinstance(block, TablePart):
            text.add_table(block, "\n".join(lines[block.first + block.repeated : block.last]))
        else:
            text.add_heading(block.entry.level, _one_line(lines[block.first : block.last]))
        end = block.last
    text.add_block(join_lines(lines[end:], width))


def _one_line(lines: Sequence[str]) -> str:
    return "".join(line[:-1] if line.endswith(HYPHEN) else f"{line} " for line in lines).rstrip()


class _Text:
    """The text as it grows."""

    def __init__(self) -> None:
        self.length = 0
        self.page_starts: list[int] = []
        self.headings: list[Heading] = []
        self._parts: list[str] = []
        self._page_is_empty = True
        self._header: int | None = None

    def begin_page(self, separator: str, *, empty: bool) -> None:
        """Note a page's start; the separator still belongs to the page before, and an empty page needs none."""
        if self._parts and not empty:
            self._add(separator)
        self.page_starts.append(self.length)
        self._page_is_empty = True

    def add_block(self, block: str) -> None:
        """A block, a blank line before it if it is not the page's first; nothing where it is empty."""
        if not block:
            return
        if not self._page_is_empty:
            self._add(_PARAGRAPH)
        self._page_is_empty = False
        self._add(block)

    def add_heading(self, level: int, title: str) -> None:
        """A heading as a block; nothing where it is empty."""
        if title:
            self.add_block(title)
            self.headings.append(Heading(level=level, title=title, char_start=self.length - len(title)))

    def add_table(self, part: TablePart, rows: str) -> None:
        """Rows as a block. Their header is a heading within the one in force, up to the end of the table."""
        self.add_block(rows)
        if not part.continues:
            self._header = None
        if part.header is not None:
            level = next((each.level for each in reversed(self.headings) if each.char_end is None), 0) + 1
            start = self.length - len(rows)
            self._header = len(self.headings)
            self.headings.append(Heading(level=level, title=part.header, char_start=start, char_end=self.length))
        elif self._header is not None:
            self.headings[self._header] = replace(self.headings[self._header], char_end=self.length)

    def whole(self) -> str:
        return "".join(self._parts)

    def _add(self, part: str) -> None:
        self._parts.append(part)
        self.length += len(part)
