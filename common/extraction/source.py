"""JSON and XML: their source, laid out for reading."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from common.extraction.decoding import Decoded, clean, decode
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import JSON, JSON_LINES, XML
from common.extraction.plain import read_text
from common.extraction.text_kinds import kind_of_text
from common.model.chunks import Extraction

_SAMPLE = 65_536
_LONG_LINE = 2_000
_DEEPEST_INDENT = 16
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\],]|[^"{}\[\],]+', re.DOTALL)
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = re.compile(r"[^{}\[\]]++")
_STEPS = {"{": 1, "[": 1, "}": -1, "]": -1}
_JSON_ESCAPE = re.compile(
    r'\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(["\\/bfnrt]))'
)
_JSON_LETTERS = {"b": " ", "f": "\n", "n": "\n", "r": "\n", "t": "\t"}
_XML_ENCODING = re.compile(rb"\A\s*<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([\w.:-]+)")
_BETWEEN_TAGS = re.compile(r">[ \t]*(?=<[^/!])")
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);")


def extract_json(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The source, its escapes resolved; a member or element a line where the file has no lines of its own.

    Permanent: TOO_MUCH_TEXT, NESTED_TOO_DEEPLY.
    """
    decoded = read_text(path, limits)
    text = decoded.text
    limits.check_depth(_json_depth(text))
    kind = kind_of_text(text[:_SAMPLE], whole=len(text) <= _SAMPLE)
    text = "".join(_json_lines(text)) if _has_long_lines(text) else _resolved(text)
    return _extraction(JSON_LINES if kind == JSON_LINES else JSON, decoded, clean(text), limits, progress)


def extract_xml(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The source, its character references resolved; an element a line where the file has no lines of its own.

    Nothing is parsed: entities stay names, and no address is opened.
    """
    limits.check_characters(path.stat().st_size // 4)
    data = path.read_bytes()
    declared = _XML_ENCODING.search(data, 0, 1_000)
    decoded = decode(data, declared[1].decode("ascii") if declared else None)
    text = _BETWEEN_TAGS.sub(">\n", decoded.text) if _has_long_lines(decoded.text) else decoded.text
    text = _REFERENCE.sub(lambda reference: html.unescape(reference[0]), text)
    return _extraction(XML, decoded, clean(text), limits, progress)


def _extraction(
    mime_type: str, decoded: Decoded, text: str, limits: ExtractionLimits, progress: Progress | None
) -> Extraction:
    limits.check_characters(len(text))
    if progress:
        progress(1, 1)
    return Extraction(mime_type=mime_type, text=text, page_starts=(0,), warnings=decoded.warnings)


def _json_depth(text: str) -> int:
    """How deep values stand within each other. No document is; brackets alone would be embedded one by one."""
    brackets = _NO_BRACKETS.sub("", _JSON_STRING.sub("", text))
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)


def _has_long_lines(text: str) -> bool:
    return max(map(len, text.split("\n"))) > _LONG_LINE


def _json_lines(text: str) -> Iterator[str]:
    """The source with a line break and an indent behind each bracket and comma outside strings."""
    depth = 0
    for token in _JSON_TOKEN.finditer(text):
        part = token[0]
        if part in {"{", "["}:
            depth += 1
            yield f"{part}\n{_indent(depth)}"
        elif part in {"}", "]"}:
            depth = max(0, depth - 1)
            yield f"\n{_indent(depth)}{part}"
        elif part == ",":
            yield f",\n{_indent(depth)}"
        elif part.startswith('"'):
            yield _resolved(part)
        else:
            yield part if part.strip() or not depth else ""


def _indent(depth: int) -> str:
    return "  " * min(depth, _DEEPEST_INDENT)


def _resolved(text: str) -> str:
    return _JSON_ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    high, low, single, letter = escape.groups()
    if high:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
    if single:
        return chr(int(single, 16))
    return _JSON_LETTERS.get(letter, letter)
