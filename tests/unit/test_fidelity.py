"""In every format each word of a document comes out once, in order, on its page, under its headings and its header."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.fidelity.content import Content, Heading, Paragraph, Table
from bench.fidelity.formats import FORMATS
from bench.fidelity.measure import Fidelity, astray, expected, measured
from common.extraction.mime_types import MARKDOWN
from common.model.chunks import Extraction
from common.model.chunks import Heading as Found
from tests.unit.packed_files import read

CONTENT = Content(
    pages=((Heading(1, "Badefogi"), Paragraph("Kulameno pirusate."), Table(("Vowizuba",), (("Defogiku",),))),),
    running="Lamenopi",
)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), pages=st.integers(2, 4))
def test_what_a_document_says_comes_out_once_and_where_it_belongs(
    tmp_path: Path, name: str, seed: int, pages: int
) -> None:
    form = FORMATS[name]
    content, written = form.document(seed, pages)
    path = tmp_path / "file"
    path.write_bytes(written)
    extraction = read(path)
    assert measured(content, extraction.text) == Fidelity(words=len(expected(content)), lost=0, doubled=0, misplaced=0)
    assert astray(content, extraction, pages=form.pages, headings=form.headings, tables=form.tables) == []


@pytest.mark.parametrize(
    ("text", "fidelity"),
    [
        ("Badefogi kulameno pirusate vowizuba defogiku", Fidelity(5, 0, 0, 0)),
        ("Lamenopi **Bade**fogi kulameno pirusate vowizuba defogiku", Fidelity(5, 0, 0, 0)),
        ("Badefogi kulameno vowizuba defogiku", Fidelity(5, 1, 0, 0)),
        ("Badefogi kulameno pirusate vowizuba defogiku badefogi badefogi", Fidelity(5, 0, 2, 0)),
        ("Lamenopi badefogi kulameno pirusate vowizuba defogiku Lamenopi", Fidelity(5, 0, 1, 0)),
        ("Kulameno pirusate vowizuba defogiku badefogi", Fidelity(5, 0, 0, 1)),
        ("", Fidelity(5, 5, 0, 0)),
    ],
)
def test_lost_doubled_and_misplaced_words_are_counted(text: str, fidelity: Fidelity) -> None:
    assert measured(CONTENT, text) == fidelity


@pytest.mark.parametrize(
    ("page_starts", "headings", "wrong"),
    [
        ((0,), (Found(1, "Badefogi", 0), Found(2, "Vowizuba", 29, 47)), 0),
        ((0, 20), (Found(1, "Badefogi", 0), Found(2, "Vowizuba", 29, 47)), 2),
        ((0,), (Found(2, "Vowizuba", 29, 47),), 5),
        ((0,), (Found(1, "Badefogi", 0),), 1),
    ],
)
def test_words_that_are_not_where_they_belong_are_told(
    page_starts: tuple[int, ...], headings: tuple[Found, ...], wrong: int
) -> None:
    text = "Badefogi\n\nKulameno pirusate.\nVowizuba\nDefogiku."
    extraction = Extraction(mime_type=MARKDOWN, text=text, page_starts=page_starts, headings=headings)
    assert len(astray(CONTENT, extraction, pages=False, headings=True, tables=True)) == wrong
