"""PDF files become text by page, with the outline's headings in their places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.pdf import extract_pdf
from common.model.chunks import Extraction

LIMITS = ExtractionLimits()
LINE = "This is a line of prose that is as wide as the lines of a page"
PROSE = [f"{LINE} are,", "and here its sentence ends on a shorter one."]


def write_pdf(
    path: Path,
    pages: Sequence[Sequence[str]],
    *,
    outline: Sequence[tuple[str, int, int]] = (),
    title: str = "",
    **options: Any,
) -> Path:
    """Lines by page; the outline's titles with level (from 0) and page (from 0)."""
    canvas = Canvas(str(path), invariant=True, **options)
    if title:
        canvas.setTitle(title)
    for number, lines in enumerate(pages):
        for entry, level, page in outline:
            if page == number:
                canvas.bookmarkPage(entry)
                canvas.addOutlineEntry(entry, entry, level)
        for place, line in enumerate(lines):
            canvas.drawString(60, 780 - 14 * place, line)
        canvas.showPage()
    canvas.save()
    return path


def read(path: Path, limits: ExtractionLimits = LIMITS) -> Extraction:
    return extract_pdf(path, limits, None)


def page_texts(extraction: Extraction) -> list[str]:
    ends = (*extraction.page_starts[1:], len(extraction.text))
    return [extraction.text[start:end].strip() for start, end in zip(extraction.page_starts, ends, strict=True)]


def refusal(path: Path, limits: ExtractionLimits = LIMITS) -> str:
    with pytest.raises(Permanent) as caught:
        read(path, limits)
    return caught.value.reason


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.pdf"


def test_lines_become_paragraphs_and_pages_have_their_starts(path: Path) -> None:
    extraction = read(write_pdf(path, [PROSE, [], ["Second page."]]))
    assert page_texts(extraction) == [" ".join(PROSE), "", "Second page."]
    assert extraction.text == f"{' '.join(PROSE)}\n\nSecond page."
    assert (extraction.mime_type, extraction.warnings, extraction.headings) == ("application/pdf", (), ())


def test_a_sentence_may_run_on_over_the_page(path: Path) -> None:
    extraction = read(
        write_pdf(path, [[f"{LINE} and"], ["goes on over the page. It ends there with these words, far on."]])
    )
    assert f"{LINE} and\ngoes on over the page." in extraction.text
    assert page_texts(extraction)[1].startswith("goes on")


def test_a_hyphenated_word_is_whole_again_and_a_compound_keeps_its_hyphen(path: Path) -> None:
    lines = [f"{LINE} exam-", "ple, and so on, until the next one of these lines in the self-", "made text ends here."]
    text = read(write_pdf(path, [lines])).text
    assert "example, and so on" in text.replace("exam-ple", "example")
    assert "-\n" not in text
    assert "\xad" not in text


def test_running_heads_and_page_numbers_are_left_out(path: Path) -> None:
    pages = [
        ["The Report of 2024", f"Page {n} tells of {topic}.", str(n)]
        for n, topic in enumerate(["ants", "bees", "cats"], 1)
    ]
    extraction = read(write_pdf(path, pages))
    assert extraction.text.count("The Report of 2024") == 0
    assert [text.splitlines()[-1] for text in page_texts(extraction)] == [
        "Page 1 tells of ants.",
        "Page 2 tells of bees.",
        "Page 3 tells of cats.",
    ]


def test_headings_of_the_outline_stand_where_they_say(path: Path) -> None:
    pages = [
        ["1 Beginnings", *PROSE, "1.1 A Longer Heading That Is", "Two Lines Long", *PROSE],
        [*PROSE, "The End", "Words of the second page alone."],
    ]
    outline = [
        ("Beginnings", 0, 0),
        ("A longer heading that is two lines long", 1, 0),
        ("Nowhere to be seen", 0, 1),
        ("THE END", 0, 1),
    ]
    extraction = read(write_pdf(path, pages, outline=outline))
    assert [(each.level, each.title) for each in extraction.headings] == [
        (1, "1 Beginnings"),
        (2, "1.1 A Longer Heading That Is Two Lines Long"),
        (1, "Nowhere to be seen"),
        (1, "The End"),
    ]
    for heading in extraction.headings:
        if heading.title == "Nowhere to be seen":
            assert heading.char_start == extraction.page_starts[1]
        else:
            assert extraction.text.startswith(f"{heading.title}\n\n", heading.char_start)


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("Annual Report", "Annual Report"),
        ("  Größe   und Form ", "Größe und Form"),
        ("untitled", None),
        ("(anonymous)", None),
        ("Microsoft Word - draft.docx", None),
        ("report.pdf", None),
        ("42", None),
        ("x" * 301, None),
    ],
)
def test_the_title_is_the_stated_one_unless_a_program_put_it_there(path: Path, stated: str, title: str | None) -> None:
    assert read(write_pdf(path, [["text"]], title=stated)).title == title


def test_only_a_password_to_open_it_keeps_a_pdf_out(path: Path) -> None:
    assert refusal(write_pdf(path, [["secret"]], encrypt=StandardEncryption("open", "own"))) == "ENCRYPTED_PDF"
    assert read(write_pdf(path, [["printed never"]], encrypt=StandardEncryption("", "own"))).text == "printed never"


def test_half_a_pdf_is_corrupt_or_read_as_far_as_it_goes(path: Path) -> None:
    whole = write_pdf(path, [["first"], ["second"]]).read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    assert refusal(path) == "CORRUPT_PDF"


def test_more_pages_than_the_limit_are_refused(path: Path) -> None:
    write_pdf(path, [["a"], ["b"], ["c"]])
    assert refusal(path, ExtractionLimits(pages=2)) == "TOO_MANY_PAGES"
    assert len(read(path, ExtractionLimits(pages=3)).page_starts) == 3


def test_more_text_than_the_limit_is_refused(path: Path) -> None:
    write_pdf(path, [["abcde"], ["fghij"]])
    assert refusal(path, ExtractionLimits(characters=9)) == "TOO_MUCH_TEXT"
    assert refusal(path, ExtractionLimits(characters=11)) == "TOO_MUCH_TEXT"
    assert read(path, ExtractionLimits(characters=12)).text == "abcde\n\nfghij"


def test_progress_is_told_now_and_then_and_at_the_end(path: Path) -> None:
    calls: list[tuple[int, int]] = []
    extract_pdf(write_pdf(path, [["x"]] * 40), LIMITS, lambda done, total: calls.append((done, total)))
    assert calls == [(16, 40), (32, 40), (40, 40)]


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_pdf_is_read_or_refused(path: Path, seed: int) -> None:
    whole = bytearray(write_pdf(path, [PROSE, PROSE], outline=[("A", 0, 0)]).read_bytes())
    for step in range(12):
        whole[(seed * 7919 + step * 104_729) % len(whole)] = (seed * 31 + step) % 256
    path.write_bytes(bytes(whole))
    try:
        extraction = read(path)
    except Permanent as error:
        assert error.reason in {"CORRUPT_PDF", "ENCRYPTED_PDF"}  # noqa: PT017
    else:
        assert list(extraction.page_starts) == sorted(extraction.page_starts)
