"""The formats that known content is written in, and what of it each can say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bench.fidelity import office, printed, texts
from bench.fidelity.content import Content, made


@dataclass(frozen=True, slots=True)
class Format:
    """How content is cut to what the format can say, and written.

    `pages`, `headings`, `tables`: whether the format tells them, so that a reader can.
    """

    name: str
    write: Callable[[Content], bytes]
    cut: Callable[[Content], Content] = texts.without_asides
    pages: bool = False
    headings: bool = False
    tables: bool = False

    @property
    def suffix(self) -> str:
        """That of its files."""
        return f".{self.name.split()[0]}"

    def document(self, seed: int, pages: int) -> tuple[Content, bytes]:
        """What the document of this seed says, and its bytes."""
        content = self.cut(made(Random(seed), pages))  # noqa: S311 - nothing secret
        return content, self.write(content)


def _whole(content: Content) -> Content:
    return content


FORMATS = {
    each.name: each
    for each in (
        Format("docx", office.word, _whole, pages=True, headings=True, tables=True),
        Format("pptx", office.slides, _whole, pages=True, tables=True),
        Format("xlsx", office.workbook, texts.tables_alone, pages=True, headings=True, tables=True),
        Format("pdf", printed.pdf, pages=True, headings=True, tables=True),
        Format("pdf without outline", printed.pdf_without_outline, pages=True, headings=True, tables=True),
        Format("html", texts.html, headings=True, tables=True),
        Format("md", texts.markdown, headings=True, tables=True),
        Format("txt", texts.plain),
        Format("txt UTF-16", texts.plain_utf_16),
        Format("csv", texts.delimited, texts.one_table, tables=True),
        Format("eml", texts.mail),
        Format("rtf", texts.rtf, _whole, pages=True, headings=True, tables=True),
        Format("epub", texts.book, pages=True, headings=True, tables=True),
        Format("json", texts.records),
        Format("xml", texts.xml),
    )
}
"""By name."""
