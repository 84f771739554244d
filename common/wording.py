"""Whether a question and a text speak of the same things: stems, names and headings. Endings are cut for English."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from common.retrieval import STOP_WORDS, search_terms, terms

_SUFFIXES = ("ations", "ation", "ments", "ings", "ment", "ies", "ing", "ers", "ed", "er", "es", "ly", "s", "e", "y")
_SHORTEST_STEM = 3
_PARTS = re.compile(r"[^\w]+")
_STOP_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks for: its content words by their stems, and the stems of the names and numbers among them."""

    text: str
    words: Mapping[str, str]
    names: frozenset[str]

    def without(self, missing: Collection[str]) -> str:
        """The question with these content words left out."""
        left_out = {self.words[each] for each in missing}
        return " ".join(word for word in self.text.split() if left_out.isdisjoint(terms(word)))


def asked(question: str) -> Asked:
    """The content words of a question. A name is written with a digit, or in capitals after the first word."""
    words = {stem(term): term for term in reversed(search_terms(question))}
    names = set()
    for place, word in enumerate(question.split()):
        for term in terms(word):
            named = (place > 0 and word.lstrip("\"'‘“(`[")[:1].isupper()) or any(map(str.isdigit, term))
            if named and term not in STOP_WORDS:
                names.add(stem(term))
    return Asked(question, words, frozenset(names))


@lru_cache(maxsize=16384)
def stem(term: str) -> str:
    """A term without its English endings, so that `installed` meets `installation`; names with signs stay whole."""
    if not (term.isalpha() and term.isascii()):
        return term
    for suffix in _SUFFIXES:
        if term.endswith(suffix) and len(term) - len(suffix) >= _SHORTEST_STEM:
            term = term.removesuffix(suffix)
            break
    return term[:-1] if len(term) > _SHORTEST_STEM and term[-1] == term[-2] else term


def stems(text: str) -> frozenset[str]:
    """The stems of all terms of a text; of compound ones such as `git-log` and `os.path` the parts too."""
    found = set()
    for term in terms(text):
        found.add(stem(term))
        if not term.isalnum():
            found.update(stem(part) for part in _PARTS.split(term) if part)
    return frozenset(found)


def heading_match(question: str, heading: str) -> float:
    """How nearly a heading is the question, 0 to 1: what their Dice coefficient has above a half, twice.

    Stop words count a quarter: they tell `what is` from `how to`, but two questions beginning alike are not alike.
    """
    ours, theirs = _weight(stems(question)), _weight(stems(heading))
    total = sum(ours.values()) + sum(theirs.values())
    common = sum(weight for term, weight in ours.items() if term in theirs)
    return max(0.0, 4 * common / total - 1) if total else 0.0


def _weight(found: frozenset[str]) -> dict[str, float]:
    return {term: _STOP_WEIGHT if term in _STOP_STEMS else 1.0 for term in found}


_STOP_STEMS = frozenset(stem(word) for word in STOP_WORDS)
