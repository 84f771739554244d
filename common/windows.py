"""Windows of sentences: the parts of a passage that may stand as an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from common.model.questions import Passage
from common.retrieval import terms
from common.sentences import sentence_spans

_WINDOW_SENTENCES = 3
_ENOUGH_WORDS = 30
"""A window takes in the next sentence until it has so many words."""
_HEADING_WORDS = 25
_STATEMENT_WORDS = 10
_LEADERS = re.compile(r"\.{4,}|(?:\. ){3,}|…{2,}")
_PUNCTUATED = re.compile(r"[.!:;。！][\"'”’»)\]]*$")
_NUMBERING = re.compile(r"^(?:[\d.]+|[A-Z]\.|[-*•#]+)\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Up to three consecutive sentences of a passage that state something; `bounds` are theirs in `passage.text`.

    `heading` is the one that they stand under. `position` counts the sentences between it and them; None if it stands
    in an earlier passage.
    """

    passage: Passage
    bounds: tuple[tuple[int, int], ...]
    heading: str
    position: int | None

    @property
    def char_start(self) -> int:
        """Where the first sentence begins."""
        return self.bounds[0][0]

    @property
    def char_end(self) -> int:
        """Where the last sentence ends."""
        return self.bounds[-1][1]

    @property
    def text(self) -> str:
        """The sentences as they stand."""
        return self.passage.text[self.char_start : self.char_end]

    def first(self, sentences: int) -> Window:
        """This window's first so many sentences."""
        return replace(self, bounds=self.bounds[:sentences])

    def overlaps(self, other: Window) -> bool:
        """True if both quote the same words, be it from two passages."""
        if self.passage.document_id != other.passage.document_id:
            return " ".join(self.text.split()) == " ".join(other.text.split())
        ours, theirs = self.passage.char_start, other.passage.char_start
        return ours + self.char_start < theirs + other.char_end and theirs + other.char_start < ours + self.char_end


def windows(passage: Passage) -> list[Window]:
    """The windows of a passage, one from each sentence on; none from tables of contents, headings and link lists."""
    found: list[Window] = []
    heading = passage.heading_path[-1] if passage.heading_path else ""
    position: int | None = None
    bounds = _sentences(passage.text)
    for index, (start, end) in enumerate(bounds):
        if _is_heading(passage, start, end):
            heading, position = _NUMBERING.sub("", " ".join(passage.text[start:end].split())), 0
            continue
        window = _window(passage, bounds[index : index + _WINDOW_SENTENCES])
        if window:
            found.append(Window(passage=passage, bounds=window, heading=heading, position=position))
        position = None if position is None else position + 1
    return found


def _sentences(text: str) -> list[tuple[int, int]]:
    """The sentences, those made whole again that the short lines of a PDF's column broke."""
    whole: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        if whole and _goes_on(text, whole[-1][1], start):
            whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    return whole


def _goes_on(text: str, end: int, start: int) -> bool:
    open_ended = text[end - 1].isalpha() or text[end - 1] == ","
    return open_ended and text[start].islower() and text.count("\n", end, start) == 1


def _window(passage: Passage, bounds: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Those of the sentences, from the first, that belong into one window; none if they would state nothing."""
    taken: list[tuple[int, int]] = []
    words, states = 0, False
    for start, end in bounds:
        sentence = passage.text[start:end]
        if _is_noise(sentence) or _is_heading(passage, start, end) or words >= _ENOUGH_WORDS:
            break
        taken.append((start, end))
        words += len(sentence.split())
        states = states or _states(sentence)
    return tuple(taken) if states else ()


def _is_heading(passage: Passage, start: int, end: int) -> bool:
    """True if these words stand on lines of their own like a heading: few, and not ended as a statement is."""
    words = passage.text[start:end].split()
    if len(words) > _HEADING_WORDS or not _on_own_lines(passage.text, start, end):
        return False
    sentence = " ".join(words)
    if passage.heading_path and terms(sentence) == terms(passage.heading_path[-1]):
        return True
    short = len(words) < _STATEMENT_WORDS and not _PUNCTUATED.search(sentence)
    return sentence.endswith("?") or (short and (sentence[0].isupper() or bool(_NUMBERING.match(sentence))))


def _on_own_lines(text: str, start: int, end: int) -> bool:
    before = text[:start].rstrip(" \t")
    after = text[end : end + 8].lstrip(" \t")
    return (not before or before[-1] == "\n") and (not after or after[0] == "\n")


def _is_noise(sentence: str) -> bool:
    """True for lines of a table of contents and for questions, which never answer one."""
    return bool(_LEADERS.search(sentence)) or sentence.endswith("?") or not any(map(str.isalpha, sentence))


def _states(sentence: str) -> bool:
    """True for a sentence that ends as one, or is too long for the entry of a list of links."""
    words = len(sentence.split())
    return words >= _STATEMENT_WORDS or (words > 1 and bool(_PUNCTUATED.search(sentence)))
