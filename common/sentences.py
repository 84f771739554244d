"""Where sentences begin and end."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLOSING = "[\"'”’»)\\]」』）]*"
_BOUNDARY = re.compile(rf"[.!?…]+{_CLOSING}\s+|[。！？]+{_CLOSING}\s*|\n\s*")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_LIST_ITEM = re.compile(r"(?:[-*+•◦▪‣–—]|\(?(?:\d{1,3}|[a-zA-Z])[.)])[ \t]")
_LAST_WORD = re.compile(r"[^\s(\[“\"'‘]+\Z")
_LAST_WORD_WITHIN = 24
_ABBREVIATIONS = frozenset(
    "e.g i.e vs cf mr mrs ms dr prof st no nos nr fig figs eq sec sect ch chap vol pp p ed eds al "  # noqa: SIM905 - words in lines
    "inc ltd co corp jr sr approx resp incl ca z.b d.h bzw u.a jan feb mar apr jun jul aug sep sept "
    "oct nov dec".split()
)
_WRAPPED = range(50, 121)  # a line of such a length may go on in the next one; others were ended on purpose


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """The sentences of `text[start:end]` as (start, end) offsets in `text`, in order, without white space around them.

    Every character that is not white space lies in exactly one. Blank lines, list items, rows and lines too short or
    too long to be wrapped text end a sentence as well; abbreviations, initials and list numbers do not.
    """
    end = len(text) if end is None else end
    begin = _skip_space(text, start, end)
    for match in _BOUNDARY.finditer(text, begin, end):
        if match.start() < begin or not _is_boundary(text, begin, match):
            continue
        stop = begin + len(text[begin : match.end()].rstrip())
        if begin < stop:
            yield begin, stop
        begin = match.end()
    stop = begin + len(text[begin:end].rstrip())
    if begin < stop:
        yield begin, stop


def _skip_space(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start


def _is_boundary(text: str, begin: int, match: re.Match[str]) -> bool:
    found = match[0]
    following = text[match.end() : match.end() + 8]
    if not following or _BLANK_LINE.search(found) or ("\n" in found and _LIST_ITEM.match(following)):
        return True
    if found[0] in "。！？":
        return True
    if found[0] == "\n":
        return _was_ended(text, begin, match.start())
    if following[0].islower():
        return False
    return found[0] != "." or found.startswith("..") or not _is_abbreviated(text, begin, match.start())


def _was_ended(text: str, begin: int, line_end: int) -> bool:
    line_start = max(begin, text.rfind("\n", begin, line_end) + 1)
    return line_end - line_start not in _WRAPPED or text.find(" | ", line_start, line_end) >= 0


def _is_abbreviated(text: str, begin: int, stop: int) -> bool:
    """True if the full stop at `stop` belongs to an abbreviation, to an initial or to a list item's number."""
    match = _LAST_WORD.search(text[max(begin, stop - _LAST_WORD_WITHIN) : stop])
    if match is None:
        return False
    word = match[0]
    if word.isdecimal():
        return len(word) <= 3 and stop - len(word) == begin
    return word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isupper())
