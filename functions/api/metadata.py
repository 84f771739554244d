"""Documents' own metadata: what may be noted on one, and how documents are asked for by it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import msgspec

from common.registration import NOTED
from functions.api.errors import invalid

# Cloud Storage takes 8 KiB in all, the ways in need some of it.
_MAX_BYTES = 4096

type Title = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"\A[^\x00]*\Z")]
type WantedKey = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern=r"\A[^\x00]*\Z")]
type Value = Annotated[str, msgspec.Meta(max_length=1024, pattern=r"\A[^\x00]*\Z")]
type Metadata = dict[str, Value]
# Objects that came past the API may carry other keys than it takes.
type WantedMetadata = Annotated[dict[WantedKey, Value], msgspec.Meta(min_length=1)]

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

# https://google.aip.dev/160, as far as it is of use here: metadata.KEY = "VALUE" AND …
_WORD = r'"(?:[^"\\]|\\.)*"|[A-Za-z0-9_.-]+'
_TERM = re.compile(rf"\s*metadata\.(?P<key>{_WORD})\s*=\s*(?P<value>{_WORD})\s*", re.DOTALL)
_AND = re.compile(r"AND\b")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def noted(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """The metadata, as an object may carry it; 400 for other keys, those that mean something here, and too much."""
    if (unfit := next((key for key in metadata if not _KEY.fullmatch(key)), None)) is not None:
        raise invalid(
            "metadata",
            f"metadata cannot have the key {unfit[:63]!r}: a key is up to 63 small letters, digits, dots, hyphens and"
            " underscores, and begins with a letter or digit.",
        )
    if own := NOTED & metadata.keys():
        raise invalid("metadata", f"metadata cannot name {', '.join(sorted(own))}: these are noted by the way in.")
    if sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items()) > _MAX_BYTES:
        raise invalid("metadata", f"metadata may have {_MAX_BYTES} bytes in all.")
    return metadata


def wanted(text: str) -> Mapping[str, str]:
    """The metadata that a filter asks for, all of it; 400 if the filter cannot be read."""
    found = dict[str, str]()
    place = 0
    while place < len(text):
        term = _TERM.match(text, place)
        if term is None or "\0" in term[0]:
            raise _unreadable()
        key, value = _word(term["key"]), _word(term["value"])
        if found.setdefault(key, value) != value:
            raise invalid("filter", f"No document has two values of metadata.{key}.")
        place = term.end()
        if place < len(text):
            joined = _AND.match(text, place)
            if joined is None or joined.end() == len(text):
                raise _unreadable()
            place = joined.end()
    return found


def _unreadable() -> Exception:
    return invalid("filter", 'filter has to be metadata.KEY = "VALUE", or several of these with AND between them.')


def _word(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1]) if text.startswith('"') else text
