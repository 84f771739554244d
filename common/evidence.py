"""Where in its passages a question may be answered: windows of sentences, and how their words meet the question's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from common.model import Passage
from common.retrieval import search_terms, terms
from common.sentences import sentence_bounds

_WINDOW_SENTENCES = 3
_WINDOW_WORDS = 30
_HEADING_WORDS = 25
_STATEMENT_WORDS = 10
_LEADERS = re.compile(r"\.{4,}|(?:\. ){3,}|…{2,}")
_PUNCTUATED = re.compile(r"[.!:;。！][\"'”’»)\]]*$")
_NUMBERING = re.compile(r"^(?:[\d.]+|[A-Z]\.|[-*•#]+)\s+")
_SUFFIXES = ("ations", "ation", "ments", "ings", "ment", "ies", "ing", "ers", "ed", "er", "es", "ly", "s", "e", "y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Up to three consecutive sentences of a passage that state something: `passage.text[char_start:char_end]`.

    `heading` is the heading that they stand under; `position` counts the sentences between it and them.
    """

    passage: Passage
    char_start: int
    char_end: int
    heading: str
    position: int | None

    @property
    def text(self) -> str:
        """The sentences as they stand."""
        return self.passage.text[self.char_start : self.char_end]


def windows(passage: Passage) -> list[Window]:
    """The windows of a passage, one from each sentence on; none from tables of contents, headings and link lists."""
    found: list[Window] = []
    heading = passage.heading_path[-1] if passage.heading_path else ""
    position: int | None = None
    bounds = sentence_bounds(passage.text)
    for index, (start, end) in enumerate(bounds):
        sentence = passage.text[start:end]
        if _is_heading(passage, start, end):
            heading, position = _NUMBERING.sub("", " ".join(sentence.split())), 0
            continue
        last = _window_end(passage, bounds[index : index + _WINDOW_SENTENCES])
        if last is not None and not _is_noise(sentence):
            found.append(Window(passage=passage, char_start=start, char_end=last, heading=heading, position=position))
        position = None if position is None else position + 1
    return found


def _window_end(passage: Passage, bounds: Sequence[tuple[int, int]]) -> int | None:
    """Where the window that begins with `bounds` ends; None if it would state nothing."""
    last, words, states = None, 0, False
    for start, end in bounds:
        sentence = passage.text[start:end]
        if _is_noise(sentence) or _is_heading(passage, start, end):
            break
        states = states or _states(sentence)
        last = end
        words += len(sentence.split())
        if words >= _WINDOW_WORDS:
            break
    return last if states else None


def _is_heading(passage: Passage, start: int, end: int) -> bool:
    """True if these words stand on lines of their own like a heading: few, and not ended as a statement is."""
    text = passage.text
    own_lines = "\n" in f"\n{text[:start].rstrip(' ')}"[-1:] and text[end : end + 2].lstrip(" ")[:1] in {"\n", ""}
    words = text[start:end].split()
    if not own_lines or not words or len(words) > _HEADING_WORDS:
        return False
    sentence = " ".join(words)
    if passage.heading_path and terms(sentence) == terms(passage.heading_path[-1]):
        return True
    return sentence.endswith("?") or (
        not _PUNCTUATED.search(sentence) and len(words) < _STATEMENT_WORDS and sentence[:1].isupper()
    )


def _is_noise(sentence: str) -> bool:
    """True for lines of a table of contents and for questions, which never answer one."""
    return bool(_LEADERS.search(sentence)) or sentence.endswith("?") or not any(map(str.isalpha, sentence))


def _states(sentence: str) -> bool:
    """True for a sentence that ends as one, or is too long for the entry of a list of links."""
    words = len(sentence.split())
    return words >= _STATEMENT_WORDS or (words > 1 and bool(_PUNCTUATED.search(sentence)))


@lru_cache(maxsize=4096)
def stem(term: str) -> str:
    """A term without its English endings, so that `installed` meets `installation`."""
    if not term.isalpha() or not term.isascii():
        return term
    for suffix in _SUFFIXES:
        if term.endswith(suffix) and len(term) - len(suffix) >= 3:
            term = term[: -len(suffix)]
            break
    return term[:-1] if len(term) > 3 and term[-1] == term[-2] else term


def stems(text: str) -> frozenset[str]:
    """The stems of all terms of a text; of compound ones such as `git-log` and `os.path` the parts too."""
    found = set()
    for term in terms(text):
        found.add(stem(term))
        found.update(stem(part) for part in re.split(r"[^\w]+", term) if part)
    return frozenset(found)


def question_stems(question: str) -> dict[str, str]:
    """The content words of a question: their stems, each with the word as asked."""
    return {stem(term): term for term in reversed(search_terms(question))}


def coverage(wanted: Iterable[str], found: frozenset[str]) -> float:
    """The share of the wanted stems that are found."""
    asked = list(wanted)
    return sum(term in found for term in asked) / len(asked) if asked else 0.0


def heading_match(question: str, heading: str) -> float:
    """How nearly a heading is the question: the Dice coefficient of their stems, stop words included."""
    asked, headed = stems(question), stems(heading)
    return 2 * len(asked & headed) / (len(asked) + len(headed)) if asked and headed else 0.0
