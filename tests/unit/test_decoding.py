"""Bytes in many encodings become the same clean text."""

from __future__ import annotations

import codecs
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.extraction.decoding import clean, decode, decode_beginning

GERMAN = "Die Größe der Straße gefällt den Bürgern. Über Änderungen wird öffentlich beraten.\n" * 8
ENGLISH = "The keeper lights the lamp at dusk, and puts it out when the day has come again.\n" * 8
JAPANESE = "日本語の文書です。これは試験のために書かれた文章であり、意味はありません。\n" * 8
RUSSIAN = "Это обычный русский текст, написанный для проверки. Он ничего не значит.\n" * 8

characters = st.characters(exclude_categories=["Cs"])


@given(st.text())
@example("a\r\nb\rc\x0bd\x0ce\x85f\u2028g\u2029h\0i\ud800j\ufeffk\x1cl\x9b")
def test_clean_text_holds_nothing_unwanted_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    assert not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]", cleaned)
    assert clean(cleaned) == cleaned
    cleaned.encode("utf-8")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf", "Cn"]) | st.sampled_from("\n\t ")))
def test_clean_leaves_printed_text_alone(text: str) -> None:
    assert clean(text) == text


def test_every_line_end_becomes_one() -> None:
    assert clean("a\r\nb\rc\x0cd\x85e\u2028f\n\ng") == "a\nb\nc\nd\ne\nf\n\ng"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@given(text=st.text(characters).map(lambda text: text.lstrip("\0")))  # UTF-16's mark and a NUL are UTF-32's
def test_marked_text_comes_back(encoding: str, text: str) -> None:
    decoded = decode(text.encode(encoding))
    assert (decoded.text, decoded.warnings) == (clean(text), ())


@given(st.text(characters.filter(lambda each: each not in "\0\x1b\ufeff")))
def test_utf_8_comes_back(text: str) -> None:
    decoded = decode(text.encode())
    assert (decoded.text, decoded.warnings) == (clean(text), ())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@given(text=st.text(st.characters(codec="latin-1", min_codepoint=32), min_size=8))
def test_wide_text_needs_no_mark(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)).text == clean(text)


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        (GERMAN, "cp1252", None),
        (GERMAN, "cp1252", "iso-8859-1"),
        (GERMAN, "cp1252", "no-such-encoding"),
        (JAPANESE, "shift_jis", "shift_jis"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (JAPANESE, "iso2022_jp", None),
        (JAPANESE, "shift_jis", None),
        (RUSSIAN, "koi8_r", "koi8-r"),
        (RUSSIAN, "cp1251", None),
        (GERMAN, "utf-8", "iso-8859-1"),
    ],
)
def test_other_encodings_are_read_as_declared_or_guessed(text: str, encoding: str, declared: str | None) -> None:
    assert decode(text.encode(encoding), declared).text == text


def test_a_guess_is_warned_of_and_a_declaration_is_not() -> None:
    assert "not stated" in decode(GERMAN.encode("cp1252")).warnings[0]
    assert decode(GERMAN.encode("cp1252"), "cp1252").warnings == ()


@pytest.mark.parametrize(
    "declared", ["undefined", "idna", "punycode", "unicode_escape", "utf-7", "hex", "rot13", ".", "-"]
)
def test_an_encoding_that_is_none_of_documents_is_passed_over(declared: str) -> None:
    assert decode(GERMAN.encode("cp1252"), declared).text == GERMAN


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (GERMAN.encode().replace(b"llt", b"ll\xfft", 1), "utf-8"),
        (JAPANESE.encode()[:-2], "utf-8"),
        (codecs.BOM_UTF16_LE + GERMAN.encode("utf-16-le") + b"x", "utf-16"),
        (codecs.BOM_UTF16_BE + b"\xd8\x00" + GERMAN.encode("utf-16-be"), "utf-16"),
        (codecs.BOM_UTF8 + GERMAN.encode() + b"\xe4", "utf-8-sig"),
        (ENGLISH.encode() + "ö".encode() + b"\xff", "utf-8"),
        (ENGLISH.encode() + "–".encode()[:2], "utf-8"),
        (ENGLISH.encode() + "😀".encode()[:3], "utf-8"),
        (ENGLISH.encode() + b"\xed\xa0\x80" + ENGLISH.encode(), "utf-8"),
        (JAPANESE.encode() + b"\0\xff\0" + JAPANESE.encode(), "utf-8"),
    ],
)
def test_a_broken_byte_costs_itself_alone(content: bytes, encoding: str) -> None:
    decoded = decode(content)
    assert decoded.encoding == encoding
    assert decoded.text.count("\ufffd") == 1
    assert decoded.text.replace("\ufffd", "").strip()[-40:-8] in GERMAN + JAPANESE + ENGLISH
    assert "1 characters could not be read" in decoded.warnings[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@given(size=st.integers(8, 400))
def test_a_beginning_may_end_within_a_character(encoding: str, size: int) -> None:
    beginning = decode_beginning(JAPANESE.encode(encoding)[:size])
    assert JAPANESE.startswith(beginning.text)
    assert beginning.text
    assert beginning.warnings == ()


@given(st.binary(max_size=400), st.none() | st.sampled_from(["shift_jis", "utf-16", "undefined", "ascii"]))
def test_any_bytes_become_clean_text(content: bytes, declared: str | None) -> None:
    decoded = decode(content, declared)
    assert decoded.text == clean(decoded.text)


@pytest.mark.parametrize(("space", "left"), [(" " * 5000, " "), ("\n \t" * 5000, "\n\n"), (" " * 500, " " * 500)])
def test_white_space_without_end_becomes_little(space: str, left: str) -> None:
    assert clean(f"a{space}b") == f"a{left}b"


def test_surrogates_in_utf_8_are_one_character_by_twos_and_none_alone() -> None:
    halves = "\N{GRINNING FACE}".encode("utf-16-be")
    pair = "".join(chr(int.from_bytes(halves[place : place + 2])) for place in (0, 2))
    whole = decode(f"Grüße {pair}!".encode("utf-8", "surrogatepass"))
    assert (whole.text, whole.encoding, whole.warnings) == ("Grüße \N{GRINNING FACE}!", "utf-8", ())
    alone = decode(f"Grüße {pair[0]}!".encode("utf-8", "surrogatepass"))
    assert (alone.text, alone.warnings) == ("Grüße \ufffd!", ("1 characters could not be read as utf-8.",))
    broken = decode(f"{ENGLISH}{pair[0]} \ufffd".encode("utf-8", "surrogatepass") + b"\xff")
    assert (broken.encoding, broken.text) == ("utf-8", f"{ENGLISH}\ufffd \ufffd\ufffd")
    assert broken.warnings == ("2 characters could not be read as utf-8.",)


@pytest.mark.parametrize("words", ["café", "“lamp”", "naïve – déjà-vu", "50 €"])
def test_a_few_bytes_beyond_ascii_are_windows_1252(words: str) -> None:
    decoded = decode(ENGLISH.encode() + words.encode("cp1252"))
    assert (decoded.text, decoded.encoding) == (ENGLISH + words, "cp1252")
