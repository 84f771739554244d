"""From what a model says that passages say to what stands there: every quote at its exact place, or not at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from common.model.questions import Passage, Quote
from common.prompting import QuotedWords, Statement

_LETTER = r"[^\W\d_]"
_DASH = "-‐‑‒–—−"
_INVISIBLE = "\u00ad\u200b-\u200f\u2060\ufeff"
_PIECE = re.compile(
    rf"(?P<hyphen>(?<={_LETTER})[{_INVISIBLE}]*[{_DASH}][\s{_INVISIBLE}]*(?={_LETTER})|\u00ad[\s{_INVISIBLE}]*)"
    rf"|(?P<space>[\s{_INVISIBLE}]+)|.",
    re.DOTALL,
)
"""A hyphen within a word, be it at the end of a line or not; white space; any other character."""
_EVEN = str.maketrans(dict.fromkeys('‘’‚‛“”„‟«»‹›´`"＂＇', "'") | dict.fromkeys(_DASH, "-"))

# Alphabets whose words are set apart. A quote that began within such a word or a number would say something else, and
# so would one without a number's sign.
_APART = "0-9A-Za-zÀ-ÖØ-öø-ɏͰ-ϿЀ-ӿ\ufb00-\ufb06"
_WITHIN = re.compile(rf"(?<=[{_APART}])(?=[{_APART}])|(?<=\d[.,])(?=\d)|(?<=\d)(?=[.,]\d)|(?<=\s[-−])(?=\d)")
_LIGATURE = re.compile(rf"[{_APART}]{{2,}}")
_MARKS = re.compile(r"\s+\[\d+(?:\s*,\s*\d+)*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """A text as it is compared, with the place in the text that each of its characters comes from."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def find_quote(words: str, text: str) -> tuple[int, int] | None:
    """The first place in `text` where the words stand, whole words only: as they are, else as `even` makes them.

    None if they stand nowhere, or if there is no letter and no digit in them.
    """
    if not any(map(str.isalnum, words)):
        return None
    return _find(words.strip(), _as_it_is(text)) or _find(even(words), _evened(text))


def even(text: str) -> str:
    """`text` with what a model may take for the same made the same.

    White space is one blank, quotation marks and dashes are alike, hyphens within words are gone wherever a line may
    have ended, and ligatures are letters. Letters, digits and their case stay.
    """
    return _evened(text).text.strip()


def compose(statements: Iterable[Statement], passages: Sequence[Passage]) -> tuple[str, tuple[Quote, ...]]:
    """The answer, a line for each statement with the numbers of its passages behind it, and the quotes found.

    A quote that does not stand in its passage is dropped, and with the last one of a statement the statement.
    """
    texts = {passage.number: passage.text for passage in passages}
    lines: list[str] = []
    quotes: list[Quote] = []
    start = 0
    for statement in statements:
        said = _MARKS.sub("", statement.text).strip()
        places = _places(statement.quotes, texts)
        if not said or not places:
            continue
        quotes += [
            Quote(passage=number, char_start=first, char_end=last, start_index=start, end_index=start + len(said))
            for number, first, last in places
        ]
        marks = "".join(f" [{number}]" for number in sorted({number for number, _, _ in places}))
        lines.append(said + marks)
        start += len(lines[-1]) + 1
    return "\n".join(lines), tuple(quotes)


def _places(quotes: Iterable[QuotedWords], texts: Mapping[int, str]) -> list[tuple[int, int, int]]:
    """Passage, start and end of those quotes that are found, each place once."""
    places = []
    for quoted in quotes:
        found = find_quote(quoted.quote, texts.get(quoted.passage, ""))
        if found and (quoted.passage, *found) not in places:
            places.append((quoted.passage, *found))
    return places


def _find(words: str, form: _Form) -> tuple[int, int] | None:
    at = form.text.find(words)
    while at >= 0:
        end = at + len(words)
        if not _WITHIN.match(form.text, at) and not _WITHIN.match(form.text, end):
            return form.starts[at], form.ends[end - 1]
        at = form.text.find(words, at + 1)
    return None


def _as_it_is(text: str) -> _Form:
    return _Form(text=text, starts=range(len(text)), ends=range(1, len(text) + 1))


def _evened(text: str) -> _Form:
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for piece in _PIECE.finditer(text):
        for character in _even_piece(piece):
            characters.append(character)
            starts.append(piece.start())
            ends.append(piece.end())
    return _Form(text="".join(characters), starts=starts, ends=ends)


def _even_piece(piece: re.Match[str]) -> str:
    if piece["hyphen"]:
        return ""
    if piece["space"]:
        return " " if any(map(str.isspace, piece["space"])) else ""
    character = piece[0]
    letters = unicodedata.normalize("NFKC", character) if character.isalpha() else ""
    return letters if len(letters) == 1 or _LIGATURE.fullmatch(letters) else character.translate(_EVEN)
