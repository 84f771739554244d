"""What a Word document's styles say of a paragraph."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from common.extraction.xml_reading import Attributes, number_of

LEVELS = 9
_LONGEST_CHAIN = 20
_HEADING_NAME = re.compile(r"heading ([1-9])", re.IGNORECASE)
_CONTENTS_NAME = re.compile(r"toc [1-9]|table of figures", re.IGNORECASE)


@dataclass(slots=True)
class Style:
    """One style; what it leaves out comes from the one it is based on."""

    name: str = ""
    based_on: str = ""
    outline: int | None = None
    number: str | None = None
    number_level: int | None = None


class Styles:
    """A document's styles, read from its part of that name. Names are Word's own, whatever language it speaks."""

    def __init__(self) -> None:
        self._styles: dict[str, Style] = {}
        self._style = Style()

    def start(self, name: str, attributes: Attributes) -> None:
        value = attributes.get("val", "")
        match name:
            case "style":
                self._style = Style()
                self._styles[attributes.get("styleId", "")] = self._style
            case "name":
                self._style.name = value
            case "basedOn":
                self._style.based_on = value
            case "outlineLvl":
                self._style.outline = number_of(value)
            case "numId":
                self._style.number = value
            case "ilvl":
                self._style.number_level = number_of(value)

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...

    def heading_level(self, style: str) -> int | None:
        """The level, from 1, of a heading in this style; None for what is no heading."""
        for each in self._chain(style):
            if each.outline is not None:
                return each.outline + 1 if each.outline < LEVELS else None
            if named := _HEADING_NAME.fullmatch(each.name):
                return int(named[1])
        return None

    def is_title(self, style: str) -> bool:
        """True for the style of the document's title."""
        return any(each.name.lower() == "title" for each in self._chain(style))

    def is_contents(self, style: str) -> bool:
        """True for lines of a table of contents, which repeat the headings."""
        return any(_CONTENTS_NAME.fullmatch(each.name) for each in self._chain(style))

    def list_of(self, style: str) -> tuple[str | None, int | None]:
        """The list that paragraphs in this style are items of, and their level in it, from 0."""
        number = level = None
        for each in self._chain(style):
            number = each.number if number is None else number
            level = each.number_level if level is None else level
        return number, level

    def _chain(self, style: str) -> Iterator[Style]:
        for _ in range(_LONGEST_CHAIN):
            found = self._styles.get(style)
            if found is None:
                return
            yield found
            style = found.based_on
