"""A PDF's page as an image, for OCR."""

from __future__ import annotations

import math
from contextlib import closing
from typing import Any

from common.extraction.pages import PageImage

MOST_PIXELS = 4_000_000
"""The most of one page: A4 at 200 dots an inch has 3.9 million. A larger page is drawn coarser."""
_MOST_SIDE = 8_000  # a strip is no line of text: what is recognised is as wide as its height makes it
_DOTS_PER_INCH = 200
_POINTS_PER_INCH = 72


def page_image(page: Any) -> PageImage:
    """The page of pypdfium2 in grey, as it is turned, of `MOST_PIXELS` at most."""
    with closing(page.render(scale=_scale(*page.get_size()), grayscale=True, rev_byteorder=False)) as bitmap:
        width, height, stride = bitmap.width, bitmap.height, bitmap.stride
        pixels = bytes(bitmap.buffer)
    if stride != width:
        pixels = b"".join(pixels[row * stride : row * stride + width] for row in range(height))
    return PageImage(width=width, height=height, pixels=pixels)


def _scale(width: float, height: float) -> float:
    """Pixels for a point: each side is rounded up to a whole one."""
    most = math.sqrt(MOST_PIXELS / max(1.0, width * height)) * 0.999
    return min(_DOTS_PER_INCH / _POINTS_PER_INCH, most, _MOST_SIDE / max(1.0, width, height))
