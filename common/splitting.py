"""From an extracted text to the chunks that are embedded, searched and quoted."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from common.model.chunks import ChunkBounds, Extraction
from common.ports import Tokenizer
from common.sections import Outline, Section, first_word
from common.sentences import sentence_spans
from common.token_map import TokenMap, last_space

_TITLE_SHARE = 6
_CONTEXT_SHARE = 3
_CHARACTERS_PER_TOKEN = 16  # a chunk of more characters is no text but data, however few tokens a model makes of it
_LOOK_AHEAD = 256
_LOOK_BACK = 256
_FAIR_SHARE = 1.15  # of an even share of what remains, so that a boundary can be chosen
_SMALL = 1 / 4  # of the size: what is too small for a chunk of its own where it can go with the next section
_BARE = 24  # tokens: a heading with hardly a word below it

_WORD = re.compile(r"(?<!\S)\S")


def embedding_text(title: str, heading_path: Sequence[str], text: str) -> str:
    """Exactly what the embedder is given for a chunk: title, headings and text, each on lines of its own.

    A heading that repeats the title is left out.
    """
    return "\n".join(part for part in (title, *(each for each in heading_path if each != title), text) if part)


def fit_title(title: str, *, tokenizer: Tokenizer, size: int) -> str:
    """The title, its end left off where it would take more than a sixth of a chunk; fitting it again changes nothing.

    What `split` counts and what is embedded must be the same: embed with the title that this returns.
    """
    title = " ".join(title.split())
    while (tokens := len(tokenizer.token_starts(title))) > size // _TITLE_SHARE:
        title = _cut(title, len(title) * (size // _TITLE_SHARE) // tokens)
    return title


def _cut(title: str, characters: int) -> str:
    """The title's first words, of so many characters together and at least one less than it has."""
    shorter = title[: min(len(title) - 1, characters)]
    return (shorter.rpartition(" ")[0] or shorter).rstrip()


def split(
    extraction: Extraction, *, title: str, tokenizer: Tokenizer, size: int, overlap: int
) -> tuple[ChunkBounds, ...]:
    """The chunks of the text, in order; none only if it is nothing but white space.

    They cover the text: the first starts at 0, the last ends at its end, each starts at or before the end of the one
    before; starts and ends strictly increase. `token_count` is that of `embedding_text` with `fit_title`, at most
    `size`. Neighbours share at most `overlap` tokens, whole sentences if one fits, and nothing across a heading. A
    chunk begins wherever a heading does, except where a section too small for a chunk of its own was joined with
    the next. Cuts fall between paragraphs, else lines, sentences, words; within a word only if it is longer than a
    chunk. Where title and heading path take more than a third of `size`, outer headings are left out of the path, and
    the innermost loses its end where it does not fit alone.

    ValueError: `size` below 16, `overlap` negative or over half of it.
    """
    if size < 16 or not 0 <= overlap <= size // 2:
        raise ValueError(f"size must be at least 16 and overlap at most half of it, not {size} and {overlap}")
    if not extraction.text or extraction.text.isspace():
        return ()
    fitted = fit_title(title, tokenizer=tokenizer, size=size)
    return tuple(_Splitter(extraction, fitted, tokenizer, size, overlap).run())


class _Splitter:
    """One text on its way into chunks."""

    def __init__(self, extraction: Extraction, title: str, tokenizer: Tokenizer, size: int, overlap: int) -> None:
        self._text = extraction.text
        self._pages = extraction.page_starts
        self._title = title
        self._tokenizer = tokenizer
        self._size = size
        self._overlap = overlap
        self._longest = size * _CHARACTERS_PER_TOKEN
        self._outline = Outline(extraction.text, extraction.headings)
        self._tokens = TokenMap(
            extraction.text, tokenizer, unit_tokens=size - size // _CONTEXT_SHARE, unit_characters=self._longest
        )
        self._contexts: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {}

    def run(self) -> Iterator[ChunkBounds]:
        for section in self._joined_sections():
            start, end = section.start, self._chunk_end(section.start, section.end)
            yield self._bounds(start, end)
            while end < section.end:
                start, end = self._next(start, end, section.end)
                yield self._bounds(start, end)

    def _joined_sections(self) -> Iterator[Section]:
        """The sections; one too small for a chunk of its own goes together with the next below or beside it."""
        joined: Section | None = None
        last_level = 0
        for section in self._outline.sections():
            if joined is not None and self._belongs(joined, last_level, section):
                joined = Section(joined.start, section.end, joined.level)
            else:
                if joined is not None:
                    yield joined
                joined = section
            last_level = section.level
        if joined is not None:
            yield joined

    def _belongs(self, joined: Section, last_level: int, section: Section) -> bool:
        tokens = self._tokens.count(joined.start, joined.end)
        if section.level > last_level and tokens <= _BARE:
            return True
        return (
            tokens <= self._size * _SMALL
            and section.level >= joined.level > 0
            and tokens + self._tokens.count(section.start, section.end) <= self._budget(joined.start)
        )

    def _bounds(self, start: int, end: int) -> ChunkBounds:
        path, tokens = self._context(start)
        first = start + len(self._text[start:end]) - len(self._text[start:end].lstrip())
        last = start + len(self._text[start:end].rstrip()) - 1
        page_start, page_end = (max(1, bisect_right(self._pages, place)) for place in (first, last))
        return ChunkBounds(
            char_start=start,
            char_end=end,
            page_start=page_start,
            page_end=page_end,
            page_breaks=self._pages[page_start:page_end],
            heading_path=path,
            token_count=tokens + self._tokens.count(start, end),
        )

    def _context(self, start: int) -> tuple[tuple[str, ...], int]:
        """The heading path for a chunk that begins here, less what of it does not fit, and its tokens."""
        whole = self._outline.path(start)
        if whole not in self._contexts:
            path = whole
            while path and (tokens := self._count(path)) > (most := self._size // _CONTEXT_SHARE):
                shorter = _cut(path[0], len(path[0]) * most // tokens)
                path = path[1:] if len(path) > 1 or not shorter else (shorter,)
            tokens = self._count(path)
            self._contexts[whole] = (path, tokens)
        return self._contexts[whole]

    def _count(self, path: Sequence[str]) -> int:
        return len(self._tokenizer.token_starts(embedding_text(self._title, path, "")))

    def _budget(self, start: int) -> int:
        return self._size - self._context(start)[1]

    def _chunk_end(self, start: int, section_end: int) -> int:
        """The section's end if that fits; else a boundary such that the rest parts into chunks of about one size."""
        first = first_word(self._text, start)
        budget = self._budget(start)
        whole = min(self._tokens.seam_after(start), section_end)
        limit = first_word(self._text, min(self._tokens.furthest(start, budget), first + self._longest))
        if limit >= whole:
            return whole
        remaining = self._tokens.count(start, section_end)
        fair = math.ceil(remaining / math.ceil(remaining / budget) * _FAIR_SHARE)
        for target in (min(limit, self._tokens.furthest(start, fair)), limit):
            stop = last_space(self._text, first, target)
            if stop > first:
                return self._boundary(max(first + 1, self._tokens.furthest(start, fair // 2)), stop, section_end)
        raise ValueError("the tokenizer makes more tokens of one word than it should of its characters")

    def _boundary(self, start: int, stop: int, section_end: int) -> int:
        """The last end of a paragraph between the two, else of a line, else of a sentence, else `stop`."""
        for mark in ("\n\n", "\n"):
            place = self._text.rfind(mark, start, stop)
            if place >= 0:
                return first_word(self._text, place)
        spans = sentence_spans(self._text, start, min(section_end, stop + _LOOK_AHEAD))
        next(spans, None)  # begins in the middle
        starts = (begin for begin, _ in spans if begin <= stop and self._text[begin - 1].isspace())
        return max(starts, default=stop)

    def _next(self, start: int, end: int, section_end: int) -> tuple[int, int]:
        """The chunk after `text[start:end]`: overlapping it if that is possible, else beginning at `end`."""
        low = max(
            start + 1,
            self._tokens.earliest(end, self._overlap),
            self._tokens.seam_before(end),
            self._outline.heading_before(end),
        )
        # Where sentences begin is told from their own lines: none needs to be looked at from further back.
        near = max(start, low - _LOOK_BACK)
        line = max(near, self._text.rfind("\n", near, low - 1))
        sentences = (begin for begin, _ in sentence_spans(self._text, line, end) if begin >= low)
        words = (match.start() for match in _WORD.finditer(self._text, low, end))
        for begin in (next(sentences, end), next(words, end)):
            if begin < end and self._text[begin - 1].isspace():
                its_end = self._chunk_end(begin, section_end)
                if its_end > end:
                    return begin, its_end
                break
        return end, self._chunk_end(end, section_end)
