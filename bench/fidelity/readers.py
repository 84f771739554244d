"""Each reader's text of a file, by its own defaults for text that is to be searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pptx

from common.extraction import ExtractionLimits, extract

type Reader = Callable[[Path], str]

OFFICE_LIBRARIES = "libraries"
OF_OFFICE = frozenset({".docx", ".pptx", ".xlsx"})


def ours(path: Path) -> str:
    return extract(path, limits=ExtractionLimits()).text


def markitdown() -> Reader:
    module: Any = import_module("markitdown")
    converter = module.MarkItDown(enable_plugins=False)

    def read(path: Path) -> str:
        text: str = converter.convert(str(path)).text_content
        return text

    return read


def kreuzberg() -> Reader:
    module: Any = import_module("kreuzberg")
    config = module.ExtractionConfig(use_cache=False)

    def read(path: Path) -> str:
        text: str = module.extract_file_sync(str(path), config=config).content
        return text

    return read


def office_libraries(path: Path) -> str:
    """All that python-docx, python-pptx and openpyxl give as text."""
    match path.suffix:
        case ".docx":
            return "\n".join(_word_blocks(docx.Document(str(path))))
        case ".pptx":
            return "\n".join(_slide_texts(pptx.Presentation(str(path))))
        case _:
            return "\n".join(_sheet_texts(openpyxl.load_workbook(path, read_only=True)))


def _word_blocks(blocks: Any) -> Iterator[str]:
    for block in blocks.iter_inner_content():
        if hasattr(block, "rows"):
            yield from (cell.text for row in block.rows for cell in row.cells)
        else:
            yield block.text


def _sheet_texts(book: Any) -> Iterator[str]:
    for sheet in book:
        yield sheet.title
        yield from (str(cell) for row in sheet.iter_rows(values_only=True) for cell in row)


def _slide_texts(deck: Any) -> Iterator[str]:
    for slide in deck.slides:
        yield from _shape_texts(slide.shapes)
        if slide.has_notes_slide:
            yield slide.notes_slide.notes_text_frame.text


def _shape_texts(shapes: Any) -> Iterator[str]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shape_texts(shape.shapes)
        elif shape.has_table:
            yield from (cell.text for row in shape.table.rows for cell in row.cells)
        elif shape.has_text_frame:
            yield shape.text_frame.text


def readers() -> dict[str, Reader]:
    """By name, ours first."""
    return {"ours": ours, "markitdown": markitdown(), "kreuzberg": kreuzberg(), OFFICE_LIBRARIES: office_libraries}
