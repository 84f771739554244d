"""What people fill into a PDF is part of its text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from common.extraction import ExtractionLimits
from common.extraction.pages import decoded, encoded
from common.extraction.pdf import assemble_ranges, extract_pdf, read_range
from tests.files.pdf_files import put_together

LIMITS = ExtractionLimits()


def text_of(path: Path, *draw: Callable[[Any], None]) -> str:
    """The text of a page for each that draws."""
    canvas = Canvas(str(path), invariant=True)
    for each in draw:
        each(canvas)
        canvas.showPage()
    canvas.save()
    return extract_pdf(path, LIMITS, None).text


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.pdf"


def draw_form(canvas: Any) -> None:
    canvas.drawString(50, 750, "Application for the keeper's post")
    form = canvas.acroForm
    form.textfield(
        name="name", tooltip="Full name", x=120, y=690, value="Berta Lamp\nof Skerry", fieldFlags="multiline"
    )
    form.choice(name="island", value="Holm", options=["Skerry", "Holm"], x=120, y=650, width=100, height=20)
    form.checkbox(name="night", tooltip="Works at night", checked=True, x=120, y=600)
    form.checkbox(name="day", tooltip="Works by day", checked=False, x=120, y=570)
    form.radio(name="boat", tooltip="Boat", value="rowing", selected=True, x=120, y=540)
    form.radio(name="boat", tooltip="Boat", value="sailing", selected=False, x=150, y=540)
    form.textfield(name="empty", x=120, y=500)
    form.textfield(name="secret", x=120, y=460, value="lighthouse", fieldFlags="password")


def draw_text(canvas: Any) -> None:
    canvas.drawString(50, 750, "The next page")


FILLED = "Full name: Berta Lamp of Skerry\nisland: Holm\nWorks at night: Yes\nBoat: rowing"


def test_values_of_a_form_stand_behind_the_text_of_their_page(path: Path) -> None:
    assert text_of(path, draw_form, draw_text) == f"Application for the keeper's post\n\n{FILLED}\n\nThe next page"


def test_they_are_kept_where_pages_are_read_some_at_a_time(path: Path) -> None:
    whole = text_of(path, draw_text, draw_form)
    steps = [read_range(path, LIMITS, start, lambda: True, None) for start in range(2)]
    assert assemble_ranges([decoded(encoded(step)) for step in steps], LIMITS).text == whole


def test_what_was_typed_onto_a_page_is_text_and_other_notes_are_not(path: Path) -> None:
    typed = b"<< /Type /Annot /Subtype /FreeText /Rect [50 50 200 80] /Contents (Received in May) /DA (/Helv 10 Tf) >>"
    sticky = b"<< /Type /Annot /Subtype /Text /Rect [50 90 70 110] /Contents (Ask Bert) >>"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] /Annots [4 0 R 5 0 R] >>"
    tree = b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>"
    path.write_bytes(put_together([b"<< /Type /Catalog /Pages 2 0 R >>", tree, page, typed, sticky]))
    assert extract_pdf(path, LIMITS, None).text == "Received in May"
