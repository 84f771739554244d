"""The tokens of a whole text, counted once and then asked for by offsets."""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from common.ports import Tokenizer

_PIECE = 65_536  # characters that the tokenizer is given at a time
_MOST_TOKENS_OF_A_CHARACTER = 4  # those of a tokenizer that falls back to UTF-8's bytes
_BETTER_CUTS = ("。！？；", "，、,;:!?", "/&=.)]}>|-_")


class TokenMap:
    """Token counts of `text` between any two places where it may be cut.

    Those are white space and the seams: places within words that were too long to be one unit, at which the text was
    parted before it was counted. What lies between two neighbouring ones has at most `unit_tokens` tokens and
    `unit_characters` characters, white space aside. Counting costs the tokenizer's own time, about once.
    """

    def __init__(self, text: str, tokenizer: Tokenizer, *, unit_tokens: int, unit_characters: int) -> None:
        self._text = text
        self._tokenizer = tokenizer
        self._unit_tokens = unit_tokens
        self._unit_characters = unit_characters
        self._starts = array("I")
        self._seams = array("I")
        self._count_all()

    def count(self, start: int, end: int) -> int:
        """The tokens of `text[start:end]`."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def furthest(self, start: int, tokens: int) -> int:
        """The greatest end with at most so many tokens from `start` on; it may lie within a word."""
        index = bisect_left(self._starts, start) + tokens
        return self._starts[index] if index < len(self._starts) else len(self._text)

    def earliest(self, end: int, tokens: int) -> int:
        """The start of the last so many tokens before `end`; it may lie within a word."""
        index = max(0, bisect_left(self._starts, end) - tokens)
        return self._starts[index] if index < len(self._starts) else len(self._text)

    def seam_after(self, place: int) -> int:
        """The first seam behind `place`, else the text's end: nothing may be counted across one."""
        index = bisect_right(self._seams, place)
        return self._seams[index] if index < len(self._seams) else len(self._text)

    def seam_before(self, place: int) -> int:
        """The last seam before or at `place`, else 0."""
        index = bisect_right(self._seams, place)
        return self._seams[index - 1] if index else 0

    def _count_all(self) -> None:
        place = 0
        longest = self._unit_tokens // _MOST_TOKENS_OF_A_CHARACTER
        for match in re.finditer(rf"\S{{{longest + 1},}}", self._text):
            self._count(place, match.start())
            self._count_word(match.start(), match.end())
            place = match.end()
        self._count(place, len(self._text))

    def _count(self, start: int, end: int) -> None:
        for place, stop in self._pieces(start, end):
            starts = self._tokenizer.token_starts(self._text[place:stop])
            self._starts.extend(start + place for start in starts)

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """`text[start:end]`, which has no long word, in pieces that end at white space."""
        while end - start > _PIECE:
            stop = last_space(self._text, start, start + _PIECE)
            yield start, stop
            start = stop
        if start < end:
            yield start, end

    def _count_word(self, start: int, end: int) -> None:
        """Count a long word as one unit if it is small enough for that, else part it."""
        if end - start <= self._unit_characters:
            starts = self._tokenizer.token_starts(self._text[start:end])
            if len(starts) <= self._unit_tokens:
                self._starts.extend(start + offset for offset in starts)
                return
        length = self._unit_tokens
        while start < end:
            stop = self._cut(start, min(end, start + length), end)
            starts = self._tokenizer.token_starts(self._text[start:stop])
            if len(starts) > self._unit_tokens and stop - start > 1:
                length = max(1, (stop - start) * self._unit_tokens // len(starts) * 9 // 10)
                continue
            self._starts.extend(start + offset for offset in starts)
            if stop < end:
                self._seams.append(stop)
            if 2 * len(starts) <= self._unit_tokens:
                length = min(2 * length, self._unit_characters)
            start = stop

    def _cut(self, start: int, stop: int, end: int) -> int:
        """Where to cut at `stop` or a little before: behind a mark that parts sentences, clauses or parts of a name."""
        if stop == end:
            return stop
        for marks in _BETTER_CUTS:
            best = max(self._text.rfind(mark, start + (stop - start) // 2, stop) for mark in marks)
            if best >= 0:
                return best + 1
        place = stop
        while unicodedata.combining(self._text[place]):
            place -= 1
            if place <= start + (stop - start) // 2:
                return stop
        return place


def last_space(text: str, start: int, end: int) -> int:
    """The place behind the last white space in `text[start:end]`; `start` if there is none."""
    window = text[start:end]
    if not window or window[-1].isspace():
        return end
    return end - len(window.rsplit(None, 1)[-1])
