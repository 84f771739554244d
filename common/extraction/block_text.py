"""Text as it is put together from inline words and blocks: white space as a browser would show it."""

from __future__ import annotations

import re

_INVISIBLE = re.compile("[\xad\u200b\u2060]")


def collapse(text: str) -> str:
    """The words of the text with single spaces, without soft hyphens and other invisible characters."""
    return " ".join(_INVISIBLE.sub("", text).split())


class BlockText:
    """A growing text. Breaks asked for at the same place become one, the widest."""

    def __init__(self) -> None:
        self.length = 0
        self._parts: list[str] = []
        self._break = 0
        self._space = False
        self._marker = ""
        self._flat = 0
        self._page_starts = [0]
        self._pages_to_begin = 0

    @property
    def page_starts(self) -> tuple[int, ...]:
        """Where each page begins; one that nothing came for begins and ends where the next text will."""
        return (*self._page_starts, *[self.length] * self._pages_to_begin)

    def page(self) -> None:
        """Another page begins with the text that comes next."""
        self._pages_to_begin += 1

    def add(self, text: str) -> None:
        """Inline text: each run of white space is one space, none at the beginning of a line."""
        if not text.isascii():
            text = _INVISIBLE.sub("", text)
        words = text.split()
        if not words:
            self._space = self._space or bool(text)
            return
        self._begin(space=self._space or text[0].isspace())
        self._put(" ".join(words))
        self._space = text[-1].isspace()

    def add_verbatim(self, text: str) -> None:
        """Preformatted text: as it is, but for nothing at its ends that a break makes again; in flat text its words."""
        if self._flat:
            self.add(text)
        elif text:
            self._begin(space=False)
            self._put(text)

    def line_break(self) -> None:
        """End the line, as `br` does; two in a row leave a blank line."""
        if self._flat:
            self._space = True
        elif self._parts:
            self._break = min(2, self._break + 1)

    def block(self, lines: int) -> None:
        """What follows begins on a new line (1) or behind a blank one (2); in flat text a space parts it."""
        if self._flat:
            self._space = True
        elif not self._marker:
            self._break = max(self._break, lines)

    def item(self, marker: str, *, first: bool) -> None:
        """A list's item, its marker before its first text; items follow each other without blank lines."""
        self.block(1)
        if self._flat:
            self._marker += marker.lstrip()
        else:
            self._break = self._break if first else 1
            self._marker = marker

    def cell(self, separator: str) -> None:
        """Another cell of a row; the separators of empty cells are put when a filled one comes."""
        self._marker += separator

    def drop_marker(self) -> None:
        """Forget a marker that no text came for."""
        self._marker = ""

    def begin_flat(self) -> None:
        """From here to `end_flat` nothing breaks a line: a table's row, a heading."""
        self._flat += 1

    def end_flat(self) -> None:
        """The end of what `begin_flat` began."""
        self._flat -= 1

    def since(self, length: int) -> tuple[str, int]:
        """What came since the text was that long, without white space around it, and where it begins."""
        taken: list[str] = []
        missing = self.length - length
        for part in reversed(self._parts):
            if missing <= 0:
                break
            taken.append(part)
            missing -= len(part)
        text = "".join(reversed(taken))
        return text.strip(), length + len(text) - len(text.lstrip())

    def whole(self) -> str:
        return "".join(self._parts)

    def _begin(self, *, space: bool) -> None:
        marker, self._marker = self._marker, ""
        if self._break:
            if self._parts:
                self._put("\n" * self._break)
            self._break = 0
        elif space and self._parts and not marker.startswith(" ") and not self._parts[-1].endswith((" ", "\n")):
            self._put(" ")
        self._space = False
        if self._pages_to_begin:
            self._page_starts += [self.length] * self._pages_to_begin
            self._pages_to_begin = 0
        if marker:
            self._put(marker)

    def _put(self, part: str) -> None:
        self._parts.append(part)
        self.length += len(part)
