"""From bytes in any common encoding to clean text."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from common.extraction.code_pages import code_page_of

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESS_BYTES = 65_536
_PATTERN_BYTES = 4_096
_ISO_2022 = re.compile(rb"\x1b(?:\$[@AB()]|\([BIJ])")
_CLOSE_KIN = re.compile(r"cp125[0247]|cp775|latin_1|iso8859_\d+|mac_(?:roman|latin2|iceland|turkish)|hp_roman8")
_LIKELIEST_KIN = ("cp1252", "iso8859_2")
# What programs name is less than what they write: see the WHATWG's Encoding Standard.
_WHATWG_NAMES = {
    "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "ascii": "cp1252", "us-ascii": "cp1252", "iso-8859-9": "cp1254",
    "gb2312": "gb18030", "gbk": "gb18030", "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "shift_jis": "cp932",
}  # fmt: skip
# Python's, no document's.
_NO_ENCODINGS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf_7"})
_MOST_LOST = 0.2  # of a text in UTF-16 or UTF-32: more, and it is none
# UTF-16's halves of a character, each written as if it were one; a pair is CESU-8.
_SURROGATES = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]|\xed[\xa0-\xbf][\x80-\xbf]")
_CUT_CHARACTER = re.compile(rb"(?:[\xe2-\xef][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{1,2})\Z")
_LOST = "\ufffd"
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_TOO_FEW, _TOO_RARE = 16, 0.02  # bytes beyond ASCII: less says nothing of the encoding

_LINE_END = re.compile("[\r\x0b\x0c\x85\u2028\u2029]")
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x7f\x80-\x84\x86-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
_INFORMATION_SEPARATOR = re.compile("[\x1c-\x1f]")
_UNCLEAN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
"""Any of the three above."""
# No layout needs so much. It has no tokens, so that no limit of a chunk would hold it.
_ENDLESS = 2_000
_ENDLESS_SPACE = re.compile(rf"(?<!\s)\s{{{_ENDLESS},}}")
_STRIDE = _ENDLESS // 10
_ONLY_SPACES = re.compile(r"\s{10}")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Clean text, the encoding it was read in, and a warning where that was guessed or did not fit everywhere."""

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()

    @property
    def wide(self) -> bool:
        """True for an encoding in which NULs or other control bytes are nothing unusual."""
        return self.encoding.startswith(("utf-16", "utf-32", "utf_16", "utf_32", "iso2022"))


def clean(text: str) -> str:
    """The text with lines ended by LF alone and without NULs, control characters, lone surrogates, byte order marks.

    Form feeds and Unicode's line separators end a line too. White space that does not end for 2,000 characters becomes
    a blank line, or one space where it has no line's end in it.
    """
    text = text.replace("\r\n", "\n")
    # What is printable is clean, and told at once.
    if not text.replace("\n", "").replace("\t", "").isprintable() and _UNCLEAN.search(text):
        text = _LINE_END.sub("\n", text)
        text = _INFORMATION_SEPARATOR.sub(" ", _UNWANTED.sub("", text))
    if _ONLY_SPACES.search(text[::_STRIDE]):  # endless space stands at ten such places at least
        text = _ENDLESS_SPACE.sub(lambda found: "\n\n" if "\n" in found[0] else " ", text)
    return text


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """The clean text of `data`; `declared` is the encoding that the document itself names, if it does.

    In order: byte order mark, UTF-16 and UTF-32 by their NULs, UTF-8, the declared encoding, damaged text of what
    the marks or NULs say, damaged UTF-8, a guess, Windows-1252.
    """
    for encoding in _certain_encodings(data, declared):
        try:
            return Decoded(clean(data.decode(encoding)), encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return _damaged(data) or _guess(data)


def decode_beginning(data: bytes) -> Decoded:
    """The clean text of a file's beginning, which may end in the middle of a character."""
    for encoding in _certain_encodings(data, None):
        try:
            return Decoded(clean(codecs.getincrementaldecoder(encoding)().decode(data)), encoding)
        except UnicodeDecodeError:
            continue
    return _damaged(data) or _guess(data)


def _certain_encodings(data: bytes, declared: str | None) -> list[str]:
    """The encodings that need no guess, likeliest first; an ISO 2022 text is valid UTF-8, so it comes before it."""
    marked = _marked_encoding(data)
    if marked:
        return [marked]
    encodings = ["utf-8"]
    if declared and declared.lower().replace("-", "_") not in _NO_ENCODINGS:
        encodings.append(_WHATWG_NAMES.get(declared.lower(), declared))
    if _ISO_2022.search(data, 0, _GUESS_BYTES):
        encodings = [*encodings[1:], "iso2022_jp_2", "iso2022_kr", "utf-8"]
    return encodings


def _marked_encoding(data: bytes) -> str | None:
    """The encoding that a byte order mark or the place of NULs tells."""
    marks = (encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark))
    return next(marks, None) or _wide_encoding(data)


def _damaged(data: bytes) -> Decoded | None:
    """The text where a few bytes of it are broken; None where that explains too little."""
    marked = _marked_encoding(data)
    if marked is None:
        return _damaged_utf_8(data)
    text = data.decode(marked, errors="replace")
    lost = text.count(_LOST)
    return _with_loss(text, marked, lost) if lost <= _MOST_LOST * len(text) else None


def _damaged_utf_8(data: bytes) -> Decoded | None:
    """UTF-8 in which no more is broken than is whole, of what is beyond ASCII: no other encoding looks so.

    Surrogates are UTF-8's damage and no other's: a pair is one character, in which some programs write those beyond
    U+FFFF, and a lone one is lost. So is a character that the text's end cuts in two.
    """
    mended, surrogates = _SURROGATES.subn(_mended, data)
    text = mended.decode(errors="replace")
    lost = text.count(_LOST) - data.count(_LOST.encode())
    broken = lost - (mended.count(_LOST.encode()) - data.count(_LOST.encode()))
    whole = len(text) - len(text.encode("ascii", errors="ignore")) - lost
    cut = _CUT_CHARACTER.search(data, max(0, len(data) - 3)) is not None
    return _with_loss(text, "utf-8", lost) if broken <= whole + surrogates + cut else None


def _mended(surrogates: re.Match[bytes]) -> bytes:
    halves = surrogates[0].decode("utf-8", "surrogatepass")
    return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _with_loss(text: str, encoding: str, lost: int) -> Decoded:
    warnings = (f"{lost:,} characters could not be read as {encoding}.",) if lost else ()
    return Decoded(clean(text), encoding, warnings)


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, told by where the NULs of the many characters below U+0100 lie."""
    sample = data[:_PATTERN_BYTES]
    if len(sample) < 4 or b"\0" not in sample:
        return None
    empty = [sample[place::4].count(0) / len(sample[place::4]) for place in range(4)]
    if min(empty[2:]) > 0.9 and empty[0] < 0.1:
        return "utf-32-le"
    if min(empty[:2]) > 0.9 and empty[3] < 0.1:
        return "utf-32-be"
    even, odd = (empty[0] + empty[2]) / 2, (empty[1] + empty[3]) / 2
    if odd > 0.3 and even < 0.05:
        return "utf-16-le"
    if even > 0.3 and odd < 0.05:
        return "utf-16-be"
    return None


def _guess(data: bytes) -> Decoded:
    encoding = _guessed_encoding(data[:_GUESS_BYTES])
    text = data.decode(encoding, errors="replace")
    warning = f"The text's encoding is not stated; it was read as {encoding}."
    lost = text.count(_LOST)
    if lost:
        warning += f" {lost:,} characters could not be read."
    return Decoded(clean(text), encoding, (warning,))


def _guessed_encoding(sample: bytes) -> str:
    """By languages' alphabets, else by statistics; Windows-1252 where there is too little for any."""
    if code_page := code_page_of(sample):
        return code_page
    beyond_ascii = sum(1 for _ in _BEYOND_ASCII.finditer(sample))
    if beyond_ascii < min(_TOO_FEW, _TOO_RARE * len(sample)):
        return "cp1252"

    import charset_normalizer  # noqa: PLC0415 - 50 ms that only a text of unknown encoding pays for

    found = charset_normalizer.from_bytes(sample[: sample.rfind(b"\n") + 1] or sample)
    best = found.best()
    names = [match.encoding for match in found]
    encoding = best.encoding if best else "cp1252"
    if _CLOSE_KIN.fullmatch(encoding):
        return next((name for name in _LIKELIEST_KIN if name in names), encoding)
    return encoding
