"""A page is drawn as large as OCR needs it, and never larger than it may be."""

from __future__ import annotations

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.extraction.page_images import MOST_PIXELS, page_image
from common.extraction.pages import PageImage


def drawn(width: float, height: float) -> PageImage:
    document = pypdfium2.PdfDocument.new()
    try:
        return page_image(document.new_page(width, height))
    finally:
        document.close()


@pytest.mark.parametrize(("points", "pixels"), [((595, 842), (1653, 2339)), ((72, 36), (200, 100))])
def test_a_page_is_drawn_at_200_dots_an_inch(points: tuple[float, float], pixels: tuple[int, int]) -> None:
    image = drawn(*points)
    assert (image.width, image.height) == pixels
    assert image.pixels == b"\xff" * image.width * image.height


@given(st.floats(0.01, 14_400), st.floats(0.01, 14_400))
def test_no_page_is_larger_than_it_may_be(width: float, height: float) -> None:
    image = drawn(width, height)
    assert 0 < image.width * image.height <= MOST_PIXELS
    assert len(image.pixels) == image.width * image.height
