"""What parts the cells of a text that is a table: comma, semicolon, tab or bar."""

from __future__ import annotations

import csv
import re
from collections import Counter

_DELIMITERS = "\t;,|"
_LOOK_AT = 200
_MOST_UNEVEN = 0.1
_MOST_SPACED = 0.3  # prose has a space behind its commas, a table hardly
_LEAST_SPACED, _LEAST_WIDTH, _LEAST_LINES = 0.95, 3, 4  # or behind each, in lines of as many cells each
_MOST_CODE = 0.1
_CODE_BEGINNING = re.compile(r"\s*(?:#include|//|/\*|import |from )|  ")


def delimiter_of(text: str, *, whole: bool) -> str | None:
    """The delimiter that gives the text's lines one number of cells, two or more; None for what is no such table.

    `text` may be a beginning; its last line is looked at only if it is `whole`.
    """
    text = text if whole else text[: text.rfind("\n") + 1]
    lines = [line for line in text.split("\n", _LOOK_AT)[:_LOOK_AT] if line.strip()]
    if len(lines) < 2:
        return None
    found = [(width, delimiter) for delimiter in _DELIMITERS if (width := _width(lines, delimiter))]
    return max(found)[1] if found else None


def _width(lines: list[str], delimiter: str) -> int:
    """How many cells nearly each row has; 0 where rows differ or look like prose or source code."""
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
    except csv.Error:
        return 0
    width, often = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    if width < 2 or often < 2 or len(rows) - often > _MOST_UNEVEN * len(rows):
        return 0
    if _mostly_empty(rows, 0) or _mostly_empty(rows, -1):  # lines that are indented, or that end in a comma
        return 0
    if delimiter == "\t":
        return width
    even = often == len(lines) >= _LEAST_LINES and width >= _LEAST_WIDTH
    return 0 if _is_code_as_a_whole(lines, delimiter) or _is_prose(lines, delimiter, even=even) else width


def _mostly_empty(rows: list[list[str]], place: int) -> bool:
    return sum(not row[place].strip() for row in rows) > len(rows) / 2


def _is_code_as_a_whole(lines: list[str], delimiter: str) -> bool:
    return sum(_is_code(line.rstrip(), delimiter) for line in lines) > max(1, _MOST_CODE * len(lines))


def _is_prose(lines: list[str], delimiter: str, *, even: bool) -> bool:
    """True for spaces behind delimiters; not where they are behind all, and the lines have as many cells each."""
    delimiters = sum(line.count(delimiter) for line in lines)
    spaced = sum(line.count(f"{delimiter} ") for line in lines)
    return spaced > _MOST_SPACED * delimiters and not (even and spaced >= _LEAST_SPACED * delimiters)


def _is_code(line: str, delimiter: str) -> bool:
    """True for a line that begins or ends as a program's: not with an empty cell, nor with one such as "Bonn (D)"."""
    if _CODE_BEGINNING.match(line) or line.endswith(("{", "}", "(")):
        return True
    if line.endswith(")"):
        cell = line.rpartition(delimiter)[2]
        return cell.count(")") > cell.count("(")
    return line.endswith(";") and delimiter != ";"
