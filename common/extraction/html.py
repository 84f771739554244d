"""HTML: its content as paragraphs, lists, tables and headings, without what surrounds it on every page of its site."""

from __future__ import annotations

import re
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from common.extraction.block_text import collapse
from common.extraction.decoding import decode
from common.extraction.detection import HTML
from common.extraction.html_nesting import check_nesting
from common.extraction.html_walk import Content, read_content
from common.extraction.limits import ExtractionLimits, Progress
from common.model.chunks import Extraction

_PRESCAN_BYTES = 4096  # the standard asks for 1,024; long licence comments stand before many a meta element
_CHARSET = re.compile(
    rb"<meta\b[^>]*?\bcharset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE
)
_MAIN = "main, [role=main]"
_LEAST_OF_BODY = 0.5
_TINY, _TINY_SHARE = 250, 0.05


def extract_html(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The page's main text; its title is the title element's, else its first h1."""
    limits.check_markup(path.stat().st_size)
    decoded = decode(data := path.read_bytes(), _declared_encoding(data))
    check_nesting(decoded.text)
    tree = LexborHTMLParser(decoded.text)
    content = _main_content(tree)
    limits.check_characters(len(content.text))
    if progress:
        progress(1, 1)
    title = tree.css_first("head > title")
    stated = collapse(title.text()) if title else ""
    return Extraction(
        mime_type=HTML,
        text=content.text,
        page_starts=(0,),
        headings=content.headings,
        title=stated or next((heading.title for heading in content.headings if heading.level == 1), None),
        warnings=decoded.warnings,
    )


def _declared_encoding(data: bytes) -> str | None:
    """The encoding named by a meta element or an XML declaration; UTF-16 named in ASCII is UTF-8, says the standard."""
    match = _CHARSET.search(data, 0, _PRESCAN_BYTES)
    if match is None:
        return None
    name = (match[1] or match[2]).decode("ascii")
    return "utf-8" if name.lower().startswith("utf-16") else name


def _main_content(tree: LexborHTMLParser) -> Content:
    """The main element where it holds most of the text, else the body; all of it where hardly anything is left."""
    body = tree.body or tree.root
    if body is None:
        return Content("", (), 0)
    content = read_content(body)
    if len(content.text) < _TINY and len(content.text) < _TINY_SHARE * content.left_out:
        return read_content(body, keep_surroundings=True)
    main = _sole_main(tree)
    if main is not None:
        inner = read_content(main)
        if len(inner.text) >= _LEAST_OF_BODY * len(content.text):
            return inner
    return content


def _sole_main(tree: LexborHTMLParser) -> LexborNode | None:
    for selector in (_MAIN, "article"):
        found = tree.css(selector)
        if found:
            return found[0] if len(found) == 1 else None
    return None
