"""What a cell of a workbook shows: dates and shares as people read them, not as they are stored."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from common.extraction.xml_reading import Attributes, number_of

_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_TIMES = frozenset({18, 19, 20, 21, 45, 46, 47})
_SHARES = frozenset({9, 10})
_QUOTED = re.compile(r'"[^"]*"|\\.|[_*].|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_LAST_DAY = 2_958_466
_LEAP_DAY = 60  # 29 February 1900, which Excel counts and no calendar has
_FROM_1904 = datetime(1904, 1, 1)  # noqa: DTZ001 - a sheet's dates have no zone
_BEFORE_LEAP_DAY = datetime(1899, 12, 31)  # noqa: DTZ001
_BEHIND_LEAP_DAY = datetime(1899, 12, 30)  # noqa: DTZ001
_PLAIN_DIGITS = 15
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class CellFormats:
    """Which of a workbook's cell formats show dates, times or shares; read from its part "styles"."""

    def __init__(self) -> None:
        self._codes: dict[int, str] = {}
        self._formats: list[int] = []
        self._in_cells = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "numFmt":
            self._codes[number_of(attributes.get("numFmtId", "")) or 0] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._in_cells = True
        elif name == "xf" and self._in_cells:
            self._formats.append(number_of(attributes.get("numFmtId", "")) or 0)

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_cells = False

    def text(self, text: str) -> None: ...

    def kinds(self) -> list[str]:
        """For each format "date", "time", "date time", "share", or "" for any other."""
        return [self._kind(number) for number in self._formats]

    def _kind(self, number: int) -> str:
        if number not in self._codes:
            if number in _DATES:
                return "date time" if number == 22 else "time" if number in _TIMES else "date"
            return "share" if number in _SHARES else ""
        return kind_of_format(self._codes[number])


def kind_of_format(code: str) -> str:
    """What a format's code, as in "d. mmm yyyy", shows: "date", "time", "date time", "share", or "" for any other."""
    code = _QUOTED.sub("", code.split(";", maxsplit=1)[0]).lower()
    if "general" in code:
        return ""
    time = "h" in code or "s" in code
    date = "y" in code or "d" in code or ("m" in code and not time)
    return " ".join(word for word, meant in (("date", date), ("time", time)) if meant) or (
        "share" if "%" in code else ""
    )


def shown(value: str, kind: str, *, from_1904: bool) -> str:
    """A stored number as text; what is no number stays as it is."""
    try:
        number = float(value)
    except ValueError:
        return value
    if kind == "share":
        return f"{_plain(number * 100)}%"
    if kind and 0 <= number < _LAST_DAY:
        return _moment(number, kind, from_1904=from_1904)
    return value if len(value) <= _PLAIN_DIGITS and value.lstrip("-").replace(".", "", 1).isdigit() else _plain(number)


def unescaped(text: str) -> str:
    """A string without the escapes that stand for control characters in it."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda code: chr(int(code[1], 16)) if chr(int(code[1], 16)).isprintable() else " ", text)


def _plain(number: float) -> str:
    if number.is_integer() and abs(number) < 10**_PLAIN_DIGITS:
        return str(int(number))
    return f"{number:.{_PLAIN_DIGITS}g}"


def _moment(number: float, kind: str, *, from_1904: bool) -> str:
    base = _FROM_1904 if from_1904 else _BEFORE_LEAP_DAY if number < _LEAP_DAY else _BEHIND_LEAP_DAY
    try:
        moment = base + timedelta(days=int(number), seconds=round(number % 1 * 86_400))
    except OverflowError:
        return _plain(number)
    time = moment.strftime("%H:%M:%S" if moment.second else "%H:%M")
    if kind == "time":
        whole = round(number * 86_400)
        return time if number < 1 else f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    if kind == "date time" or (number % 1 and "time" in kind):
        return f"{moment:%Y-%m-%d} {time}"
    return f"{moment:%Y-%m-%d}"
