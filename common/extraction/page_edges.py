"""Running heads and page numbers: what stands at the top and bottom of page after page and interrupts the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_DEEPEST = 2  # lines at an edge that may be running ones
_LOOK_BACK = 2  # left and right pages may differ
_COMMON_CAPITALS = 20
_LONGEST = 300

_PAGE_NUMBER = re.compile(
    r"(?:page )?[-–—]? ?(?P<number>\d{1,5}|[ivxlc]{1,7})(?: ?(?:/|of|von|sur|de) ?\d{1,5})? ?[-–—]?",
    re.IGNORECASE | re.ASCII,
)
_NUMBER_AT_END = re.compile(r"^(?:\d+|[ivxlc]+)(?: ?/ ?\d+)?\b\W*(?=\S+ \S)|(?<=\S)\W+(?:\d+|[ivxlc]+)(?: ?/ ?\d+)?$")


def without_running_lines(pages: Sequence[list[str]]) -> list[list[str]]:
    """The pages' lines without running heads and page numbers.

    A line is one if it stood at the same edge of one of the two pages before (page numbers at its ends aside), so that
    its first occurrence stays; a bare number if it counts on with the pages around it.
    """
    return [_body(pages, number) for number in range(len(pages))]


def _body(pages: Sequence[list[str]], number: int) -> list[str]:
    lines = pages[number]
    at_top = set(_running(pages, number, from_top=True))
    at_bottom = {len(lines) - 1 - place for place in _running(pages, number, from_top=False)}
    gone = at_top | at_bottom
    return [line for place, line in enumerate(lines) if place not in gone] if gone else lines


def _running(pages: Sequence[list[str]], number: int, *, from_top: bool) -> Iterator[int]:
    """The places of running lines, counted from the edge; behind a line that is none only if that one will run."""
    lines = pages[number]
    for place in range(min(_DEEPEST, len(lines))):
        line = _edge_line(lines, place, from_top=from_top)
        if _counts_on(pages, number, line, from_top=from_top) or _stands_in(
            pages[max(0, number - _LOOK_BACK) : number], line, from_top=from_top
        ):
            yield place
        elif not _stands_in(pages[number + 1 : number + 1 + _LOOK_BACK], line, from_top=from_top):
            return


def _stands_in(pages: Sequence[list[str]], line: str, *, from_top: bool) -> bool:
    """True if the line stands at this edge of one of these pages."""
    return any(
        _repeats(line, _edge_line(lines, place, from_top=from_top))
        for lines in pages
        for place in range(min(_DEEPEST, len(lines)))
    )


def _edge_line(lines: Sequence[str], place: int, *, from_top: bool) -> str:
    return lines[place] if from_top else lines[-1 - place]


def _repeats(line: str, former: str) -> bool:
    if line == former:
        return True
    if max(len(line), len(former)) > _LONGEST:
        return False
    if line[0] != former[0] and line[-1] != former[-1] and not (line[0].isdigit() or former[0].isdigit()):
        return False
    bare = _NUMBER_AT_END.sub("", line)
    if bare != line and " " in bare and bare == _NUMBER_AT_END.sub("", former):
        return True
    return line[:_COMMON_CAPITALS] == former[:_COMMON_CAPITALS] and line[:_COMMON_CAPITALS].isupper()


def _counts_on(pages: Sequence[Sequence[str]], number: int, line: str, *, from_top: bool) -> bool:
    """True if the line is a number alone, and so are others at this edge of the next pages, greater by the distance."""
    value = _value(line)
    if value is None:
        return False
    for other in (number - 2, number - 1, number + 1, number + 2):
        if 0 <= other < len(pages) and pages[other]:
            for place in range(min(_DEEPEST, len(pages[other]))):
                its = _value(_edge_line(pages[other], place, from_top=from_top))
                if its is not None and its - value == other - number:
                    return True
    return False


def _value(line: str) -> int | None:
    match = _PAGE_NUMBER.fullmatch(line) if len(line) < 20 else None
    if match is None:
        return None
    number = match["number"].lower()
    return int(number) if number.isdigit() else _roman(number)


def _roman(numeral: str) -> int:
    """The value of a Roman numeral; of letters in no proper order, some number that counts on with nothing."""
    digits = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[letter] for letter in numeral]
    return sum(-digit if digit < max(digits[place:]) else digit for place, digit in enumerate(digits))
