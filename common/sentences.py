"""Where sentences begin and end, in prose, lists, code and the broken lines of a PDF."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LIST_ITEM = re.compile(r"\s*(?:[-*+•‣▪·–]|\(?\d{1,3}[.)]|\(?[a-z][.)]|#{1,6})\s+\S")
_CODE = re.compile(r"\s*(?:>>>|\.\.\.|[$%#] |#!).*|.*[{};\\]\s*$|\s*</?\w+[^>]*>\s*$")
_LEADERS = re.compile(r"\.{4,}|(?:\. ){4,}|…{2,}")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』”’）]*")
_LIST_NUMBER = re.compile(r"\s*\(?(?:\d{1,3}|[a-z])\.$")
_INITIAL = re.compile(r"(?:^|[\s(])[A-Z]\.$")
_WITHOUT_CODE_SYMBOLS = str.maketrans("", "", "{}()[]<>=;|\\$_*&")
_CODE_SYMBOL_SHARE = 0.15
_SHORT_LINE = 40
_ABBREVIATION_LIST = (
    "a.k.a. approx. al. cf. ch. chap. dept. dr. e.g. eg. ed. eds. eq. fig. figs. i.e. ie. incl. mr. mrs. ms. nos. p. "
    "pp. prof. resp. sec. sect. sr. jr. st. vol. vs. viz. jan. feb. apr. aug. sept. oct. nov. dec. z.b. d.h. bzw. ca."
)
_ABBREVIATIONS = frozenset(_ABBREVIATION_LIST.split())


def sentence_bounds(text: str) -> list[tuple[int, int]]:
    """The bounds of the sentences of `text`, in order, white space at their ends left out.

    Between two of them stands nothing but white space (or nothing), so that they cover the text. A sentence goes on
    over the line breaks of a wrapped paragraph; headings, list items and lines of code are sentences of their own.
    """
    bounds = []
    for start, end in _paragraphs(text):
        previous = start
        for boundary in _boundaries(text, start, end):
            bounds.append((previous, boundary))
            previous = boundary
        bounds.append((previous, end))
    stripped = (_strip(text, start, end) for start, end in bounds)
    return [(start, end) for start, end in stripped if start < end]


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Runs of lines that belong together."""
    start = position = 0
    previous: str | None = None
    for line in text.split("\n"):
        if previous is not None and not _continues(previous, line):
            yield start, position
            start = position
        position += len(line) + 1
        previous = line
    yield start, len(text)


def _continues(previous: str, line: str) -> bool:
    """True if `line` goes on with the sentence that `previous` may have left open."""
    if not previous.strip() or not line.strip():
        return False
    if _LIST_ITEM.match(line) or _stands_alone(previous) or _stands_alone(line):
        return False
    if abs(_indent(previous) - _indent(line)) > 1 and not _LIST_ITEM.match(previous):
        return False
    return not _looks_like_heading(previous.strip(), line.strip())


def _stands_alone(line: str) -> bool:
    """True for a line of code, or of a table of contents."""
    if _CODE.match(line) or _LEADERS.search(line):
        return True
    symbols = len(line) - len(line.translate(_WITHOUT_CODE_SYMBOLS))
    return symbols > _CODE_SYMBOL_SHARE * len(line.strip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _looks_like_heading(previous: str, line: str) -> bool:
    """True if `previous` broke off early and `line` starts afresh: wrapped lines are about equally long."""
    short = len(previous) < _SHORT_LINE or len(previous) < 0.6 * len(line)
    return short and not line[0].islower() and previous[-1] not in ",-–("


def _boundaries(text: str, start: int, end: int) -> Iterator[int]:
    """The offsets at which sentences end inside a paragraph."""
    for match in _SENTENCE_END.finditer(text, start, end):
        if match.group()[0] in "。！？" or _ends_sentence(text, start, match, end):
            yield match.end()


def _ends_sentence(text: str, start: int, match: re.Match[str], end: int) -> bool:
    following = text[match.end() : min(end, match.end() + 40)].lstrip()
    if not following or following[0].islower() or _LEADERS.match(match.group()):
        return False
    if match.group() != ".":
        return True
    before = text[max(start, match.start() - 24) : match.end()]
    word = before.split()[-1].lstrip("(\"'“‘[").lower()
    at_start = match.end() - start <= 24
    return not (word in _ABBREVIATIONS or _INITIAL.search(before) or (at_start and _LIST_NUMBER.match(before)))


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    words = text[start:end]
    return start + len(words) - len(words.lstrip()), end - (len(words) - len(words.rstrip()))
