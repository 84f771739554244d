"""Plain text: as it is, with the headings that are beyond doubt."""

from __future__ import annotations

import re
from pathlib import Path

from common.extraction.decoding import Decoded, decode
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import PLAIN
from common.model.chunks import Extraction, Heading

_UNDERLINED = re.compile(
    r"(?:(?<=\n\n)|\A\n*)^(?P<title>\S[^\n]{1,79})\n(?P<line>={3,}|-{3,}|~{3,})[ \t]*$", re.MULTILINE
)
_NUMBERED = re.compile(
    r"(?:(?<=\n\n)|\A\n*)^(?P<number>\d{1,2}(?:\.\d{1,2}){0,4})\.? +(?P<words>[A-Z][^\n]{1,70}?)[ \t]*\n(?=\n)",
    re.MULTILINE,
)
_UNDERLINES = ("\n===", "\n---", "\n~~~")
_SENTENCE_END = (".", ":", ";", ",", "!")
_LEVELS = {"=": 1, "-": 2, "~": 3}
_LEAST_NUMBERED = 3


def extract_plain(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The file's text as it is, its encoding detected."""
    decoded = read_text(path, limits)
    if progress:
        progress(1, 1)
    headings = find_headings(decoded.text)
    title = headings[0].title if headings and headings[0].level == 1 else None
    return Extraction(
        mime_type=PLAIN,
        text=decoded.text,
        page_starts=(0,),
        headings=headings,
        title=title,
        warnings=decoded.warnings,
    )


def read_text(path: Path, limits: ExtractionLimits) -> Decoded:
    """A text file's content, refused before it is read where no encoding could bring it under the limit."""
    limits.check_characters(path.stat().st_size // 4)
    decoded = decode(path.read_bytes())
    limits.check_characters(len(decoded.text))
    return decoded


def find_headings(text: str) -> tuple[Heading, ...]:
    """Lines after a blank one that are underlined about as long as they are; failing these, numbered title lines.

    Numbered lines (`2.1 Scope`, alone between blank lines) count only if three or more of them are in order.
    """
    return _underlined(text) or _numbered(text)


def _underlined(text: str) -> tuple[Heading, ...]:
    if not any(mark in text for mark in _UNDERLINES):  # as in most texts, and told at once
        return ()
    found = []
    for match in _UNDERLINED.finditer(text):
        title = match["title"].rstrip()
        if abs(len(title) - len(match["line"])) <= 2:
            found.append(Heading(level=_LEVELS[match["line"][0]], title=title, char_start=match.start("title")))
    return tuple(found)


def _numbered(text: str) -> tuple[Heading, ...]:
    found: list[Heading] = []
    former: tuple[int, ...] = ()
    for match in _NUMBERED.finditer(text):
        number = tuple(int(part) for part in match["number"].split("."))
        if match["words"].endswith(_SENTENCE_END) or not former < number:
            continue
        former = number
        title = " ".join(f"{match['number']} {match['words']}".split())
        found.append(Heading(level=len(number), title=title, char_start=match.start("number")))
    return tuple(found) if len(found) >= _LEAST_NUMBERED else ()
