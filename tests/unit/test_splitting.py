"""What `split` promises, held to on any text and on real ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from common.model.chunks import ChunkBounds, Extraction, Heading
from common.splitting import embedding_text, fit_title, split


class WordTokenizer:
    """A token for each word of at most four characters, a token for each four of longer ones, one for each mark."""

    max_tokens = 512

    def token_starts(self, text: str) -> Sequence[int]:
        return [match.start() for match in re.finditer(r"\w{1,4}|[^\w\s]", text)]


TOKENIZER = WordTokenizer()
WORDS = st.sampled_from(
    [
        "a",
        "the",
        "split",
        "extraordinarily",
        "e.g.",
        "end.",
        "Is",
        "it?",
        "No!",
        "-",
        "1.",
        "x" * 300,
        "汉字。" * 90,
        "é",
    ]
)
SPACES = st.sampled_from(
    [" ", " ", " ", "\n", "\n\n", "\n  ", "\t", "   \n\n\n ", "\u00a0", "\u2003", "\n- ", "\n\n2. "]
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.tuples(WORDS, SPACES), max_size=300))
    return draw(st.sampled_from(["", " ", "\n\n"])) + "".join(word + space for word, space in parts)


@st.composite
def extractions(draw: st.DrawFn) -> Extraction:
    text = draw(st.one_of(texts(), st.text(max_size=400)))
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    headings = tuple(
        Heading(
            level=draw(st.integers(1, 4)),
            title=draw(st.sampled_from(["A", "On words", "x y " * 40, ""])),
            char_start=place,
            char_end=draw(st.none() | st.integers(place, len(text))),
        )
        for place in places
    )
    pages = (0, *sorted(draw(st.lists(st.integers(0, len(text)), max_size=5))))
    return Extraction(mime_type="text/plain", text=text, page_starts=pages, headings=headings)


def split_small(
    extraction: Extraction, title: str = "A title", size: int = 32, overlap: int = 8
) -> tuple[ChunkBounds, ...]:
    return split(extraction, title=title, tokenizer=TOKENIZER, size=size, overlap=overlap)


SIZES = st.sampled_from([(16, 0), (16, 8), (32, 0), (32, 8), (64, 32), (200, 40)])
TITLES = st.sampled_from(["", "A title", "A title of many words " * 20, "x" * 500])


@settings(max_examples=400)
@given(extractions(), TITLES, SIZES)
def test_promises(extraction: Extraction, title: str, sizes: tuple[int, int]) -> None:
    size, overlap = sizes
    text = extraction.text
    chunks = split_small(extraction, title, size, overlap)
    if not text.strip():
        assert chunks == ()
        return
    assert (chunks[0].char_start, chunks[-1].char_end) == (0, len(text))
    fitted = fit_title(title, tokenizer=TOKENIZER, size=size)
    for chunk in chunks:
        inside = text[chunk.char_start : chunk.char_end]
        assert inside.strip()
        assert chunk.token_count == len(TOKENIZER.token_starts(embedding_text(fitted, chunk.heading_path, inside)))
        assert chunk.token_count <= size
        assert 1 <= chunk.page_start <= chunk.page_end <= len(extraction.page_starts)
    for former, chunk in pairwise(chunks):
        assert former.char_start < chunk.char_start <= former.char_end < chunk.char_end
        shared = text[chunk.char_start : former.char_end]
        assert len(TOKENIZER.token_starts(shared)) <= overlap
        inside_overlap = [
            each
            for each in extraction.headings
            if each.char_end is None and chunk.char_start < each.char_start < former.char_end
        ]
        # One that is said to begin within a word begins with the word.
        before = [text[chunk.char_start : each.char_start].lstrip() for each in inside_overlap]
        assert not shared.strip() or not any(any(map(str.isspace, each)) for each in before)
    assert chunks == split_small(extraction, title, size, overlap)


def test_behind_a_chunk_that_ends_where_a_heading_begins_the_next_one_begins_with_it() -> None:
    text = "a a a\n- split split split split extraordinarily "
    headings = tuple(Heading(level=level, title="A", char_start=place) for level, place in ((1, 0), (2, 25)))
    extraction = Extraction(mime_type="text/plain", text=text, page_starts=(0,), headings=headings)
    chunks = split_small(extraction, "", 16, 8)
    assert [text[chunk.char_start : chunk.char_end] for chunk in chunks] == [
        "a a a\n- split split split ",
        "split extraordinarily ",
    ]


def table_of(header: str, rows: int) -> Extraction:
    before, after = "Some words.\n\n", "\n\nMore words of prose.\n" * 9
    lines = "\n".join([header, *(f"row{number} | {number} | here" for number in range(rows))])
    begin = len(before)
    return Extraction(
        mime_type="text/csv",
        text=before + lines + after,
        page_starts=(0,),
        headings=(
            Heading(level=1, title="Sales", char_start=0),
            Heading(level=2, title=header, char_start=begin, char_end=begin + len(lines)),
        ),
    )


def test_a_chunk_of_a_tables_rows_is_under_the_tables_header_and_begins_with_a_row() -> None:
    extraction = table_of("Region | Sum | Note", rows=40)
    end = extraction.headings[1].char_end or 0
    chunks = split_small(extraction, title="", size=64, overlap=0)
    inside = [each for each in chunks if extraction.headings[1].char_start <= each.char_start < end]
    behind = [each for each in chunks if each.char_start >= end]
    assert len(inside) > 3
    assert {each.heading_path for each in inside} == {("Sales", "Region | Sum | Note")}
    assert all(extraction.text[each.char_start :].startswith("row") for each in inside)
    assert behind
    assert {each.heading_path for each in behind} == {("Sales",)}


def test_a_small_table_stays_with_the_text_around_it() -> None:
    extraction = table_of("Region | Sum | Note", rows=2)
    assert len(split_small(extraction, size=200)) == 1


def test_a_header_too_long_for_a_chunk_loses_its_end() -> None:
    extraction = table_of(" | ".join(f"column{number}" for number in range(60)), rows=90)
    paths = [each.heading_path for each in split_small(extraction, title="", size=64, overlap=0)]
    cut = [path for path in paths if path[-1].startswith("column0 | column1")]
    assert len(cut) > len(paths) / 2
    assert all(len(path) == 1 for path in cut)
