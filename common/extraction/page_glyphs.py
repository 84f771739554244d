"""Where a page's characters and ruling lines are, as pdfium tells it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

_MOST_OBJECTS = 20_000
_MOST_SEGMENTS = 20_000
_THIN = 3.0  # points


class Box(NamedTuple):
    """A part of a page, in points; `bottom` and `top` count from the page's lower edge as it is seen."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def height(self) -> float:
        """Of a character: that of its font, whatever the character."""
        return self.top - self.bottom


class Glyphs:
    """The characters of an open page of pypdfium2, by their place in its text. `height` is the page's, in points."""

    def __init__(self, page: Any, textpage: Any) -> None:
        self._page, self._textpage = page.raw, textpage.raw
        self.height = float(pdfium.FPDF_GetPageHeightF(self._page))
        self._quarters = int(pdfium.FPDFPage_GetRotation(self._page))
        self._rectangle = pdfium.FS_RECTF()
        self._reference = ctypes.byref(self._rectangle)

    def box(self, first: int, last: int) -> Box:
        """From the beginning of a character to the end of another on its line; without extent where it has none."""
        left, bottom, right, top = self._box(first)
        if first != last:
            _, _, right, _ = self._box(last)
        return Box(left, bottom, right, top)

    def _box(self, index: int) -> tuple[float, float, float, float]:
        pdfium.FPDFText_GetLooseCharBox(self._textpage, index, self._reference)
        found = self._rectangle
        if self._quarters:
            return self._turned(found.left, found.bottom, found.right, found.top)
        return found.left, found.bottom, found.right, found.top

    def objects(self) -> int:
        """How many objects there are on the page: each piece of text is one at least, each line and image."""
        return int(pdfium.FPDFPage_CountObjects(self._page))

    def rules(self) -> Iterator[Box]:
        """The straight lines among the page's paths that run across or down, the sides of rectangles too."""
        count = self.objects()
        if count <= pdfium.FPDFText_CountRects(self._textpage, 0, -1):
            return  # as many objects as there are pieces of text
        for index in range(min(_MOST_OBJECTS, count)):
            item = pdfium.FPDFPage_GetObject(self._page, index)
            if pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_PATH:
                for sides in _sides(item):
                    yield self._turned(*sides) if self._quarters else Box(*sides)

    def _turned(self, left: float, bottom: float, right: float, top: float) -> Box:
        width = float(pdfium.FPDF_GetPageWidthF(self._page))
        match self._quarters:
            case 1:
                return Box(bottom, self.height - right, top, self.height - left)
            case 2:
                return Box(width - right, self.height - top, width - left, self.height - bottom)
            case _:
                return Box(width - top, left, width - bottom, right)


type _Sides = tuple[float, float, float, float]


def _sides(path: Any) -> Iterator[_Sides]:
    """The path itself if it is thin, else its straight segments: left, bottom, right, top."""
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium.FPDFPageObj_GetBounds(path, *map(ctypes.byref, (left, bottom, right, top)))
    if min(right.value - left.value, top.value - bottom.value) <= _THIN:
        yield left.value, bottom.value, right.value, top.value
        return
    for (x, y), (other_x, other_y) in _segments(path):
        yield min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)


type _Point = tuple[float, float]


def _segments(path: Any) -> Iterator[tuple[_Point, _Point]]:
    """The straight segments of a path, in the page's own coordinates."""
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(path, ctypes.byref(matrix))
    x, y = ctypes.c_float(), ctypes.c_float()
    first = last = (0.0, 0.0)
    for index in range(min(_MOST_SEGMENTS, pdfium.FPDFPath_CountSegments(path))):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        pdfium.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            first = point
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            yield last, point
        last = point
        if pdfium.FPDFPathSegment_GetClose(segment):
            yield last, first
            last = first
