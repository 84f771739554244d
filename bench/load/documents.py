"""What is put in: many small documents and one of many pages, each fact of it said once, with the question for it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas

LARGE = "logbook.pdf"

_GOODS = """
    amber barley beeswax bricks butter candles canvas cement cheese cinnamon clay coal cocoa coffee copper cork
    cotton flour garlic ginger glass glue gravel honey iron ivory lamps leather lemons linen marble mustard
    nails oats olives paint paper pepper plums potatoes rice rope salt silk soap sugar tea timber vinegar wool
"""
_PLACES = """
    abbey academy airport arsenal bakery bank barracks brewery castle cathedral cinema circus college courthouse
    dairy embassy fortress foundry gallery garrison granary hospital hotel laundry library lighthouse mill mint
    museum nursery observatory orchard pharmacy prison quarry shipyard smithy stables theatre winery
"""
_BUYERS = """
    actor archer architect baker barber beekeeper bishop carpenter clerk coachman cooper dentist doctor farmer
    fisherman gardener glazier goldsmith hunter innkeeper judge locksmith mason miller miner musician nurse
    painter pilot plumber poet potter printer sculptor shepherd shoemaker tailor tanner teacher weaver
"""
_FILLERS = (
    "Whoever finds a mistake in these lines writes to the office before the end of the month.",
    "The gate is oiled in spring and the locks are changed every third year.",
    "Visitors sign the book on the table and leave their dogs outside.",
    "It rained for most of the week, and the road to the north was under water.",
    "Accounts are settled on the last working day, in coin or by letter.",
    "A copy of this page hangs beside the stairs, where everybody may read it.",
    "The wind came from the west and the sea was calm until the evening.",
    "Nothing else of note was seen, heard or told on that watch.",
    "Repairs to the roof wait until the carpenters are back from the coast.",
    "The bell rings twice at noon and once at sunset, on holidays not at all.",
)
_SMALL_FILLERS, _LONG_EVERY, _LONG_FILLERS = 6, 5, 20
_PAGE_FILLERS = 2
_LINE_CHARACTERS = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that one page of one document answers; its quotes hold `expected`."""

    text: str
    document: str
    page: int
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A file to put in, with the questions that it answers."""

    name: str
    content: bytes
    questions: tuple[Question, ...]


def most() -> int:
    """As many documents, and as many pages, as there are different facts."""
    return min(len(_pairs(_GOODS, _PLACES)), len(_pairs(_GOODS, _BUYERS)))


def prepared(documents: int, pages: int, random: Random) -> list[Prepared]:
    """The large document first, then the small ones; the same for the same state of `random`."""
    return [_large(pages, random), *_small(documents, random)]


def _pairs(some: str, others: str) -> list[tuple[str, str]]:
    return [*product(some.split(), others.split())]


def _small(documents: int, random: Random) -> Iterator[Prepared]:
    facts = random.sample(_pairs(_GOODS, _PLACES), documents)
    for number, (goods, place) in enumerate(facts):
        name = f"{goods}-{place}.txt"
        crates = random.randrange(100, 1000)
        fact = f"The {place} keeps {crates} crates of {goods} behind its eastern wall."
        fillers = random.choices(_FILLERS, k=_SMALL_FILLERS if number % _LONG_EVERY else _LONG_FILLERS)
        paragraphs = [f"How the {place} stores {goods}", fact, *fillers]
        question = Question(
            text=f"How many crates of {goods} does the {place} keep?",
            document=name,
            page=1,
            expected=f"{crates} crates",
        )
        yield Prepared(name=name, content="\n\n".join(paragraphs).encode(), questions=(question,))


def _large(pages: int, random: Random) -> Prepared:
    written = io.BytesIO()
    canvas = Canvas(written, pagesize=A5, pageCompression=1, invariant=1)
    questions = []
    # In the order of the goods, as a person would look them up: a chunk of several pages is about one thing.
    facts = sorted(random.sample(_pairs(_GOODS, _BUYERS), pages))
    for page, (goods, buyer) in enumerate(facts, start=1):
        barrels = random.randrange(100, 1000)
        _write_page(
            canvas,
            [
                f"Day {page} of the voyage: {goods} for the {buyer}",
                f"On day {page} the {buyer} bought {barrels} barrels of {goods} from the ship.",
                f"The {buyer} tasted, weighed or measured the {goods} first and paid for all {goods} in silver.",
                *random.choices(_FILLERS, k=_PAGE_FILLERS),
            ],
        )
        questions.append(
            Question(
                text=f"How many barrels of {goods} did the {buyer} buy from the ship on day {page}?",
                document=LARGE,
                page=page,
                expected=f"{barrels} barrels",
            )
        )
    canvas.save()
    return Prepared(name=LARGE, content=written.getvalue(), questions=tuple(questions))


def _write_page(canvas: Canvas, sentences: Sequence[str]) -> None:
    for number, line in enumerate(_lines(sentences)):
        canvas.drawString(30, 550 - 16 * number, line)
    canvas.showPage()


def _lines(sentences: Sequence[str]) -> Iterator[str]:
    for sentence in sentences:
        line = ""
        for word in sentence.split():
            if len(line) + len(word) >= _LINE_CHARACTERS:
                yield line
                line = ""
            line = f"{line} {word}".strip()
        yield line
