"""The tokens of a whole text, counted once and then asked for by offsets."""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from weakref import WeakKeyDictionary

from common.ports import Tokenizer
from common.sections import first_word

_PIECE = 65_536  # characters that the tokenizer is given at a time
_WORD = re.compile(r"\S+\s*")
_SPACE = re.compile(r"\s")
_MOST_TOKENS_OF_A_CHARACTER = 4  # those of a tokenizer that falls back to UTF-8's bytes
_MOST_KNOWN = 100_000
_KNOWN: WeakKeyDictionary[Tokenizer, dict[str, int]] = WeakKeyDictionary()
"""The tokens of words that were met, for the documents to come; a tokenizer's are forgotten once they are too many."""

_BETTER_CUTS = ("。！？；", "，、,;:!?", "/&=.)]}>|-_")


class TokenMap:
    """Token counts of `text` between any two places where it may be cut.

    Those are white space and the seams: places within words that were too long to be one unit, at which the text was
    parted before it was counted. What lies between two neighbouring ones has at most `unit_tokens` tokens and
    `unit_characters` characters, white space aside. Each different word takes the tokenizer's time once.
    """

    def __init__(self, text: str, tokenizer: Tokenizer, *, unit_tokens: int, unit_characters: int) -> None:
        self._text = text
        self._tokenizer = tokenizer
        self._unit_tokens = unit_tokens
        self._unit_characters = unit_characters
        self._units = array("I")  # where each begins
        self._totals = array("I", [0])  # tokens before each, and of all
        self._seams = array("I")
        self._count_all()

    def count(self, start: int, end: int) -> int:
        """The tokens of `text[start:end]`."""
        return self._totals[bisect_left(self._units, end)] - self._totals[bisect_left(self._units, start)]

    def furthest(self, start: int, tokens: int) -> int:
        """The greatest end with at most so many tokens from `start` on: where a unit begins, or the text's end."""
        most = self._totals[bisect_left(self._units, start)] + tokens
        return self._place(bisect_right(self._totals, most) - 1)

    def earliest(self, end: int, tokens: int) -> int:
        """The first unit from which there are at most so many tokens up to `end`."""
        least = self._totals[bisect_left(self._units, end)] - tokens
        return self._place(bisect_left(self._totals, least))

    def _place(self, unit: int) -> int:
        return self._units[unit] if unit < len(self._units) else len(self._text)

    def seam_after(self, place: int) -> int:
        """The first seam behind `place`, else the text's end: nothing may be counted across one."""
        index = bisect_right(self._seams, place)
        return self._seams[index] if index < len(self._seams) else len(self._text)

    def seam_before(self, place: int) -> int:
        """The last seam before or at `place`, else 0."""
        index = bisect_right(self._seams, place)
        return self._seams[index - 1] if index else 0

    def _count_all(self) -> None:
        place = first_word(self._text, 0)
        while place < len(self._text):
            stop = self._piece_end(place)
            self._count(place, _WORD.findall(self._text, place, stop))
            place = first_word(self._text, stop)

    def _piece_end(self, start: int) -> int:
        """Where a piece of whole words ends that begins here: of `_PIECE` characters at most, or of one word."""
        if len(self._text) - start <= _PIECE:
            return len(self._text)
        stop = last_space(self._text, start, start + _PIECE)
        if stop > start:
            return stop
        space = _SPACE.search(self._text, start)
        return space.start() if space else len(self._text)

    def _count(self, place: int, words: Sequence[str]) -> None:
        """Count words from `place` on, each with the white space behind it, so that lengths tell where they begin."""
        starts = [*accumulate(map(len, words), initial=place)]
        different = {*words}
        longest = self._unit_tokens // _MOST_TOKENS_OF_A_CHARACTER
        long: set[str] = set()
        if max(map(len, different)) > longest:
            long = {word for word in different if len(word) > longest and self._may_be_too_long(word)}
        known = self._learned(different - long)
        begin = 0
        for index in [index for index, word in enumerate(words) if word in long] if long else ():
            self._note(starts[begin:index], map(known.__getitem__, words[begin:index]))
            self._count_word(starts[index], starts[index] + len(words[index].rstrip()))
            begin = index + 1
        self._note(starts[begin:-1], map(known.__getitem__, words[begin:]))

    def _may_be_too_long(self, word: str) -> bool:
        """False if it is one unit in any case: no character of ASCII is more than a token."""
        return len(word) > self._unit_tokens or not word.isascii()

    def _learned(self, words: set[str]) -> Mapping[str, int]:
        """Known tokens of words, these among them; new ones are counted at once, kept apart by white space."""
        known = _KNOWN.setdefault(self._tokenizer, {})
        if len(known) > _MOST_KNOWN:
            known = _KNOWN[self._tokenizer] = {}
        new = words.difference(known)
        if new:
            starts = self._tokenizer.token_starts("\n".join(new))
            ends = accumulate((len(word) + 1 for word in new), initial=0)
            totals = (bisect_left(starts, end) for end in ends)
            known |= {word: after - before for word, (before, after) in zip(new, pairwise(totals), strict=True)}
        return known

    def _note(self, places: Sequence[int], tokens: Iterable[int]) -> None:
        """Note units by where they begin and the tokens of each."""
        self._units.extend(places)
        self._totals.extend(accumulate(tokens, initial=self._totals.pop()))

    def _count_word(self, start: int, end: int) -> None:
        """Count a long word as one unit if it is small enough for that, else part it."""
        if end - start <= self._unit_characters:
            starts = self._tokenizer.token_starts(self._text[start:end])
            if len(starts) <= self._unit_tokens:
                self._note((start,), (len(starts),))
                return
        length = self._unit_tokens
        while start < end:
            stop = self._cut(start, min(end, start + length), end)
            starts = self._tokenizer.token_starts(self._text[start:stop])
            if len(starts) > self._unit_tokens and stop - start > 1:
                length = max(1, (stop - start) * self._unit_tokens // len(starts) * 9 // 10)
                continue
            self._note((start,), (len(starts),))
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
    if end <= start or text[end - 1].isspace():
        return end
    return end - len(text[start:end].rsplit(None, 1)[-1])
