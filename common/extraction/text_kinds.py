"""Which kind of text a text is: HTML, Markdown, mail, rows of cells, JSON, XML, or just text."""

from __future__ import annotations

import re

from common.extraction.delimiters import delimiter_of
from common.extraction.markdown_signs import is_markdown
from common.extraction.mime_types import CSV, EML, HTML, JSON, JSON_LINES, MARKDOWN, PLAIN, TSV, XML

SVG = "image/svg+xml"
OTHER = {SVG: "an SVG image"}
"""Kinds that are told but not read, with their names."""

_BEFORE_MARKUP = re.compile(r"(?:\s+|<!--.*?-->|<\?(?!php\b)[A-Za-z].*?\?>)*", re.DOTALL)
# A document begins so; the tags that also begin a README come after, as in the WHATWG's MIME sniffing table.
_DOCUMENT_TAG = re.compile(
    r"<(?:!doctype\s+html|html|head|body|title|script|style|meta|link|iframe)[\s>/]", re.IGNORECASE
)
_CONTENT_TAG = re.compile(
    r"<(?:h1|div|font|table|a|b|br|p|h[2-6]|ul|ol|section|article|main|span|blockquote|pre|img|em|strong|i|hr|dl|nav"
    r"|aside|center|details|!--)[\s>/-]",
    re.IGNORECASE,
)
_OTHER_MARKUP = re.compile(r"<(?:!doctype\s+svg|svg)\b", re.IGNORECASE)
_SVG_ROOTS = frozenset({"svg", "svg:svg"})
_BY_DELIMITER = {None: PLAIN, "\t": TSV}
_DECLARED_XML = re.compile(r"\s*<\?xml\s")
_ROOT = re.compile(
    r"(?:<![^>\[]*(?:\[(?:[^\]\"']|\"[^\"]*\"|'[^']*')*+\]\s*)?>\s*)?"  # a document type, with its declarations
    r"<(?P<name>[A-Za-z_][\w:.-]*)(?:\s[^<>]*)?>"
)

_MAIL_HEADER = re.compile(r"(?P<name>[!-9;-~]{1,76}):(?:[^\n]*\n(?:[ \t]+\S[^\n]*\n)*)")
_ENVELOPE = re.compile(r"From \S[^\n]*\n")
_MAIL_NAMES = frozenset({"from", "to", "cc", "subject", "date", "sender", "reply-to", "content-type"})
_SURE_MAIL_NAMES = frozenset({"message-id", "received", "return-path", "mime-version", "delivered-to"})

_JSON_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*+"')
_JSON_OPEN_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*+\\?\Z')
_JSON_REST = re.compile(r"(?:[\s{}\[\]:,]|-?\d[\d.eE+-]*+|true|false|null)*+[a-z-]{0,5}")
_JSON_LINE = re.compile(r"[{\[].*[}\]]\s*")


def kind_of_text(text: str, *, whole: bool) -> str:
    """The MIME type of a text that begins so, or is all of it where `whole`; a key of `OTHER` for what is not read."""
    start = _BEFORE_MARKUP.match(text)
    place = start.end() if start else 0
    root = _ROOT.match(text, place)
    if _OTHER_MARKUP.match(text, place) or (root is not None and root["name"].lower() in _SVG_ROOTS):
        return SVG
    if _DOCUMENT_TAG.match(text, place):
        return HTML
    strict = _kind_of_strict(text, place, whole=whole)
    if strict:
        return strict
    delimiter = delimiter_of(text, whole=whole)
    if is_markdown(text) and delimiter in {None, "|"}:  # a table's cells may hold signs of Markdown
        return MARKDOWN
    if _CONTENT_TAG.match(text, place) and "</" in text:
        return HTML
    return _BY_DELIMITER.get(delimiter, CSV)


def _kind_of_strict(text: str, place: int, *, whole: bool) -> str:
    """The kind of a text that keeps a grammar; "" for any other. Its markup, if it has some, begins at `place`."""
    if _is_mail(text):
        return EML
    if _is_json(text, whole=whole):
        return JSON_LINES if _is_in_lines(text, whole=whole) else JSON
    return XML if _is_xml(text, place, whole=whole) else ""


def _is_mail(text: str) -> bool:
    """True for a block of header lines that name sender, subject and the like, each once at least."""
    envelope = _ENVELOPE.match(text)
    place = envelope.end() if envelope else 0
    names: set[str] = set()
    while header := _MAIL_HEADER.match(text, place):
        names.add(header["name"].lower())
        place = header.end()
    if text[place : place + 1] not in {"", "\n"}:
        return False
    sure = len(names & _SURE_MAIL_NAMES)
    return len(names & _MAIL_NAMES) + sure >= (2 if sure else 3)


def _is_json(text: str, *, whole: bool) -> bool:
    """True if nothing stands outside strings but what JSON has there."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    rest = _JSON_STRING.sub(" ", text)
    if not whole:
        rest = _JSON_OPEN_STRING.sub(" ", rest)
    return _JSON_REST.fullmatch(rest) is not None and (not whole or text.rstrip().endswith(("}", "]")))


def _is_in_lines(text: str, *, whole: bool) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    complete = lines if whole else lines[:-1]
    return len(lines) > 1 and bool(complete) and all(_JSON_LINE.fullmatch(line.strip()) for line in complete)


def _is_xml(text: str, place: int, *, whole: bool) -> bool:
    """True for what declares itself so, and for an element that ends where the text does."""
    if _DECLARED_XML.match(text):
        return True
    root = _ROOT.match(text, place)
    if root is None or _CONTENT_TAG.match(text, place):
        return False
    return root[0].endswith("/>") or not whole or text.rstrip().endswith(f"</{root['name']}>")
