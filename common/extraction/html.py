"""HTML: its content as paragraphs, lists, tables and headings, without what surrounds it on every page of its site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from common.extraction.block_text import collapse
from common.extraction.decoding import decode
from common.extraction.html_nesting import check_nesting
from common.extraction.html_walk import Content, read_content
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import HTML
from common.extraction.xhtml import as_html, declares_xml
from common.model.chunks import Extraction

_PRESCAN_BYTES = 4096  # the standard asks for 1,024; long licence comments stand before many a meta element
_CHARSET = re.compile(
    rb"<meta\b[^>]*?\bcharset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE
)
_MAIN = "main, [role=main]"
_LEAST_OF_BODY = 0.5
_TINY, _TINY_SHARE = 250, 0.05


@dataclass(frozen=True, slots=True)
class Page:
    """What an HTML page says."""

    content: Content
    title: str | None
    warnings: tuple[str, ...]


def extract_html(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The page's main text; its title is the title element's, else its first h1."""
    limits.check_markup(path.stat().st_size)
    page = read_page(path.read_bytes(), limits)
    if progress:
        progress(1, 1)
    return Extraction(
        mime_type=HTML,
        text=page.content.text,
        page_starts=(0,),
        headings=page.content.headings,
        title=page.title or next((each.title for each in page.content.headings if each.level == 1), None),
        warnings=page.warnings,
    )


def read_page(
    data: bytes,
    limits: ExtractionLimits,
    *,
    encoding: str | None = None,
    xhtml: bool = False,
    keep_surroundings: bool = False,
) -> Page:
    """The content of a page and what its title element says; `encoding` is what is said of it from outside.

    It is XHTML if that is known (`xhtml`), or if it declares to be XML. Permanent: TOO_MUCH_TEXT, NESTED_TOO_DEEPLY.
    """
    limits.check_markup(len(data))
    decoded = decode(data, encoding or _declared_encoding(data))
    markup = as_html(decoded.text) if xhtml or declares_xml(decoded.text) else decoded.text
    check_nesting(markup)
    tree = LexborHTMLParser(markup)
    content = _whole_content(tree) if keep_surroundings else _main_content(tree)
    limits.check_characters(len(content.text))
    title = tree.css_first("head > title")
    return Page(content, (collapse(title.text()) or None) if title else None, decoded.warnings)


def _declared_encoding(data: bytes) -> str | None:
    """The encoding named by a meta element or an XML declaration; UTF-16 named in ASCII is UTF-8, says the standard."""
    match = _CHARSET.search(data, 0, _PRESCAN_BYTES)
    if match is None:
        return None
    name = (match[1] or match[2]).decode("ascii")
    return "utf-8" if name.lower().startswith("utf-16") else name


def _whole_content(tree: LexborHTMLParser) -> Content:
    root = tree.body or tree.root
    return read_content(root, keep_surroundings=True) if root else Content("", (), 0)


def _main_content(tree: LexborHTMLParser) -> Content:
    """The main element where it holds most of the text, else the body; all of it where hardly anything is left."""
    body = tree.body or tree.root
    if body is None:
        return Content("", (), 0)
    main = _sole_main(tree)
    inner = read_content(main) if main else None
    # With scripts and all it is more than the body's content: mostly the main element need not be held against that.
    if inner and len(inner.text) >= max(_TINY, _LEAST_OF_BODY * len(collapse(body.text()))):
        return inner
    content = read_content(body)
    if len(content.text) < _TINY and len(content.text) < _TINY_SHARE * content.left_out:
        return read_content(body, keep_surroundings=True)
    return inner if inner and len(inner.text) >= _LEAST_OF_BODY * len(content.text) else content


def _sole_main(tree: LexborHTMLParser) -> LexborNode | None:
    for selector in (_MAIN, "article"):
        found = tree.css(selector)
        if found:
            return found[0] if len(found) == 1 else None
    return None
