"""A text's sections: what stands between its headings, and under which headings it stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common.model.chunks import Heading

_SPACE = re.compile(r"\s")
_NOT_SPACE = re.compile(r"\S")
_LONGEST_LOOK_BACK = 256


@dataclass(frozen=True, slots=True)
class Section:
    """`text[start:end]`, from a heading up to the next. `level` is the heading's, 0 for what precedes the first."""

    start: int
    end: int
    level: int


class Outline:
    """The headings of one text as sections and paths. A heading in white space begins with the next word.

    A heading that ends (`char_end`) stands in the paths of what it is in force for and begins no section.
    """

    def __init__(self, text: str, headings: Sequence[Heading]) -> None:
        self._text_end = len(text)
        self._first = first_word(text, 0)
        self._places: list[int] = []
        self._paths: list[tuple[str, ...]] = []
        self._section_places: list[int] = []
        self._section_levels: list[int] = []
        open_headings: list[Heading] = []
        for heading in sorted(headings, key=lambda each: each.char_start):
            place = _word_start(text, heading.char_start)
            self._end_before(place, open_headings)
            open_headings = [each for each in open_headings if each.level < heading.level] + [heading]
            self._note_path(place, open_headings)
            if heading.char_end is None:
                self._note_section(place, heading.level)
        self._end_before(self._text_end, open_headings)

    def _end_before(self, place: int, open_headings: list[Heading]) -> None:
        """Take out of the open headings what ends up to `place`, and note the path that is left behind each end."""
        while ends := [each.char_end for each in open_headings if each.char_end is not None and each.char_end <= place]:
            end = min(ends)
            open_headings[:] = [each for each in open_headings if each.char_end != end]
            self._note_path(end, open_headings)

    def _note_path(self, place: int, open_headings: Sequence[Heading]) -> None:
        path = tuple(title for each in open_headings if (title := " ".join(each.title.split())))
        if self._places and self._places[-1] >= place:
            self._paths[-1] = path
        else:
            self._places.append(place)
            self._paths.append(path)

    def _note_section(self, place: int, level: int) -> None:
        if self._section_places and self._section_places[-1] == place:
            self._section_levels[-1] = min(self._section_levels[-1], level)
        else:
            self._section_places.append(place)
            self._section_levels.append(level)

    def path(self, place: int) -> tuple[str, ...]:
        """The titles of the headings in force at `place`, outermost first."""
        index = bisect_right(self._places, place)
        return self._paths[index - 1] if index else ()

    def heading_before(self, place: int) -> int:
        """Where the last section before or at `place` begins that has a heading; 0 if there is none."""
        index = bisect_right(self._section_places, place)
        return self._section_places[index - 1] if index else 0

    def sections(self) -> Iterator[Section]:
        """The sections in order. They cover the text, and none is nothing but white space unless the whole text is."""
        start, level = 0, 0
        for place, its_level in zip(self._section_places, self._section_levels, strict=True):
            if place >= self._text_end:
                break
            if place > self._first:
                yield Section(start, place, level)
                start = place
            level = its_level
        yield Section(start, self._text_end, level)


def first_word(text: str, place: int) -> int:
    """Where the first character from `place` on is that is no white space, else the text's end."""
    match = _NOT_SPACE.search(text, place)
    return match.start() if match else len(text)


def _word_start(text: str, place: int) -> int:
    """The start of the word around `place`, else (in white space, or far inside a long word) of the next one."""
    before = text[max(0, place - _LONGEST_LOOK_BACK) : place]
    if not before or before[-1].isspace() or place >= len(text) or text[place].isspace():
        return first_word(text, place)
    begun = before.rsplit(None, 1)[-1]
    if len(begun) < _LONGEST_LOOK_BACK:
        return place - len(begun)
    space = _SPACE.search(text, place)
    return first_word(text, space.start()) if space else len(text)
