"""The part of Cloud Logging's query language that the installation's metrics use; anything else is an error.

https://cloud.google.com/logging/docs/view/logging-query-language: comparisons `field=value`, `field:value`,
`field=~"pattern"`, joined by AND, OR, NOT and parentheses; AND and OR side by side need those. Words are compared
without regard to case, patterns (RE2's common ground with `re`) with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

type Entry = Mapping[str, Any]
type Matches = Callable[[Entry], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<bracket>[()])|(?P<operator>=~|=|:)|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_][\w./-]*)|(?P<number>-?\d+(?:\.\d+)?))"""
)
_WORDS = {"AND", "OR", "NOT"}
_ESCAPE = re.compile(r"\\(.)")
_EXTRACT = re.compile(r"EXTRACT\(([\w.]+)\)")


class QueryError(ValueError):
    """Not of the part of the language that is read here."""


def query(text: str) -> Matches:
    """Whether an entry is one that the query asks for."""
    return _Query(_tokens(text)).whole()


def extractor(text: str) -> Callable[[Entry], str | None]:
    """What `EXTRACT(field)` takes from an entry, as text; None where there is nothing."""
    match = _EXTRACT.fullmatch(text)
    if match is None:
        raise QueryError(f"not an extractor: {text!r}")
    path = match[1]
    return lambda entry: _text(_value(entry, path))


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise QueryError(f"cannot be read from {text[position:]!r} on")
        kind = str(match.lastgroup)
        word = match[kind]
        found.append(("keyword" if word in _WORDS else kind, word))
        position = match.end()
    return found


class _Query:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens

    def whole(self) -> Matches:
        matches = self._joined()
        if self._tokens:
            raise QueryError(f"{self._tokens[0][1]!r} is one too many")
        return matches

    def _joined(self) -> Matches:
        parts = [self._one()]
        words = set()
        while word := self._take("keyword", "AND") or self._take("keyword", "OR"):
            words.add(word)
            parts.append(self._one())
        if len(words) > 1:
            raise QueryError("AND and OR side by side: put parentheses")
        join = any if words == {"OR"} else all
        return lambda entry: join(part(entry) for part in parts)

    def _one(self) -> Matches:
        if self._take("keyword", "NOT"):
            refused = self._one()
            return lambda entry: not refused(entry)
        if self._take("bracket", "("):
            inner = self._joined()
            self._must("bracket", ")")
            return inner
        return self._comparison()

    def _comparison(self) -> Matches:
        path, operator = self._must("word"), self._must("operator")
        value = self._operand()
        if operator == "=~":
            pattern = re.compile(value)
            return lambda entry: (found := _text(_value(entry, path))) is not None and bool(pattern.search(found))
        wanted = value.casefold()
        if operator == ":":
            return lambda entry: (found := _text(_value(entry, path))) is not None and wanted in found.casefold()
        return lambda entry: (found := _text(_value(entry, path))) is not None and found.casefold() == wanted

    def _operand(self) -> str:
        if quoted := self._take("quoted"):
            return _ESCAPE.sub(r"\1", quoted[1:-1])
        return self._take("word") or self._must("number")

    def _take(self, kind: str, text: str | None = None) -> str | None:
        if self._tokens and self._tokens[0][0] == kind and text in {None, self._tokens[0][1]}:
            return self._tokens.pop(0)[1]
        return None

    def _must(self, kind: str, text: str | None = None) -> str:
        found = self._take(kind, text)
        if found is None:
            raise QueryError(f"a {text or kind} is missing before {[word for _, word in self._tokens]}")
        return found


def _value(entry: Entry, path: str) -> object:
    value: object = entry
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _text(value: object) -> str | None:
    """As Cloud Logging compares and labels it."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
