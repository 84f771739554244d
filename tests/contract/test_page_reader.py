"""`PageReader`: known text, drawn and read again."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pypdfium2
import pytest
from google.api_core.exceptions import InvalidArgument
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from common.adapters.rapid_ocr import RapidPageReader
from common.extraction.page_images import page_image
from common.extraction.pages import PageImage
from common.ports import PageReader
from tests.document_ai import page_reader, running_document_ai
from tests.functions.texts import HANDBOOK

MOST_ERRORS = 0.005  # of all characters; 0.0001 were measured
FONTS = (("Times-Roman", 11), ("Helvetica", 9), ("Courier", 7))
LINES = [line for line in HANDBOOK.splitlines() if line and not line.startswith("#")][:7]
COLUMNS = [[f"{side} side, line {number} of the log" for number in range(8)] for side in ("Left", "Right")]


@pytest.fixture(scope="module", params=["RapidOCR", "Document AI"])
def reader(request: pytest.FixtureRequest) -> Iterator[PageReader]:
    if request.param == "RapidOCR":
        yield RapidPageReader()
        return
    with running_document_ai() as stand_in:
        yield page_reader(stand_in.endpoint)


def drawn(*lines: tuple[float, float, str, str, int], turned: int = 0) -> PageImage:
    """An image of a page with these lines: place across and down, text, font, size."""
    stream = BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    for across, down, text, font, size in lines:
        canvas.setFont(font, size)
        canvas.drawString(across, A4[1] - down, text)
    canvas.setPageRotation(turned)
    canvas.save()
    with pypdfium2.PdfDocument(stream.getvalue()) as document:
        return page_image(document[0])


def distance(one: str, other: str) -> int:
    """The fewest characters to be put in, left out or changed (Levenshtein)."""
    row = list(range(len(other) + 1))
    for place, mine in enumerate(one, 1):
        above, row[0] = row[0], place
        for column, theirs in enumerate(other, 1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (mine != theirs))
    return row[-1]


@pytest.mark.parametrize(("font", "size"), FONTS)
def test_it_reads_what_is_printed(reader: PageReader, font: str, size: int) -> None:
    read = reader(drawn(*((50, 60 + 16 * row, line, font, size) for row, line in enumerate(LINES))))
    assert len(read) == len(LINES)
    wrong, all_characters = distance("\n".join(read), "\n".join(LINES)), len("\n".join(LINES))
    assert wrong <= MOST_ERRORS * all_characters


def test_one_column_is_read_before_the_next(reader: PageReader) -> None:
    columns = [
        (50 + 280 * side, 120 + 20 * row, line, "Times-Roman", 14)
        for side, lines in enumerate(COLUMNS)
        for row, line in enumerate(lines)
    ]
    title = "The log of the lighthouse of Kittelsund, kept for all"
    assert reader(drawn((50, 80, title, "Times-Bold", 18), *columns)) == [title, *COLUMNS[0], *COLUMNS[1]]


def test_a_page_is_read_as_its_pdf_turns_it(reader: PageReader) -> None:
    image = drawn((60, 100, LINES[0], "Helvetica", 10), turned=180)
    stands = drawn((60, 100, LINES[0], "Helvetica", 10))
    upright = PageImage(width=image.width, height=image.height, pixels=image.pixels[::-1])
    assert reader(upright) == reader(stands) == [LINES[0]]


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (400, 400)])
def test_nothing_is_read_where_nothing_stands(reader: PageReader, size: tuple[int, int]) -> None:
    width, height = size
    assert reader(PageImage(width=width, height=height, pixels=b"\xff" * width * height)) == []


def test_an_image_that_cannot_be_read_costs_no_more_than_itself(reader: PageReader) -> None:
    with pytest.raises((ValueError, InvalidArgument), match=r"reshape|Unable to read"):
        reader(PageImage(width=50, height=50, pixels=b"\xff" * 49))
    assert reader(drawn((60, 100, LINES[0], "Helvetica", 10))) == [LINES[0]]
