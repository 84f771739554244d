"""Pub/Sub's filter language without hasPrefix: `attributes:KEY`, `attributes.KEY = "v"`, `!=`, AND, OR, NOT, ( )."""

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache

type Matches = Callable[[Mapping[str, str]], bool]

MAX_FILTER_BYTES = 256
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[\w-]+|!=|[=:.,()])\s*', re.ASCII | re.DOTALL)


class InvalidFilterError(ValueError):
    """The text is no filter; the message says why."""


class UnsupportedFilterError(ValueError):
    """The filter uses what this emulator leaves out; the message names it."""


@lru_cache(maxsize=1024)
def parse(text: str) -> Matches:
    """The test of a message's attributes that `text` stands for; an empty text lets every message through.

    `!=` also holds where the key is missing. As in the service, AND beside OR needs parentheses.
    """
    if len(text.encode()) > MAX_FILTER_BYTES:
        raise InvalidFilterError(f"A filter has at most {MAX_FILTER_BYTES} bytes.")
    if not text:
        return lambda _attributes: True
    tokens, at = deque[str](), 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise InvalidFilterError(f"The filter cannot be read from {text[at:]!r} on.")
        tokens.append(match[1])
        at = match.end()
    tokens.append("")
    matches = _expression(tokens)
    _take(tokens, "")
    return matches


def _expression(tokens: deque[str]) -> Matches:
    terms, word = [_term(tokens)], tokens[0]
    while tokens[0] in {"AND", "OR"}:
        if tokens.popleft() != word:
            raise InvalidFilterError("AND and OR in one filter need parentheses.")
        terms.append(_term(tokens))
    combine = any if word == "OR" else all
    return lambda attributes: combine(term(attributes) for term in terms)


def _term(tokens: deque[str]) -> Matches:
    match _take(tokens, "NOT", "(", "attributes", "hasPrefix"):
        case "NOT":
            negated = _term(tokens)
            return lambda attributes: not negated(attributes)
        case "(":
            inner = _expression(tokens)
            _take(tokens, ")")
            return inner
        case "hasPrefix":
            raise UnsupportedFilterError("hasPrefix in a filter")
    if _take(tokens, ":", ".") == ":":
        wanted = _string(tokens.popleft(), bare=True)
        return lambda attributes: wanted in attributes
    key = _string(tokens.popleft(), bare=True)
    equal = _take(tokens, "=", "!=") == "="
    value = _string(tokens.popleft(), bare=False)
    return lambda attributes: (attributes.get(key) == value) is equal


def _take(tokens: deque[str], *wanted: str) -> str:
    token = tokens.popleft()
    if token not in wanted:
        raise InvalidFilterError(f"The filter has {token or 'its end'} where {' or '.join(wanted)} should stand.")
    return token


def _string(token: str, *, bare: bool) -> str:
    """A string in double quotes with JSON's escapes; `bare` also takes a plain word, as keys may be."""
    if bare and re.fullmatch(r"[\w-]+", token):
        return token
    try:
        return str(json.loads(token if token.startswith('"') else ""))
    except ValueError as error:
        raise InvalidFilterError(f"The filter has {token or 'its end'} where a string should stand.") from error
