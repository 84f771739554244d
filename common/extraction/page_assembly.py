"""Pages of lines and an outline to one text with page starts and headings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from common.extraction.outline import Found, OutlineEntry, find_titles
from common.extraction.page_edges import without_running_lines
from common.extraction.page_text import HYPHEN, join_lines, runs_on, usual_width
from common.model.chunks import Heading

type Page = list[str]

_PARAGRAPH = "\n\n"


def assemble(pages: list[Page], entries: Sequence[OutlineEntry]) -> tuple[str, tuple[int, ...], tuple[Heading, ...]]:
    """The text, the offset at which each page begins, and the headings.

    A heading stands on a line of its own, with its number. An entry of the outline whose words are not on its page
    becomes a heading at the page's beginning.
    """
    by_page: dict[int, list[OutlineEntry]] = defaultdict(list)
    for entry in entries:
        by_page[entry.page].append(entry)
    width = usual_width(pages)
    text = _Text()
    former = ""
    for number, kept in enumerate(without_running_lines(pages)):
        found, missing = find_titles(by_page[number], kept)
        begins_with_heading = bool(found) and found[0].first == 0
        continues = bool(former and kept) and not begins_with_heading and runs_on(former, kept[0], width)
        text.begin_page("\n" if continues else _PARAGRAPH, empty=not kept)
        text.headings += [Heading(level=each.level, title=each.title, char_start=text.length) for each in missing]
        _add_page(text, kept, found, width)
        former = kept[-1] if kept else ""
    return text.whole(), tuple(text.page_starts), tuple(text.headings)


def _add_page(text: _Text, lines: Sequence[str], found: Sequence[Found], width: int) -> None:
    marks = [(0, 0), *((each.first, each.last) for each in found), (len(lines), len(lines))]
    blocks: list[tuple[str, int | None]] = []
    for (_, here), (following, end) in pairwise(marks):
        blocks.append((join_lines(lines[here:following], width), None))
        blocks.append((_one_line(lines[following:end]), len(blocks) // 2))
    first = True
    for block, heading in blocks:
        if not block:
            continue
        if not first:
            text.add(_PARAGRAPH)
        first = False
        if heading is not None:
            text.headings.append(Heading(level=found[heading].entry.level, title=block, char_start=text.length))
        text.add(block)


def _one_line(lines: Sequence[str]) -> str:
    return "".join(line[:-1] if line.endswith(HYPHEN) else f"{line} " for line in lines).rstrip()


class _Text:
    """The text as it grows."""

    def __init__(self) -> None:
        self.length = 0
        self.page_starts: list[int] = []
        self.headings: list[Heading] = []
        self._parts: list[str] = []

    def begin_page(self, separator: str, *, empty: bool) -> None:
        """Note a page's start; the separator still belongs to the page before, and an empty page needs none."""
        if self._parts and not empty:
            self.add(separator)
        self.page_starts.append(self.length)

    def add(self, part: str) -> None:
        self._parts.append(part)
        self.length += len(part)

    def whole(self) -> str:
        return "".join(self._parts)
