"""Packed files put together part by part, for what no library writes."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from common.extraction import ExtractionLimits, extract
from common.model.chunks import Extraction

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PRESENTATION = "http://schemas.openxmlformats.org/presentationml/2006/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
DIAGRAM = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = {
    "docx": ("word/document.xml", "wordprocessingml.document.main"),
    "xlsx": ("xl/workbook.xml", "spreadsheetml.sheet.main"),
    "pptx": ("ppt/presentation.xml", "presentationml.presentation.main"),
}


def write_zip(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED)
    return path


def relations(*targets: tuple[str, str, str]) -> str:
    """Of (id, last word of the type, target)."""
    inner = "".join(f'<Relationship Id="{i}" Type="{OFFICE}/{kind}" Target="{target}"/>' for i, kind, target in targets)
    return f'<Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


def write_office(path: Path, kind: str, parts: Mapping[str, str | bytes]) -> Path:
    main, content_type = _TYPES[kind]
    return write_zip(
        path,
        {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Override PartName="/{main}" ContentType="'
            f'application/vnd.openxmlformats-officedocument.{content_type}+xml"/></Types>',
            "_rels/.rels": relations(("r", "officeDocument", main)),
            **parts,
        },
    )


def write_docx(path: Path, body: str, **parts: str) -> Path:
    """A Word document of this body; `parts` are its styles, numbering, footnotes … by the names of their types."""
    names = {kind: f"{kind}.xml" for kind in parts}
    inner = {
        f"word/{names[kind]}": f'<w:{kind} xmlns:w="{WORD}" xmlns:r="{OFFICE}">{content}</w:{kind}>'
        for kind, content in parts.items()
    }
    return write_office(
        path,
        "docx",
        {
            "word/document.xml": f'<w:document xmlns:w="{WORD}" xmlns:r="{OFFICE}" '
            'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
            f'xmlns:v="urn:schemas-microsoft-com:vml"><w:body>{body}</w:body></w:document>',
            "word/_rels/document.xml.rels": relations(*((kind, kind, name) for kind, name in names.items())),
            **inner,
        },
    )


def write_slides(path: Path, *trees: str, **parts: str) -> Path:
    """A presentation of these slides; `parts` are what the first one points to, by their ids and types."""
    names = f"xmlns:p='{PRESENTATION}' xmlns:a='{DRAWING}' xmlns:r='{OFFICE}' xmlns:dgm='{DIAGRAM}'"
    slides = range(len(trees))
    inner = {
        "ppt/presentation.xml": f"<p:presentation {names}><p:sldIdLst>"
        + "".join(f'<p:sldId id="{256 + number}" r:id="s{number}"/>' for number in slides)
        + "</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(*((f"s{each}", "slide", f"slides/{each}.xml") for each in slides)),
    }
    for number, tree in enumerate(trees):
        inner[f"ppt/slides/{number}.xml"] = f"<p:sld {names}><p:cSld><p:spTree>{tree}</p:spTree></p:cSld></p:sld>"
        related = relations(*((kind, kind, f"../{kind}.xml") for kind in parts)) if not number else relations()
        inner[f"ppt/slides/_rels/{number}.xml.rels"] = related
    inner |= {f"ppt/{kind}.xml": f"<x {names}>{content}</x>" for kind, content in parts.items()}
    return write_office(path, "pptx", inner)


def read(path: Path, limits: ExtractionLimits | None = None) -> Extraction:
    """The extraction of what the file is by its content."""
    return extract(path, limits=limits or ExtractionLimits())


def page_texts(extraction: Extraction) -> list[str]:
    """Each page's text without the white space around it."""
    ends = (*extraction.page_starts[1:], len(extraction.text))
    return [extraction.text[start:end].strip() for start, end in zip(extraction.page_starts, ends, strict=True)]


def outline(extraction: Extraction) -> list[tuple[int, str]]:
    """The headings that do not end."""
    return [(each.level, each.title) for each in extraction.headings if each.char_end is None]


def tables(extraction: Extraction) -> list[tuple[str, str]]:
    """Each table's header, and the text from it up to where it ends."""
    return [
        (each.title, extraction.text[each.char_start : each.char_end])
        for each in extraction.headings
        if each.char_end is not None
    ]
