"""`PageReader` by RapidOCR: the models of PaddleOCR that its package brings, on onnxruntime."""

from __future__ import annotations

import ctypes
import sys
from functools import cached_property
from typing import Any

from common.extraction.pages import PageImage
from common.extraction.reading_order import TextBox, in_reading_order

# Text is found in an image of this size at most, and recognised in the page's own, line by line: see
# docs/decisions/0022-ocr.md for what both save.
_DETECTION_SIDE = 1280
_OPTIONS = {
    "Global.log_level": "critical",
    "Global.use_cls": False,  # pages stand upright: pdfium turns them as their PDF says
    "Det.limit_type": "max",
    "Det.limit_side_len": _DETECTION_SIDE,
    "Rec.rec_batch_num": 1,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


_M_MMAP_THRESHOLD = -3
_MMAP_BYTES = 8 << 20


class RapidPageReader:
    """See `common.ports.PageReader`. Loads its library and models with the first page; uses one thread."""

    def __call__(self, image: PageImage) -> list[str]:
        return in_reading_order([_box(corners, text) for corners, text in self._read(image)], image.width)

    @cached_property
    def _read(self) -> Any:
        import cv2  # noqa: PLC0415 - nobody pays for these who reads no scan
        import numpy as np  # noqa: PLC0415
        from rapidocr import RapidOCR  # noqa: PLC0415

        _give_memory_back()
        cv2.setNumThreads(1)
        ocr = RapidOCR(params=_OPTIONS)

        def read(image: PageImage) -> Any:
            grey = np.frombuffer(image.pixels, dtype=np.uint8).reshape(image.height, image.width)
            found: Any = ocr(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
            return [] if found.txts is None else zip(found.boxes.tolist(), found.txts, strict=True)

        return read


def _box(corners: list[list[float]], text: str) -> TextBox:
    across, down = zip(*corners, strict=True)
    return TextBox(text, left=min(across), top=min(down), right=max(across), bottom=max(down))


def _give_memory_back() -> None:
    """Give what is large back to the system once it is free.

    glibc keeps more and more of it otherwise, page after page of another size, until the child's limit is reached.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if sys.platform == "linux" and mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
