"""What a document says, before it is written in some format: no word of it occurs twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

_SYLLABLES = ("ba", "de", "fo", "gi", "ku", "la", "me", "no", "pi", "ru", "sa", "te", "vo", "wi", "zu")
_LINES_OF_TABLE, _COLUMNS, _ITEMS = 4, 3, 3


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `level` counts from 1."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A list and its items."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under the cells of a header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Aside:
    """A note or text box: it belongs to its page, and where on it is the reader's choice."""

    text: str


type Block = Heading | Paragraph | Listing | Table | Aside
type Page = tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """Pages of blocks, and the line that runs over each page where the format has such lines."""

    pages: tuple[Page, ...]
    running: str


def made(random: Random, pages: int) -> Content:
    """Content of all kinds of blocks; the same for the same state of `random`."""
    words = _words(random)
    running = _title(words, 3)
    return Content(tuple(_page(random, words) for _ in range(pages)), running)


def _words(random: Random) -> Iterator[str]:
    every = ["".join(each) for each in product(_SYLLABLES, repeat=4)]
    random.shuffle(every)
    return iter(every)


def _page(random: Random, words: Iterator[str]) -> Page:
    return (
        Heading(1, _title(words, 2)),
        Paragraph(_prose(random, words)),
        Heading(2, _title(words, random.randint(1, 4))),
        Paragraph(_prose(random, words)),
        Listing(tuple(_sentence(words, random.randint(1, 6)) for _ in range(_ITEMS))),
        Aside(_sentence(words, random.randint(3, 8))),
        Heading(2, _title(words, 2)),
        Table(
            tuple(_title(words, 1) for _ in range(_COLUMNS)),
            tuple(tuple(_title(words, random.randint(1, 3)) for _ in range(_COLUMNS)) for _ in range(_LINES_OF_TABLE)),
        ),
        Paragraph(_prose(random, words)),
    )


def _prose(random: Random, words: Iterator[str]) -> str:
    return " ".join(_sentence(words, random.randint(4, 16)) for _ in range(random.randint(1, 5)))


def _title(words: Iterator[str], length: int) -> str:
    return " ".join(next(words) for _ in range(length)).capitalize()


def _sentence(words: Iterator[str], length: int) -> str:
    return f"{_title(words, length)}."
