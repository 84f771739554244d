"""Marks of notes in HTML: numbers that lead to a note, and signs that lead back."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

_MARK = re.compile(r"[\[(]?(?:\d{1,4}|[*†‡§]{1,3}|[a-z]|[ivxlc]{1,7})[\])]?")
_BARE_MARK = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡§]{1,3})[\])]?")
_BACK = frozenset({"↩", "↩\ufe0e", "↩\ufe0f", "^", "↑", "⏎", "↵"})
_LONGEST = 12
_WORD_BEFORE = re.compile(r"[^\W\d_]{3}[^\w\s]*\Z")
_LOOK_BACK = 16


def is_note_mark(anchor: LexborNode) -> bool:
    """True for a link to a note, which says so or is superior, and for one from there back."""
    attributes = anchor.attributes
    if "#" not in (attributes.get("href") or ""):
        return False
    text = anchor.text().strip()
    if len(text) > _LONGEST:
        return False
    role = attributes.get("role") or attributes.get("epub:type") or ""
    if text in _BACK or role == "doc-backlink":
        return True
    if _MARK.fullmatch("".join(text.split())) is None:
        return False
    return "noteref" in role or _within_sup(anchor) or anchor.css_first("sup") is not None


def is_bare_mark(sup: LexborNode) -> bool:
    """True for a number set superior behind a word, where it is no power: "leave²", not "km²" or "10³"."""
    before = sup.prev
    if before is None or before.tag != "-text" or sup.css_first("a") is not None:
        return False
    if _BARE_MARK.fullmatch(sup.text().strip()) is None:
        return False
    return _WORD_BEFORE.search((before.text_content or "")[-_LOOK_BACK:]) is not None


def _within_sup(anchor: LexborNode) -> bool:
    parent = anchor.parent
    while parent is not None and parent.tag == "span":
        parent = parent.parent
    return parent is not None and parent.tag == "sup"
