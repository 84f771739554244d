"""Which code page a text is in that says nothing of it, told by the alphabets of languages.

Read in another code page, a language's letters become ones that it has not, signs or capitals within words, or words of
two scripts.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter, defaultdict
from functools import cache

_TELLING_BYTES = 16_384  # of lines that have something beyond ASCII
_ENOUGH = 0.95  # of what is beyond ASCII: names and words of other languages are the rest
_LATIN = ("cp1252", "iso8859_15", "mac_roman", "cp850")
_CENTRAL = ("cp1250", "iso8859_2", "mac_latin2", "cp852")
_CYRILLIC = ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic")
_RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
# Likelier ones first: of two that fit as well, the first is taken.
_ALPHABETS = (
    (_LATIN, ("äöüß", "àâæçéèêëîïôœùûü", "áéíñóúü", "áàâãçéêíóôõúü", "àèéìîòóù", "áéèëïóöü", "åäöé", "åæøé", "äöåšž")),
    (_LATIN, ("àçèéíïòóúü", "áðéíóúýþæö", "äõöüšž")),
    (_CENTRAL, ("áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "ąćęłńóśźż", "áéíóöőúüű", "ăâîșşțţ", "čćđšž")),
    (("cp1254",), ("çğıİöşüâî",)),
    (("cp1257",), ("āčēģīķļņšūž", "ąčęėįšųūž", "äõöüšž")),
    (("cp1255",), ("אבגדהוזחטיכךלמםנןסעפףצץקרשת",)),
    (_CYRILLIC, (_RUSSIAN, "абвгдежзијклмнопрстћуфхцчџшђљњ", "абвгдѓежзѕијклљмнњопрстќуфхцчџш")),
    (("cp1251", "koi8_u"), (_RUSSIAN + "іїєґў",)),
    (("cp1253", "iso8859_7"), ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",)),
    (("euc_kr",), ("".join(map(chr, range(0xAC00, 0xD7A4))),)),
    (("cp1252",), ("äöüßàâæçéèêëîïôœùûáíñóúãõìòåø",)),
)
_WORD = re.compile(r"[^\W\d_]+")
_ASCII = re.compile(r"[\x00-\x7f]+")
_SIGNS = "\xa0«»“”„‘’‚‹›–—…•·§°©®™€£¥¿¡ºª、。「」"
_SIGN = re.compile(rf"(?<![^\W\d_])[{_SIGNS}]|[{_SIGNS}](?![^\W\d_])")
_SIGN_WITHIN = re.compile(r"(?<=[^\W\d_])[’·](?=[^\W\d_])")
# What is rarer counts less: KOI8-R and Windows-1251 have each other's small letters for capitals.
_RARE = 0.97
_LAST_LATIN = "\u024f"


def code_page_of(sample: bytes) -> str | None:
    """The code page in which nearly all of the text beyond ASCII is one language's; None where there is no such one."""
    best, most = None, _ENOUGH
    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())[:_TELLING_BYTES]
    read = {code_page: _letters(telling, code_page) for code_pages, _ in _ALPHABETS for code_page in code_pages}
    for code_page, alphabet in _candidates():
        letters, total = read[code_page]
        share = sum(letters.get(letter, 0.0) for letter in alphabet) / total if total else 0.0
        if share > most or (best is None and share == most):
            best, most = code_page, share
    return best


@cache
def _candidates() -> tuple[tuple[str, frozenset[str]], ...]:
    """Each code page with each alphabet that is written in it, in the order of likelihood."""
    return tuple(
        (code_page, frozenset(alphabet + alphabet.upper() + _SIGNS))
        for code_pages, alphabets in _ALPHABETS
        for code_page in code_pages
        for alphabet in alphabets
    )


def _letters(sample: bytes, code_page: str) -> tuple[dict[str, float], int]:
    """How often each letter and sign beyond ASCII stands where one may; and how many there are in all."""
    try:
        text = codecs.getincrementaldecoder(code_page)().decode(sample)  # the last character may be cut in two
    except UnicodeDecodeError:
        return {}, 0
    counts: defaultdict[str, float] = defaultdict(float, Counter(_SIGN.findall(text)))
    for sign in _SIGN_WITHIN.findall(text):
        counts[sign] += _RARE
    for word, times in Counter(_WORD.findall(text)).items():
        if word.isascii() or (min(word) < "\x80" and max(word) > _LAST_LATIN):
            continue
        capitals = word.isupper()
        if capitals or word[1:] == word[1:].lower():
            for letter in _ASCII.sub("", word):
                counts[letter] += times * _RARE if capitals else times
    return counts, len(_ASCII.sub("", text))
