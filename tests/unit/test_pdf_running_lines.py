"""Running heads, feet and page numbers of PDF files go; titles, headings and footnotes stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from common.extraction import ExtractionLimits
from common.extraction.pages import decoded, encoded
from common.extraction.pdf import assemble_ranges, extract_pdf, read_range
from common.extraction.running_lines import differs_in_numbers, ends_with_page, page_number

LIMITS = ExtractionLimits()
LINES = 10

type Draw = Callable[[Any, int], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.pdf"


def body(number: int) -> list[str]:
    return [f"Line {line} of page {number} tells of thing{number * 100 + line} and more." for line in range(LINES)]


def write(path: Path, pages: int, draw: Draw, *, lines: Callable[[int], list[str]] = body) -> Path:
    """Pages counted from 1, each with lines from 740 down, and with what `draw` draws before."""
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=True)
    for number in range(1, pages + 1):
        canvas.setFont("Helvetica", 9)
        draw(canvas, number)
        canvas.setFont("Helvetica", 11)
        for place, line in enumerate(lines(number)):
            canvas.drawString(72, 700 - 14 * place, line)
        canvas.showPage()
    canvas.save()
    return path


def page_texts(path: Path) -> list[str]:
    extraction = extract_pdf(path, LIMITS, None)
    ends = (*extraction.page_starts[1:], len(extraction.text))
    texts = (extraction.text[start:end] for start, end in zip(extraction.page_starts, ends, strict=True))
    return [" ".join(text.split()) for text in texts]


def bodies(pages: int) -> list[str]:
    return [" ".join(body(number)) for number in range(1, pages + 1)]


def numbered(form: str) -> Draw:
    return lambda canvas, number: canvas.drawCentredString(306, 30, form.format(number))


def alternating(canvas: Any, number: int) -> None:
    canvas.drawString(72, 760, "The book" if number % 2 else "Its chapter")
    (canvas.drawRightString if number % 2 else canvas.drawString)(540 if number % 2 else 72, 30, str(number))


def two_lines(canvas: Any, number: int) -> None:
    canvas.drawString(72, 770, "ACME handbook")
    canvas.drawRightString(540, 770, "Confidential")
    canvas.drawString(72, 758, f"Printed 2024-05-{number:02} 10:00")
    canvas.drawString(72, 30, f"ACME Inc, Page {number} of 9")


def chapters(canvas: Any, number: int) -> None:
    """The last chapter has one page alone."""
    canvas.drawString(72, 760, f"Chapter {'AABBBBCD'[number - 1]} of the book")


@pytest.mark.parametrize(
    ("pages", "draw"),
    [
        *((3, numbered(form)) for form in ("{}", "Page {} of 3", "- {} -", "{} / 3", "Seite {} von 3")),
        (2, numbered("Page {} of 2")),
        (1, numbered("Page {} of 1")),
        (5, alternating),
        (3, two_lines),
        (2, two_lines),
        (8, chapters),
        (3, lambda canvas, _: canvas.drawString(72, 760, "The same on each")),
        (2, lambda canvas, _: canvas.drawString(72, 760, "The same on both")),
    ],
)
def test_they_go_from_the_first_page_on(path: Path, pages: int, draw: Draw) -> None:
    assert page_texts(write(path, pages, draw)) == bodies(pages)


def test_a_number_alone_stays_on_the_only_page(path: Path) -> None:
    assert page_texts(write(path, 1, numbered("{}"))) == [f"1 {bodies(1)[0]}"]


def test_numbers_stay_where_there_is_nothing_else(path: Path) -> None:
    assert page_texts(write(path, 3, numbered("{}"), lines=lambda _: [])) == ["1", "2", "3"]


def test_a_title_stays_though_later_pages_have_it_as_their_head(path: Path) -> None:
    def draw(canvas: Any, number: int) -> None:
        if number == 1:
            canvas.setFont("Helvetica-Bold", 24)
            canvas.drawString(72, 740, "Annual Report")
        else:
            canvas.drawString(72, 760, "Annual Report")

    first, *others = bodies(4)
    assert page_texts(write(path, 4, draw)) == [f"Annual Report {first}", *others]


def test_a_large_line_that_is_only_on_two_pages_may_be_a_title(path: Path) -> None:
    def draw(canvas: Any, _: int) -> None:
        canvas.setFont("Helvetica-Bold", 24)
        canvas.drawString(72, 750, "Annual Report")

    first, second = bodies(2)
    assert page_texts(write(path, 2, draw)) == [f"Annual Report {first}", second]


def test_footnotes_and_headings_stay(path: Path) -> None:
    def draw(canvas: Any, number: int) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(72, 60, f"{number} Footnote on topic{number}.")
        canvas.drawString(300, 30, str(number))
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(72, 725, f"Section {number}")

    texts = page_texts(write(path, 3, draw))
    for number, text in enumerate(texts, 1):
        assert f"{number} Footnote on topic{number}." in text
        assert f"Section {number}" in text
        assert " ".join(body(number)) in text


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_short_pages_keep_what_they_say(path: Path, pages: int) -> None:
    def lines(number: int) -> list[str]:
        return [f"Content of page {number}"]

    texts = page_texts(write(path, pages, numbered(f"Page {{}} of {pages}"), lines=lines))
    assert texts == [f"Content of page {number}" for number in range(1, pages + 1)]


def test_a_document_of_numbers_alone_keeps_them(path: Path) -> None:
    assert page_texts(write(path, 3, lambda *_: None, lines=lambda number: [str(number)])) == ["1", "2", "3"]


def test_a_foot_goes_though_its_number_is_a_line_of_its_own_on_some_pages(path: Path) -> None:
    def draw(canvas: Any, number: int) -> None:
        canvas.drawString(72, 30, "\N{COPYRIGHT SIGN} ACME Inc")
        canvas.drawRightString(540, 30, str(number))

    def lines(number: int) -> list[str]:
        return body(number) * (3 if number == 2 else 1)  # pdfium parts the foot of fuller pages

    assert page_texts(write(path, 3, draw, lines=lines)) == [" ".join(lines(number)) for number in (1, 2, 3)]


@pytest.mark.parametrize("head", ["Printed 2024-05-0{0} {0}/2", "ACME handbook - {0} -"])
def test_the_last_page_loses_its_head_however_short_it_is(path: Path, head: str) -> None:
    draw = numbered(head)
    texts = page_texts(write(path, 2, draw, lines=lambda number: body(number)[: LINES if number < 2 else 2]))
    assert texts == [bodies(1)[0], " ".join(body(2)[:2])]


def test_the_first_of_pages_that_are_all_the_same_stays(path: Path) -> None:
    texts = page_texts(write(path, 3, lambda *_: None, lines=lambda _: body(1)))
    assert texts[0] == bodies(1)[0]


def test_pages_that_were_stored_some_at_a_time_tell_the_same(path: Path) -> None:
    write(path, 8, chapters)
    ranges = [read_range(path, LIMITS, start, lambda: True, None) for start in range(8)]
    assert [each.end - each.start for each in ranges] == [1] * 8
    assert assemble_ranges([decoded(encoded(each)) for each in ranges], LIMITS) == extract_pdf(path, LIMITS, None)


def test_a_range_knows_where_the_lines_in_the_margins_stand(path: Path) -> None:
    write(path, 1, numbered("{}"))
    (layout,) = read_range(path, LIMITS, 0, lambda: True, None).layouts
    assert layout is not None
    assert layout.height == 7920
    assert [place.left for place in layout.top] == [3035, 720, 720, 720]
    assert [place.bottom // 100 for place in layout.top] == [2, 69, 68, 66]
    assert [place.left for place in layout.bottom] == [720]


@pytest.mark.parametrize(
    ("line", "number"),
    [("3", 3), ("iv", 4), ("Page 3 of 10", 3), ("- 3 -", 3), ("3 / 10", 3), ("Seite 3", 3), ("3 a", None)],
)
def test_numbers_of_pages_are_told(line: str, number: int | None) -> None:
    assert page_number(line) == number


@pytest.mark.parametrize(
    ("line", "other", "differs"),
    [
        ("ACME report, page 3", "ACME report, page 4", True),
        ("Printed 2024-05-01", "Printed 2024-05-02", True),
        ("3 The book of it", "4 The book of it", True),
        ("The book of it ix", "The book of it xi", True),
        ("Heading 1", "Heading 2", False),
        ("The first book 1", "The other book 2", False),
    ],
)
def test_lines_that_differ_in_numbers_have_words(line: str, other: str, *, differs: bool) -> None:
    assert differs_in_numbers(line, other) is differs


def test_a_page_at_the_end_of_a_line_is_told() -> None:
    assert ends_with_page("ACME Inc, Page 3 of 9")
    assert ends_with_page("ACME handbook - 3 -")
    assert not ends_with_page("Page 3 tells of ants")
    assert not ends_with_page("from -3 to - 3")
