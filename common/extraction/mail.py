"""E-mail: who wrote what to whom, with the names of what was attached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

from common.errors import Permanent
from common.extraction.block_text import collapse
from common.extraction.decoding import clean, decode
from common.extraction.headed_text import HeadedText
from common.extraction.html import read_page
from common.extraction.limits import ExtractionLimits, Progress
from common.extraction.mime_types import EML
from common.model.chunks import Extraction

_SHOWN = ("From", "To", "Cc", "Date")
_TEXT, _HTML = "text/plain", "text/html"
_DEEPEST = 50  # each part within another is a call within another
_SPLIT_ENCODED = re.compile(r"(\?=)\s+(=\?)")


def extract_mail(path: Path, limits: ExtractionLimits, progress: Progress | None) -> Extraction:
    """The subject as heading, the lines that say who and when, the text, the attachments' names.

    Where a message has its text twice, plain text goes before HTML. A message within it comes in its place, a level
    below. Permanent: TOO_MUCH_TEXT, TOO_MANY_PARTS, NESTED_TOO_DEEPLY.
    """
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(path.read_bytes())
    except RecursionError as error:
        raise _nested() from error
    letter = _Letter(limits)
    letter.write(message, 1)
    if progress:
        progress(1, 1)
    return Extraction(
        mime_type=EML,
        text=letter.text.whole(),
        page_starts=(0,),
        headings=tuple(letter.text.headings),
        title=letter.text.title_of_level(1),
        warnings=tuple(dict.fromkeys(letter.warnings)),
    )


class _Letter:
    """A message as it is written down, with those within it."""

    def __init__(self, limits: ExtractionLimits) -> None:
        self.text = HeadedText()
        self.warnings: list[str] = []
        self._limits = limits
        self._parts = 0

    def write(self, message: Message, level: int) -> None:
        """Write the message, its heading at this level."""
        if level > _DEEPEST:
            raise _nested()
        subject = _header(message, "Subject")
        if subject:
            self.text.heading(subject, level)
        for name in _SHOWN:
            if value := _header(message, name):
                self.text.block(1)
                self.text.add(f"{name}: {value}")
        self.text.block(2)
        self._write_body(message, level)

    def _write_body(self, message: Message, level: int) -> None:
        for part in self._shown_parts(message, 0):
            kind = part.get_content_type()
            shown = _is_shown(part)
            name = _stated_name(part) or (None if shown else kind)
            if kind == "message/rfc822":
                for inner in _messages(part)[:1]:
                    self.write(inner, level + 1)
            elif name is not None:
                self.text.block(1)
                self.text.add(f"Attachment: {name}")
                self.text.block(1)
            if kind == _HTML and shown:
                self._write_html(part, level)
            elif shown:
                self._write_text(part)
            self._limits.check_characters(self.text.length)

    def _shown_parts(self, part: Message, depth: int) -> Iterator[Message]:
        """The message's leaves that are shown; of alternatives the plain text, else HTML, else the last."""
        self._parts += 1
        self._limits.check_parts(self._parts)
        if depth > _DEEPEST:
            raise _nested()
        inner = _messages(part)
        if part.get_content_maintype() != "multipart" or not inner:
            yield part
        elif part.get_content_subtype() == "alternative":
            yield from self._shown_parts(_best(inner), depth + 1)
        else:
            for each in inner:
                yield from self._shown_parts(each, depth + 1)

    def _write_text(self, part: Message) -> None:
        decoded = decode(content_of(part), charset_of(part))
        self.warnings += decoded.warnings
        self.text.block(2)
        self.text.add_verbatim(_unflowed(decoded.text, part).strip("\n"))
        self.text.block(2)

    def _write_html(self, part: Message, level: int) -> None:
        page = read_page(content_of(part), self._limits, encoding=charset_of(part), keep_surroundings=True)
        self.warnings += page.warnings
        self.text.inset(page.content.text, page.content.headings, deeper=level)


def _messages(part: Message) -> list[Message]:
    """The parts that the part is made of."""
    inner = part.get_payload()
    return [each for each in inner if isinstance(each, Message)] if isinstance(inner, list) else []


def _best(alternatives: list[Message]) -> Message:
    def holds(part: Message, kind: str) -> bool:
        return any(each.get_content_type() == kind and content_of(each).strip() for each in part.walk())

    for kind in (_TEXT, _HTML):
        for each in alternatives:
            if holds(each, kind):
                return each
    return alternatives[-1]


def content_of(part: Message) -> bytes:
    """The part's content, without its transfer encoding."""
    try:
        content = part.get_payload(decode=True)
    except (ValueError, MessageError):
        content = None
    return content if isinstance(content, bytes) else b""


def charset_of(part: Message) -> str | None:
    """The encoding that the part names."""
    charset = part.get_param("charset")
    return charset if isinstance(charset, str) and charset.isascii() else None


def _unflowed(text: str, part: Message) -> str:
    """The text with the lines joined that `format=flowed` (RFC 3676) parted."""
    if str(part.get_param("format", "")).lower() != "flowed":
        return text
    lines: list[str] = []
    flows = False
    for line in text.split("\n"):
        quoted = line.startswith(">")
        bare = line if quoted else line.removeprefix(" ")
        if flows and lines and not quoted:
            lines[-1] += bare
        else:
            lines.append(bare)
        flows = bare.endswith(" ") and bare != "-- " and not quoted
    return "\n".join(lines)


def _header(message: Message, name: str) -> str:
    """All headers of this name as one line of text."""
    values = (_words(str(value)) for value in message.get_all(name, []))
    return ", ".join(filter(None, values))


def _words(raw: str) -> str:
    try:
        pieces = decode_header(_SPLIT_ENCODED.sub(r"\1 \2", raw))
    except (ValueError, MessageError):
        pieces = [(raw, None)]
    try:
        text = str(make_header(pieces))
    except (ValueError, LookupError, MessageError):  # its bytes are not of the encoding that it names
        text = "".join(_piece(data, charset) for data, charset in pieces)
    data = text.encode("utf-8", "surrogateescape")
    return collapse(decode(data).text if data.decode("utf-8", "replace") != text else clean(text))


def _piece(data: bytes | str, charset: str | None) -> str:
    """A piece of a header as `decode_header` gives it."""
    if isinstance(data, str):
        return data
    return decode(data, charset).text if charset else data.decode("raw-unicode-escape")


def _is_shown(part: Message) -> bool:
    """True for text that a mail program shows in its place: it may have a name, unless it is data."""
    if part.get_content_maintype() != "text" or part.get_content_disposition() == "attachment":
        return False
    return part.get_content_type() in {_TEXT, _HTML} or _stated_name(part) is None


def _stated_name(part: Message) -> str | None:
    """The name of the file that the part was."""
    try:
        name = part.get_filename()
    except (ValueError, LookupError):
        name = None
    return _words(name) if name else None


def _nested() -> Permanent:
    return Permanent(
        "NESTED_TOO_DEEPLY",
        f"The message's parts are nested more than {_DEEPEST} deep. Upload the messages apart.",
    )
