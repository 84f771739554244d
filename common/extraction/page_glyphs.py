"""Where a page's characters and ruling lines are, as pdfium tells it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

_MOST_OBJECTS = 20_000
_MOST_SEGMENTS = 20_000
_THIN = 3.0  # points


type _Sides = tuple[float, float, float, float]


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


# As pypdfium2 declares it, but for the addresses, which it converts anew at each call: that took a third of the time.
_loose_char_box = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(
    ctypes.cast(pdfium.FPDFText_GetLooseCharBox, ctypes.c_void_p).value or 0
)


class Glyphs:
    """The characters of an open page of pypdfium2, by their place in its text. `height` is the page's, in points.

    Each is looked at once.
    """

    def __init__(self, page: Any, textpage: Any) -> None:
        self._page, self._textpage = page.raw, textpage.raw
        self.height = float(pdfium.FPDF_GetPageHeightF(self._page))
        self._quarters = int(pdfium.FPDFPage_GetRotation(self._page))
        self._rectangle = pdfium.FS_RECTF()
        self._textpage_address = ctypes.cast(self._textpage, ctypes.c_void_p).value
        self._rectangle_address = ctypes.addressof(self._rectangle)
        self._seen: dict[int, _Sides] = {}

    def box(self, first: int, last: int) -> Box:
        """From the beginning of a character to the end of another on its line; without extent where it has none."""
        left, bottom, right, top = self._seen.get(first) or self._look(first)
        if first != last:
            right = (self._seen.get(last) or self._look(last))[2]
        return Box(left, bottom, right, top)

    def _look(self, index: int) -> _Sides:
        _loose_char_box(self._textpage_address, index, self._rectangle_address)
        found = self._rectangle
        sides = found.left, found.bottom, found.right, found.top
        self._seen[index] = seen = self._turned(*sides) if self._quarters else sides
        return seen

    def objects(self) -> int:
        """How many objects there are on the page: each piece of text is one at least, each line and image."""
        return int(pdfium.FPDFPage_CountObjects(self._page))

    def rules(self) -> Iterator[Box]:
        """The straight lines among the page's paths that run across or down, the sides of rectangles too."""
        count = self.objects()
        if count <= pdfium.FPDFText_CountRects(self._textpage, 0, -1):
            return  # as many objects as there are pieces of text
        bounds = _Bounds()
        for index in range(min(_MOST_OBJECTS, count)):
            item = pdfium.FPDFPage_GetObject(self._page, index)
            if pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_PATH:
                for sides in _sides(item, bounds.of(item)):
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


class _Bounds:
    """Asks for what surrounds an object, into the same four numbers each time."""

    def __init__(self) -> None:
        self._numbers = [ctypes.c_float() for _ in range(4)]
        self._references = [ctypes.byref(number) for number in self._numbers]

    def of(self, item: Any) -> _Sides:
        """Left, bottom, right, top."""
        pdfium.FPDFPageObj_GetBounds(item, *self._references)
        left, bottom, right, top = self._numbers
        return left.value, bottom.value, right.value, top.value


def _sides(path: Any, bounds: _Sides) -> Iterator[_Sides]:
    """The path itself if it is thin, else its straight segments: left, bottom, right, top."""
    left, bottom, right, top = bounds
    if min(right - left, top - bottom) <= _THIN:
        yield bounds
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
