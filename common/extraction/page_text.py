"""A page's lines as pdfium reads them, made into paragraphs that can be quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from common.extraction.decoding import clean

# What pdfium puts for a hyphen that breaks a word at a line's end (U+FFFE, U+0002 in older versions); it leaves out
# the line's end itself.
_BROKEN_WORD = re.compile("[\ufffe\x02\xad]\n?")
HYPHEN = "\xad"
_BREAKS = "\ufffe\x02\xad"
_LINE = re.compile("[^\r\n\ufffe\x02\xad]+")
_SPACES = re.compile(r"[ \t\xa0]+")
_LIST_ITEM = re.compile(r"(?:[•◦▪▫●○■□‣⁃∙·*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]|\[\d{1,3}\])\s")
_CODE_OR_ROW_BEGINS = ("$ ", "# ", "% ", "> ", "{", "}", "<", "|")
_CODE_OR_ROW_ENDS = ("{", "}", ";", "|", "\\")
_EQUATIONS = ("<=", "==", ":=", "=>")
_FOOTNOTE = re.compile(r"(?:\d{1,2}|[¹²³⁰⁴-⁹]+) ?[A-Z][a-z]")
_BROKEN_ADDRESS = re.compile(r"\S*://\S*[/._=&?%+-]")
_LETTERS = re.compile(r"[^\W\d_]")

_FULL_LINE = 0.7  # of the document's usual line: what is shorter ended because its author ended it
_FULL_LINE_AT_SENTENCE_END = 0.88
_BROKEN_LINE = 0.45  # a shorter line that runs on in lower case, as around superscripts and formulas
_NARROWEST = 30


def raw_lines(text: str) -> list[str]:
    """The page's lines as pdfium gives them, cleaned; one that ends in U+00AD ends within a word."""
    if not text.isascii():
        text = _BROKEN_WORD.sub(HYPHEN + "\n", text)
    text = clean(text.replace("\r\n", "\n"))
    if any(space in text for space in ("  ", "\t", "\xa0")):
        text = _SPACES.sub(" ", text)
    return [line for each in text.split("\n") if (line := each.strip(" "))]


def line_spans(text: str) -> list[tuple[int, int]]:
    """Where in the page's text, as pdfium gives it, each line begins and ends that holds more than white space."""
    if not text.isascii() and any(mark in text for mark in _BREAKS):
        return [match.span() for match in _LINE.finditer(text) if not match[0].isspace()]
    spans: list[tuple[int, int]] = []
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        if line and not line.isspace():
            spans.append((start, end - line.endswith("\r")))
        start = end + 1
    return spans


def is_broken(text: str, end: int) -> bool:
    """True if the word that ends there goes on in the next line."""
    return end < len(text) and text[end] in _BREAKS


def usual_width(pages: Sequence[Sequence[str]]) -> int:
    """The length that all but the longest tenth of the lines of prose stay under, in characters."""
    lengths = sorted(len(line) for lines in pages for line in lines if len(line) >= _NARROWEST)
    return lengths[len(lengths) * 9 // 10] if lengths else _NARROWEST


def join_lines(lines: Sequence[str], width: int) -> str:
    """The lines as text: those that only the page's width had parted are one again, paragraphs have a blank line."""
    parts: list[str] = []
    for here, line in enumerate(lines):
        following = lines[here + 1] if here + 1 < len(lines) else ""
        if not following:
            parts.append(line.removesuffix(HYPHEN))
        elif line.endswith(HYPHEN):
            parts.append(line[:-1])
        elif not runs_on(line, following, width):
            parts += (line, _between(line, width))
        else:
            parts += (line, "" if _breaks_word(line, following) else " ")
    return "".join(parts)


def runs_on(line: str, following: str, width: int) -> bool:
    """True if the line was parted from the following one by the page's width alone, as far as can be told."""
    length, last, first = len(line), line[-1], following[0]
    if length < _BROKEN_LINE * width or _begins_anew(following):
        return False
    if length < _FULL_LINE * width and not (first.islower() and (last.isalnum() or last == ",")):
        return False
    if last in ".?!:" and (last == ":" or (first.isupper() and length < _FULL_LINE_AT_SENTENCE_END * width)):
        return False
    has_letters = line[0].isalpha() or _LETTERS.search(line) is not None
    return has_letters and not (_is_code_or_row(line) or _is_code_or_row(following))


def _begins_anew(line: str) -> bool:
    """True for a list's item and a footnote. Most lines are told from those by their beginning alone."""
    if line[0].isalpha() and not ("." in line[:6] or ")" in line[:6]):
        return False
    return bool(_LIST_ITEM.match(line) or _FOOTNOTE.match(line))


def _is_code_or_row(line: str) -> bool:
    return (
        line.startswith(_CODE_OR_ROW_BEGINS)
        or line.endswith(_CODE_OR_ROW_ENDS)
        or "...." in line
        or " . . ." in line
        or "->" in line
        or "<-" in line
        or ("=" in line and any(mark in line for mark in _EQUATIONS))
    )


def _breaks_word(line: str, following: str) -> bool:
    """True if the line ended behind a hyphen that is part of a word, or within an address."""
    if line[-1] == "-":
        return len(line) > 1 and line[-2].isalnum()
    if line[-1].isalnum() or "://" not in line:
        return False
    address, rest = line.rsplit(" ", 1)[-1], following.split(" ", 1)[0]
    return bool(_BROKEN_ADDRESS.fullmatch(address)) and (not rest[0].isupper() or "/" in rest)


def _between(line: str, width: int) -> str:
    ends_paragraph = line[-1] in ".?!" and len(line) < _FULL_LINE_AT_SENTENCE_END * width
    return "\n\n" if ends_paragraph else "\n"
