"""Documents whose pages are images of text, as a scanner makes them."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import pypdfium2
from reportlab.lib.pagesizes import A5
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from tests.functions.texts import pdf

DOTS_PER_INCH = 200
POINTS_PER_INCH = 72


def scanned(*pages: str) -> bytes:
    """A PDF with a page for each: an image of what `pdf` makes of it."""
    return mixed([(page, True) for page in pages])


def mixed(pages: Sequence[tuple[str, bool]], *, dots_per_inch: int = DOTS_PER_INCH) -> bytes:
    """A PDF of these pages: of text, or where True is said, of an image of it."""
    stream = BytesIO()
    canvas = Canvas(stream, pagesize=A5, invariant=True)
    for page, is_image in pages:
        if is_image:
            canvas.drawImage(ImageReader(BytesIO(_drawn(page, dots_per_inch))), 0, 0, *A5)
        else:
            lines = canvas.beginText(40, 540)
            lines.textLines(page)
            canvas.drawText(lines)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _drawn(page: str, dots_per_inch: int) -> bytes:
    stream = BytesIO()
    with pypdfium2.PdfDocument(pdf(page)) as document:
        scale = dots_per_inch / POINTS_PER_INCH
        document[0].render(scale=scale, grayscale=True).to_pil().save(stream, "PNG")
    return stream.getvalue()
