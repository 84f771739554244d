"""What a file is, told by its content, never by its name."""

from __future__ import annotations

import re
from pathlib import Path

from common.errors import Permanent
from common.extraction.decoding import Decoded, decode_beginning
from common.extraction.signatures import name_of

PDF = "application/pdf"
HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"

_SAMPLE_BYTES = 65_536
# At a file's beginning the header is enough; further on an object has to follow, or prose about PDF would be one.
_PDF_HEADER = re.compile(rb"\A\s*%PDF-|%PDF-\d\.\d\s*(?:%[^\r\n]*[\r\n]\s*)*\d+ \d+ obj\b")
_PDF_FIRST_OBJECT_WITHIN = 256
_PDF_HEADER_WITHIN = 1024  # where PDF readers look for the header (ISO 32000-1, appendix H, note 13)
_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MOST_CONTROL = 0.02

_BEFORE_MARKUP = re.compile(r"(?:\s+|<!--.*?-->|<\?xml\b.*?\?>)*", re.DOTALL)
# A document begins so; the tags that also begin a README come after, as in the WHATWG's MIME sniffing table.
_DOCUMENT_TAG = re.compile(
    r"<(?:!doctype\s+html|html|head|body|title|script|style|meta|link|iframe)[\s>/]", re.IGNORECASE
)
_CONTENT_TAG = re.compile(r"<(?:h1|div|font|table|a|b|br|p|h[2-6]|ul|ol|section|article|main|span|!--)[\s>/-]", re.I)
_OTHER_MARKUP = re.compile(r"<(?:!doctype\s+svg|svg)\b", re.IGNORECASE)

_FRONT_MATTER = re.compile(r"\A---\n(?:(?>[\w-]+:|[ \t-]|(?=\n)).*\n)+?(?:---|\.\.\.)\n")
_FENCE = re.compile(r"(```+|~~~+)[^`\n]*\n")
# What is seen, what it weighs, and the most that it may weigh in all: no one sign makes a text Markdown by its number.
_SIGNS = (
    (re.compile(r"^#{2,6} +\S", re.MULTILINE), 2.0, 4.0),
    (re.compile(r"(?:\A|\n\n)# +\S[^\n]*\n(?:\n|\Z)"), 2.0, 2.0),
    (re.compile(r"^(?=\S)[^\n]{1,80}\n(?:={3,}|-{3,})$\n", re.MULTILINE), 0.5, 1.0),
    (re.compile(r"!?\[[^\]\n]{1,500}\]\((?:[^()\s]|\([^()\s]*\))+(?: \"[^\"\n]*\")?\)"), 1.5, 4.0),
    (re.compile(r"^\[[^\]\n]+\]: +\S+", re.MULTILINE), 1.0, 2.0),
    (re.compile(r"^ {0,3}[-*+] +\S", re.MULTILINE), 0.5, 1.0),
    (re.compile(r"^ {0,3}\d{1,3}\. +\S", re.MULTILINE), 0.25, 0.5),
    (re.compile(r"(?<![\w*])\*\*[^\s*][^*\n]*\*\*(?![\w*])"), 1.0, 2.0),
    (re.compile(r"(?<!`)`[^`\n]+`(?!`)"), 0.5, 1.5),
    (re.compile(r"^ *+\|?+(?: *+:?-{3,}+:? *+\|)++(?: *+:?-{3,}+:? *+)?$", re.MULTILINE), 3.0, 3.0),
)
_ENOUGH = 3.0


def detect_type(path: Path) -> str:
    """The file's MIME type: PDF, HTML, Markdown or plain text. Else Permanent: EMPTY_FILE or UNSUPPORTED_TYPE."""
    with path.open("rb") as file:
        return type_of(file.read(_SAMPLE_BYTES))


def type_of(beginning: bytes) -> str:
    """The MIME type of a file that begins so; see `detect_type`."""
    if not beginning:
        raise Permanent("EMPTY_FILE", "The file is empty. Upload it again with its content.")
    if _PDF_HEADER.search(beginning, 0, _PDF_HEADER_WITHIN + _PDF_FIRST_OBJECT_WITHIN):
        return PDF
    named = name_of(beginning)
    if named:
        raise _unsupported(f"looks like {named}")
    decoded = decode_beginning(beginning)
    if _is_binary(beginning, decoded):
        raise _unsupported("is neither text nor a type that is known")
    return _type_of_text(decoded.text)


def _unsupported(what: str) -> Permanent:
    return Permanent(
        "UNSUPPORTED_TYPE",
        f"The file {what}; supported are PDF, HTML, Markdown and plain text. Convert it to one of these.",
    )


def _is_binary(data: bytes, decoded: Decoded) -> bool:
    """True if too much of it is control characters, or no characters at all."""
    if decoded.wide:
        readable = sum(character.isprintable() or character in "\n\t" for character in decoded.text)
        return readable < (1 - _MOST_CONTROL) * len(decoded.text)
    return len(_CONTROL_BYTES.findall(data)) > _MOST_CONTROL * len(data)


def _type_of_text(text: str) -> str:
    start = _BEFORE_MARKUP.match(text)
    place = start.end() if start else 0
    if _OTHER_MARKUP.match(text, place):
        raise _unsupported("looks like an SVG image")
    if _DOCUMENT_TAG.match(text, place):
        return HTML
    if _is_markdown(text):
        return MARKDOWN
    return HTML if _CONTENT_TAG.match(text, place) and "</" in text else PLAIN


def _is_markdown(text: str) -> bool:
    """Weigh what Markdown has and prose, logs and source code have not; no single heading or bullet is enough."""
    if _FRONT_MATTER.match(text):
        return True
    outside = _without_fences(text)
    weight = _ENOUGH if len(outside) < len(text) else 0.0
    for sign, each, most in _SIGNS:
        if weight >= _ENOUGH:
            return True
        weight += min(most, each * sum(1 for _ in sign.finditer(outside)))
    return weight >= _ENOUGH


def _without_fences(text: str) -> str:
    """The text without fenced code; a fence that is never closed is none."""
    outside: list[str] = []
    inside: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        if not fence:
            opening = _FENCE.fullmatch(line)
            fence = opening[1] if opening else ""
            (inside if fence else outside).append(line)
        elif line.startswith(fence) and not line.strip().strip("`~"):
            inside, fence = [], ""
        else:
            inside.append(line)
    return "".join((*outside, *inside))
