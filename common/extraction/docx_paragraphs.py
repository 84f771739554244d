"""A paragraph of a Word document: what it says of itself, and what its style adds."""

from __future__ import annotations

from dataclasses import dataclass

from common.extraction.docx_lists import Lists
from common.extraction.docx_styles import LEVELS, Styles
from common.extraction.xml_reading import number_of


@dataclass(slots=True)
class Paragraph:
    """One paragraph while it is read; `heading` is the place and level of what it begins as one."""

    style: str = ""
    outline: int | None = None
    number: str | None = None
    number_level: int | None = None
    begun: bool = False
    left_out: bool = False
    heading: tuple[int, int] | None = None
    ends_section: bool = False

    def describe(self, name: str, value: str) -> None:
        """Take over a property of this name; others say nothing of it."""
        match name:
            case "pStyle":
                self.style = value
            case "numId":
                self.number = value
            case "ilvl":
                self.number_level = number_of(value)
            case "outlineLvl":
                self.outline = number_of(value)

    def heading_level(self, styles: Styles) -> int | None:
        """The level, from 1, of the heading that it is; None for what is none."""
        if self.outline is not None:
            return self.outline + 1 if self.outline < LEVELS else None
        return 1 if styles.is_title(self.style) else styles.heading_level(self.style)

    def list_label(self, styles: Styles, lists: Lists) -> tuple[str | None, int]:
        """What stands before it as the next item of its list, None outside of lists; and its level there, from 0."""
        number, level = styles.list_of(self.style)
        number = self.number if self.number is not None else number
        level = self.number_level if self.number_level is not None else level
        level = min(level or 0, LEVELS - 1)
        return (lists.next_label(number, level) if number is not None else None), level
