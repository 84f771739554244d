"""What became of a document's words in a reader's text."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.fidelity.content import Aside, Block, Content, Heading, Listing, Paragraph, Table
from common.model.chunks import Extraction
from common.sections import Outline

_WORD = re.compile(r"(?<![a-z])[a-z]{8}(?![a-z])", re.IGNORECASE)
_EMPHASIS = re.compile(r"[*_`]+")


@dataclass(frozen=True, slots=True)
class Expected:
    """A word, where it has to be: its page, the headings over it, and the header over it if it is a table's cell."""

    word: str
    page: int
    headings: tuple[str, ...]
    header: tuple[str, ...] = ()
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Of so many words: those that are missing, occur again, or don't come in the document's order."""

    words: int
    lost: int
    doubled: int
    misplaced: int


def expected(content: Content) -> list[Expected]:
    """The document's words in order, those of running lines left out."""
    found: list[Expected] = []
    for number, page in enumerate(content.pages, 1):
        headings: list[Heading] = []
        for block in page:
            if isinstance(block, Heading):
                headings = [each for each in headings if each.level < block.level] + [block]
            path = tuple(each.text for each in headings)
            for text, header in _texts(block):
                found += (Expected(word, number, path, header, isinstance(block, Aside)) for word in words(text))
    return found


def _texts(block: Block) -> Iterator[tuple[str, tuple[str, ...]]]:
    match block:
        case Heading(_, text) | Paragraph(text) | Aside(text):
            yield text, ()
        case Listing(items):
            yield from ((item, ()) for item in items)
        case Table(header, rows):
            yield from ((cell, ()) for cell in header)
            yield from ((cell, header) for row in rows for cell in row)


def words(text: str) -> list[str]:
    """The words that a document of this bench may hold, in small letters; Markdown's emphasis parts none."""
    return [match[0].lower() for match in _WORD.finditer(_EMPHASIS.sub("", text))]


def measured(content: Content, text: str) -> Fidelity:
    """How a reader's text keeps the content; a running line may occur once or not at all."""
    wanted = expected(content)
    read = words(text)
    times = Counter(read)
    first = {word: place for place, word in reversed([*enumerate(read)])}
    places = [first[each.word] for each in wanted if each.word in first and not each.anywhere]
    return Fidelity(
        words=len(wanted),
        lost=sum(each.word not in first for each in wanted),
        doubled=sum(max(0, times[word] - 1) for word in (*(each.word for each in wanted), *words(content.running))),
        misplaced=len(places) - _longest_rise(places),
    )


def _longest_rise(places: Sequence[int]) -> int:
    """The length of the longest subsequence that rises."""
    ends: list[int] = []
    for place in places:
        index = bisect_left(ends, place)
        ends[index : index + 1] = [place]
    return len(ends)


def astray(content: Content, extraction: Extraction, *, pages: bool, headings: bool, tables: bool) -> list[str]:
    """Whatever is not on its page, not under its headings or, in tables, not under its header, as far as there are any.

    Without `pages`, all has to be on one.
    """
    outline = Outline(extraction.text, extraction.headings)
    places = {match[0].lower(): match.start() for match in _WORD.finditer(extraction.text)}
    found = []
    for each in expected(content):
        place = places.get(each.word)
        if place is None:
            continue
        path = outline.path(place)
        page = bisect_right(extraction.page_starts, place)
        right = (
            page == (each.page if pages else 1),
            not headings or _within(each.headings, path),
            not (tables and each.header) or path[-1:] == (" | ".join(each.header),),
        )
        if not all(right):
            found.append(f"{each} is on page {page} under {path}")
    return found


def _within(titles: Sequence[str], path: Sequence[str]) -> bool:
    rest = iter(path)
    return all(title in rest for title in titles)
