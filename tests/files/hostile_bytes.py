"""Texts whose bytes are not as they should be."""

from __future__ import annotations

from collections.abc import Mapping

WORDS = "The keeper lights the lamp at dusk."
_FILLER = "Nothing of note was seen, heard or told on that watch.\n" * 8
ARABIC = "يضيء الحارس المصباح عند الغسق."
_MIXED = "Jörg lights the lamp – at dusk.\n"

TEXTS: Mapping[str, tuple[bytes, str]] = {
    "nul-bytes.txt": (f"{WORDS}\0\n{_FILLER}\0".encode(), WORDS),
    "nul-in-word.html": (f"<p>{WORDS}\0</p><p>{_FILLER}</p>".encode(), WORDS),
    "lone-surrogate-utf-8.txt": (f"{WORDS} \ud800 \udfff\n{_FILLER}".encode("utf-8", "surrogatepass"), WORDS),
    "lone-surrogate-utf-16.txt": (
        f"\ufeff{WORDS} \ud800 \udfff\n{_FILLER}".encode("utf-16-le", "surrogatepass"),
        WORDS,
    ),
    "lone-surrogate.json": (f'{{"watch": "{WORDS}", "name": "\\ud800"}}'.encode(), WORDS),
    "lone-surrogate.html": (f"<p>{WORDS} &#xD800; &#0; &#x110000;</p><p>{_FILLER}</p>".encode(), WORDS),
    "lone-surrogate.rtf": (rb"{\rtf1\ansi " + WORDS.encode() + rb" \u-10240? \u-8193?}", WORDS),
    "lone-surrogate.eml": (
        b"From: a@example.com\nTo: b@example.com\nSubject: =?utf-8?q?=ED=A0=80_lamp?=\n"
        b"Date: Mon, 1 Jan 2024 10:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n\n" + WORDS.encode(),
        WORDS,
    ),
    "right-to-left.txt": (f"{ARABIC}\n\u202e{WORDS}\u202c\n{_FILLER}".encode(), ARABIC),
    "mixed-encodings.txt": (
        (WORDS + "\n").encode() + _MIXED.encode() + _MIXED.encode("cp1252") + _MIXED.encode("mac-roman"),
        WORDS,
    ),
    "bom-utf-8.txt": (f"\ufeff{WORDS}\n{_FILLER}".encode(), WORDS),
    "bom-utf-16-le.txt": (f"\ufeff{WORDS}\n{_FILLER}".encode("utf-16-le"), WORDS),
    "bom-utf-16-be.txt": (f"\ufeff{WORDS}\n{_FILLER}".encode("utf-16-be"), WORDS),
    "bom-utf-32-le.txt": (f"\ufeff{WORDS}\n{_FILLER}".encode("utf-32-le"), WORDS),
    "bom-utf-32-be.txt": (f"\ufeff{WORDS}\n{_FILLER}".encode("utf-32-be"), WORDS),
    "bom-within.txt": (f"\ufeff\ufeff{WORDS}\n\ufeff{_FILLER}".encode(), WORDS),
    "bom-that-lies.txt": (b"\xff\xfe" + f"{WORDS}\n{_FILLER}".encode("utf-16-le") + b"\x00", WORDS),
    "line-ends.txt": (f"{WORDS}\r{WORDS}\r\n{WORDS}\u2028{WORDS}\x85\x0c".encode(), WORDS),
}
"""By file name: the bytes, and words that have to be in the text."""


def long_line(size: int) -> bytes:
    """One line of so many bytes, with words in it."""
    return (WORDS.encode() + b" ") * (size // (len(WORDS) + 1))


def long_word(size: int) -> bytes:
    """One line of so many bytes without a space."""
    return b"lamp" * (size // 4)
