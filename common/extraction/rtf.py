"""RTF: a short reader of its groups and control words, for the words alone."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from common.extraction.decoding import clean
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import RTF
from common.extraction.rtf_characters import RtfCharacters
from common.extraction.rtf_text import RtfText
from common.extraction.rtf_words import (
    CODE_PAGES,
    DESTINATIONS,
    LABELS,
    READ,
    READ_AGAIN,
    SIGNS,
    SKIPPED,
    STORIES,
    SYMBOLS,
)
from common.extraction.titles import stated_title
from common.extraction.xml_reading import corrupt
from common.model.chunks import Extraction

_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<byte>[0-9a-fA-F]{2})|\\(?P<sign>[^a-zA-Z])"
    rb"|(?P<brace>[{}])|(?P<plain>[^\\{}\r\n]+)|[\r\n]+|\\",
    re.DOTALL,
)
_NAMED_CODE_PAGES = {10000: "mac_roman", 65001: "utf-8"}


@dataclass(frozen=True, slots=True)
class _Group:
    """What holds until the group ends. `kind` is the destination that its words go to."""

    kind: str = ""
    skipped: bool = False
    deleted: bool = False
    stand_ins: int = 1
    font: int = -1
    style: int = 0
    outline: int | None = None
    in_table: bool = False
    optional: bool = False


@dataclass(slots=True)
class _Style:
    number: int = 0
    outline: int | None = None
    name: str = ""


@dataclass(slots=True)
class _Tables:
    """What the document's header says: fonts' code pages, styles' levels, the title."""

    code_page: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)
    levels: dict[int, int] = field(default_factory=dict)
    title: str = ""


def extract_rtf(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The body with its lists and tables; notes and text boxes stand behind their paragraphs.

    Headers and footers are left out. Permanent: CORRUPT_FILE, NESTED_TOO_DEEPLY, TOO_MUCH_TEXT.
    """
    reader = _Reader(path.read_bytes(), limits)
    reader.run()
    if progress:
        progress(1, 1)
    text = reader.story.text
    return Extraction(
        mime_type=RTF,
        text=text.whole(),
        page_starts=text.page_starts,
        headings=tuple(text.headings),
        title=stated_title(reader.tables.title) or text.title_of_level(1),
    )


class _Reader:
    def __init__(self, data: bytes, limits: ExtractionLimits) -> None:
        self.story = RtfText()
        self.tables = _Tables()
        self._data = data
        self._limits = limits
        self._group = _Group()
        self._groups: list[_Group] = []
        self._stories: list[tuple[int, RtfText]] = []  # the outer ones, each with the depth at which the inner began
        self._characters = RtfCharacters()
        self._label = ""
        self._style = _Style()
        self._row_is_header = False

    def run(self) -> None:
        place = 0
        while token := _TOKEN.match(self._data, place):
            place = token.end()
            if token["word"] == b"bin":
                place += max(0, int(token["number"] or 0))
            elif token["word"]:
                self._control(token["word"].decode(), int(token["number"]) if token["number"] else None)
            elif token["brace"] == b"}" and len(self._groups) == 1:
                self._close_group()
                break  # what follows is none of the document's
            else:
                self._take(token)
        if self._groups:
            raise corrupt("it breaks off")
        self._flush()
        self.story.end()
        self._limits.check_characters(self.story.text.length)

    def _take(self, token: re.Match[bytes]) -> None:
        if token["plain"]:
            self._characters.add_bytes(token["plain"])
        elif token["byte"]:
            self._characters.add_bytes(bytes.fromhex(token["byte"].decode()))
        elif token["brace"] == b"{":
            self._open_group()
        elif token["brace"]:
            self._close_group()
        elif token["sign"]:
            self._symbol(token["sign"].decode("latin-1"))

    def _open_group(self) -> None:
        self._flush()
        self._characters.end_stand_ins()
        self._groups.append(self._group)
        self._limits.check_depth(len(self._groups))
        if self._group.optional:
            self._group = replace(self._group, optional=False)
        if self._group.kind == "stylesheet":
            self._style = _Style()

    def _close_group(self) -> None:
        self._flush()
        self._characters.end_stand_ins()
        if not self._groups:
            raise corrupt("its groups end before they begin")
        if self._stories and self._stories[-1][0] == len(self._groups):
            inner, (_, self.story) = self.story, self._stories.pop()
            self.story.pending.append(inner.end())
        if self._group.kind == "stylesheet" and self._style.outline is not None:
            self.tables.levels[self._style.number] = self._style.outline
        self._group = self._groups.pop()

    def _symbol(self, sign: str) -> None:
        self._flush()
        if sign in SYMBOLS:
            self._write(SYMBOLS[sign])
        elif sign == "*":
            self._group = replace(self._group, optional=True)
        elif sign in "\r\n":
            self.end_paragraph()

    def _control(self, word: str, number: int | None) -> None:
        if word == "u":
            if self._characters.end_in_bytes:
                self._flush()
            self._characters.add_unit(number or 0, self._group.stand_ins)
            return
        self._flush()
        self._characters.end_stand_ins()
        if word in SKIPPED or word in READ or self._group.optional:
            self._begin_destination(word)
        elif word in DESTINATIONS:
            self._group = replace(self._group, kind=word)
        elif word in SIGNS:
            self._write(SIGNS[word])
        elif self._group.kind in DESTINATIONS or word in _PROPERTIES:
            if word in _PROPERTIES:
                _PROPERTIES[word](self, number)
        elif not self._group.skipped and word in _LAYOUT:
            _LAYOUT[word](self)

    def _begin_destination(self, word: str) -> None:
        if word in SKIPPED or word not in READ:
            self._group = replace(self._group, skipped=True, optional=False)
            return
        self._group = replace(
            self._group, skipped=self._group.skipped and word not in READ_AGAIN, optional=False, kind=self._kind(word)
        )
        if word in STORIES and not self._group.skipped:
            self._stories.append((len(self._groups), self.story))
            self.story = RtfText()

    def _kind(self, word: str) -> str:
        return word if word in LABELS else self._group.kind

    def _flush(self) -> None:
        words = self._characters.take(self.tables.fonts.get(self._group.font, self.tables.code_page))
        if words:
            self._write(words)

    def _write(self, words: str) -> None:
        kind = self._group.kind
        if self._group.skipped or self._group.deleted:
            return
        if kind == "title":
            self.tables.title += words
        elif kind in LABELS:
            self._label += words
        elif kind not in DESTINATIONS and (words := _clean(words)):
            outline = self._group.outline
            level = self.tables.levels.get(self._group.style) if outline is None else outline
            self.story.add(
                words, in_table=self._group.in_table, level=None if level is None else level + 1, label=self._label
            )
            self._label = "" if words.strip() else self._label

    def end_paragraph(self) -> None:
        if self._group.kind not in DESTINATIONS and not self._group.skipped:
            self.story.end_paragraph()
            self._limits.check_characters(self.story.text.length)

    def end_cell(self) -> None:
        self._label = ""
        self.story.end_cell()

    def end_row(self) -> None:
        self.story.end_row(header=self._row_is_header)
        self._row_is_header = False

    def begin_page(self) -> None:
        if not self._stories and self.story.text.length:
            self.story.text.page()

    def reset_paragraph(self, _: int | None) -> None:
        self._group = replace(self._group, style=0, outline=None, in_table=False)

    def set_style(self, number: int | None) -> None:
        if self._group.kind == "stylesheet":
            self._style.number = number or 0
        else:
            self._group = replace(self._group, style=number or 0)

    def set_outline(self, number: int | None) -> None:
        level = number if number is not None and 0 <= number < 9 else None
        if self._group.kind == "stylesheet":
            self._style.outline = level
        else:
            self._group = replace(self._group, outline=level)

    def set_in_table(self, _: int | None) -> None:
        self._group = replace(self._group, in_table=True)

    def set_header_row(self, _: int | None) -> None:
        self._row_is_header = True

    def set_font(self, number: int | None) -> None:
        self._group = replace(self._group, font=number if number is not None else -1)

    def set_character_set(self, number: int | None) -> None:
        if self._group.kind == "fonttbl" and number in CODE_PAGES:
            self.tables.fonts[self._group.font] = CODE_PAGES[number]

    def set_code_page(self, number: int | None) -> None:
        name = _NAMED_CODE_PAGES.get(number or 0, f"cp{number}")
        with suppress(LookupError):
            self.tables.code_page = codecs.lookup(name).name

    def set_skip(self, number: int | None) -> None:
        self._group = replace(self._group, stand_ins=min(max(0, number if number is not None else 1), 100))

    def set_deleted(self, number: int | None) -> None:
        self._group = replace(self._group, deleted=number != 0)

    def reset_characters(self, _: int | None) -> None:
        self._group = replace(self._group, deleted=False)


_PROPERTIES: dict[str, Callable[[_Reader, int | None], None]] = {
    "pard": _Reader.reset_paragraph, "s": _Reader.set_style, "outlinelevel": _Reader.set_outline,
    "intbl": _Reader.set_in_table, "trhdr": _Reader.set_header_row, "f": _Reader.set_font,
    "fcharset": _Reader.set_character_set, "ansicpg": _Reader.set_code_page, "uc": _Reader.set_skip,
    "deleted": _Reader.set_deleted, "plain": _Reader.reset_characters,
}  # fmt: skip
_LAYOUT: dict[str, Callable[[_Reader], None]] = {
    "par": _Reader.end_paragraph, "sect": _Reader.end_paragraph, "page": _Reader.begin_page,
    "cell": _Reader.end_cell, "row": _Reader.end_row,
}  # fmt: skip


def _clean(words: str) -> str:
    return words if words.isascii() and words.isprintable() else clean(words)
