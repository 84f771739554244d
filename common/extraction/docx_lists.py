"""How the items of a Word document's lists are numbered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from common.extraction.xml_reading import Attributes, number_of

_PLACEHOLDER = re.compile(r"%([1-9])")
_MOST_IN_LETTERS = 26 * 20


@dataclass(slots=True)
class _Level:
    start: int = 1
    kind: str = "decimal"
    pattern: str = ""


@dataclass(slots=True)
class _List:
    levels: dict[int, _Level] = field(default_factory=dict)
    counters: dict[int, int] = field(default_factory=dict)


class Lists:
    """A document's lists, read from its part "numbering", and how far each has counted."""

    def __init__(self) -> None:
        self._lists: dict[str, _List] = {}
        self._list_of: dict[str, str] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        self._list = _List()
        self._level = _Level()
        self._number = ""
        self._restarted = 0

    def start(self, name: str, attributes: Attributes) -> None:
        value = attributes.get("val", "")
        match name:
            case "abstractNum":
                self._list = self._lists.setdefault(attributes.get("abstractNumId", ""), _List())
            case "lvl":
                self._level = self._list.levels.setdefault(number_of(attributes.get("ilvl", "")) or 0, _Level())
            case "start":
                self._level.start = number_of(value) or 0
            case "numFmt":
                self._level.kind = value
            case "lvlText":
                self._level.pattern = value
            case "num":
                self._number = attributes.get("numId", "")
                self._list = _List()
            case "abstractNumId":
                self._list_of[self._number] = value
            case "lvlOverride":
                self._restarted = number_of(attributes.get("ilvl", "")) or 0
            case "startOverride":
                self._restarts.setdefault(self._number, {})[self._restarted] = number_of(value) or 0

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...

    def next_label(self, number: str, level: int) -> str | None:
        """What stands before the list's next item of this level: "-", "2.1" or nothing; None where no such list is."""
        found = self._lists.get(self._list_of.get(number, ""))
        if found is None or number == "0":
            return None
        for restarted, start in self._restarts.pop(number, {}).items():
            found.counters[restarted] = start - 1
        its = found.levels.get(level) or _Level()
        found.counters[level] = found.counters.get(level, its.start - 1) + 1
        for deeper in [each for each in found.counters if each > level]:
            del found.counters[deeper]
        if its.kind == "bullet":
            return "-"
        return _PLACEHOLDER.sub(lambda place: _counted(found, int(place[1]) - 1), its.pattern)


def _counted(found: _List, level: int) -> str:
    its = found.levels.get(level) or _Level()
    count = found.counters.get(level, its.start)
    match its.kind:
        case "lowerLetter":
            return _letters(count)
        case "upperLetter":
            return _letters(count).upper()
        case "lowerRoman":
            return _roman(count)
        case "upperRoman":
            return _roman(count).upper()
        case "none":
            return ""
        case _:
            return str(count)


def _letters(count: int) -> str:
    """Word goes on from z with aa, bb, cc."""
    if not 0 < count <= _MOST_IN_LETTERS:
        return str(count)
    return chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)


def _roman(count: int) -> str:
    if not 0 < count < 4000:
        return str(count)
    numeral = ""
    for value, sign in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("m", "cm", "d", "cd", "c", "xc", "l", "xl", "x", "ix", "v", "iv", "i"),
        strict=True,
    ):
        numeral += sign * (count // value)
        count %= value
    return numeral
