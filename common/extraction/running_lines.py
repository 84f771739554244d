"""The words of running heads and page numbers: when a line repeats another, and the number that a page has."""

from __future__ import annotations

import re

_COMMON_CAPITALS = 20
_LONGEST = 300

_PAGE_NUMBER = re.compile(
    r"(?P<word>(?:page|seite|página|pagina|pg\.?|p\.|s\.) ?)?[-–—]? ?(?P<number>\d{1,5}|[ivxlc]{1,7})"
    r"(?: ?(?:/|of|von|sur|de) ?(?P<total>\d{1,5}))? ?[-–—]?",
    re.IGNORECASE | re.ASCII,
)
_LONGEST_NUMBER = 24
_NUMBER_AT_END = re.compile(r"^(?:\d+|[ivxlc]+)(?: ?/ ?\d+)?\b\W*(?=\S+ \S)|(?<=\S)\W+(?:\d+|[ivxlc]+)(?: ?/ ?\d+)?$")
_NUMBER = re.compile(r"\d+")
_NOTE_MARK = re.compile(r"[\[(]?\d+|[*†‡§]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}([./])\d{1,2}\1\d{2,4}|\d{1,2}:\d\d")
_TWO_WORDS = re.compile(r"[^\W\d_]{2}.*\s.*[^\W\d_]{2}")
_PAGE_AT_END = re.compile(
    r"\b(?:page|seite|página|pagina|pg\.?|p\.|s\.) ?\d+(?: ?(?:/|of|von|sur|de) ?\d+)?$|(?<=\s)([-–—]) ?\d+ ?\1$",
    re.IGNORECASE,
)


def repeats(line: str, former: str) -> bool:
    """True if the line is the former one, a number at its end aside, or begins with the same twenty capitals."""
    if line == former:
        return True
    if max(len(line), len(former)) > _LONGEST:
        return False
    if line[0] != former[0] and line[-1] != former[-1] and not (line[0].isdigit() or former[0].isdigit()):
        return False
    bare = _NUMBER_AT_END.sub("", line)
    if bare != line and " " in bare and bare == _NUMBER_AT_END.sub("", former):
        return True
    return begins_alike(line, former)


def begins_alike(line: str, former: str) -> bool:
    """True if both begin with the same twenty capitals."""
    return line[:_COMMON_CAPITALS] == former[:_COMMON_CAPITALS] and line[:_COMMON_CAPITALS].isupper()


def differs_in_numbers(line: str, other: str, *, may_be_note: bool = False) -> bool:
    """True if the lines have two words or more, or a date, and are the same but for their numbers.

    What begins with a number may be a footnote, if it stands where they do: it may differ in that number alone.
    """
    if max(len(line), len(other)) > _LONGEST or not (_TWO_WORDS.search(line) or _DATE.search(line)):
        return False
    if may_be_note and (mark := _NOTE_MARK.match(line)) and (other_mark := _NOTE_MARK.match(other)):
        return line[mark.end() :] == other[other_mark.end() :]
    if _NUMBER.sub("0", line) == _NUMBER.sub("0", other):
        return True
    bare = _NUMBER_AT_END.sub("", line)
    return bare != line and bare == _NUMBER_AT_END.sub("", other)


def is_same(line: str, other: str) -> bool:
    """True if the lines are the same; one of them may have a number at its beginning or end that stands apart there."""
    return line == other or _NUMBER_AT_END.sub("", line) == other or line == _NUMBER_AT_END.sub("", other)


def ends_with_page(line: str) -> bool:
    """True if the line ends with the number of a page, as "Page 3 of 10" and "- 3 -" are."""
    return _PAGE_AT_END.search(line) is not None


def page_number(line: str) -> int | None:
    """The number that the line is, alone or as "Page 3 of 10"; None if it is something else."""
    match = _PAGE_NUMBER.fullmatch(line) if len(line) < _LONGEST_NUMBER else None
    if match is None:
        return None
    number = match["number"].lower()
    return int(number) if number.isdigit() else _roman(number)


def names_page(line: str, number: int, total: int) -> bool:
    """True if the line says in words that this is page `number` of `total`."""
    match = _PAGE_NUMBER.fullmatch(line) if len(line) < _LONGEST_NUMBER else None
    return match is not None and (match["number"], match["total"]) == (str(number), str(total)) and bool(match["word"])


def _roman(numeral: str) -> int:
    """The value of a Roman numeral; of letters in no proper order, some number that counts on with nothing."""
    digits = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[letter] for letter in numeral]
    return sum(-digit if digit < max(digits[place:]) else digit for place, digit in enumerate(digits))
