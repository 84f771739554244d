"""Headings of PDF files without an outline, told by their size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Table

from common.extraction import ExtractionLimits
from common.extraction.pages import decoded, encoded
from common.extraction.pdf import assemble_ranges, extract_pdf, read_range
from common.model.chunks import Extraction
from common.sections import Outline

LIMITS = ExtractionLimits()
STYLES = getSampleStyleSheet()
SENTENCE = "The quick brown fox jumps over the lazy dog while seventeen other animals watch it from the fence. "
LONG = "A heading that is rather long, so that it takes up two lines of the page or nearly two"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.pdf"


def heading(level: int, text: str) -> Paragraph:
    return Paragraph(text, STYLES[f"Heading{level}"])


def prose(text: str = SENTENCE * 4) -> Paragraph:
    return Paragraph(text, STYLES["BodyText"])


def write(path: Path, flow: list[Flowable]) -> Path:
    def edges(canvas: Any, template: Any) -> None:
        canvas.setFont("Helvetica", 9)
        canvas.drawString(72, 810, "Running head")
        canvas.drawString(300, 30, f"Page {template.page}")

    SimpleDocTemplate(str(path), invariant=1).build(flow, onFirstPage=edges, onLaterPages=edges)
    return path


def flow() -> list[Flowable]:
    return [
        heading(1, "The Title"),
        prose(),
        heading(2, "First"),
        prose(SENTENCE + "Words of the first."),
        heading(3, "Within"),
        prose("Words within."),
        Table([["Item", "Price", "Stock"], ["Ants", "1", "2"], ["Bees", "3", "4"]]),
        PageBreak(),
        heading(2, LONG),
        prose(SENTENCE + "Words of the second."),
        prose(),
    ]


def path_of(extraction: Extraction, words: str) -> tuple[str, ...]:
    return Outline(extraction.text, extraction.headings).path(extraction.text.index(words))


def test_large_lines_are_headings_and_the_larger_ones_further_out(path: Path) -> None:
    extraction = extract_pdf(write(path, flow()), LIMITS, None)
    assert [(each.level, each.title) for each in extraction.headings] == [
        (1, "The Title"),
        (2, "First"),
        (3, "Within"),
        (4, "Item | Price | Stock"),
        (2, LONG),
    ]
    assert path_of(extraction, "Words of the first.") == ("The Title", "First")
    assert path_of(extraction, "Bees") == ("The Title", "First", "Within", "Item | Price | Stock")
    assert path_of(extraction, "Words of the second.") == ("The Title", LONG)
    for each in extraction.headings:
        assert extraction.text.startswith(each.title, each.char_start)


def test_pages_that_were_stored_some_at_a_time_have_the_same(path: Path) -> None:
    write(path, flow())
    ranges = [decoded(encoded(read_range(path, LIMITS, start, lambda: True, None))) for start in range(2)]
    assert assemble_ranges(ranges, LIMITS) == extract_pdf(path, LIMITS, None)


def test_an_outline_is_believed_instead(path: Path) -> None:
    canvas = Canvas(str(path), invariant=True)
    canvas.setFont("Helvetica", 20)
    canvas.drawString(72, 700, "Large words")
    canvas.setFont("Helvetica", 10)
    canvas.drawString(72, 660, "Small title")
    canvas.drawString(72, 640, SENTENCE)
    canvas.bookmarkPage("entry")
    canvas.addOutlineEntry("Small title", "entry", 0)
    canvas.save()
    assert [each.title for each in extract_pdf(path, LIMITS, None).headings] == ["Small title"]


@pytest.mark.parametrize(
    "line", ["A large sentence ends with a full stop.", "87 %", "Words that go on and on, as no heading does, " * 3]
)
def test_not_every_large_line_is_a_heading(path: Path, line: str) -> None:
    assert extract_pdf(write(path, [prose(), heading(3, line), prose()]), LIMITS, None).headings == ()


def test_where_most_lines_are_large_none_is_a_heading(path: Path) -> None:
    lines = [heading(1, f"Key figure {name}") for name in ("ants", "bees", "cats")]
    assert extract_pdf(write(path, [*lines, prose(SENTENCE)]), LIMITS, None).headings == ()


def test_an_initial_makes_no_heading(path: Path) -> None:
    first = prose('<font size="16">T</font>he quick brown fox. ' + SENTENCE)
    assert extract_pdf(write(path, [prose(), first, prose()]), LIMITS, None).headings == ()
