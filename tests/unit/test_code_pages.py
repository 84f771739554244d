"""A text's code page is told by the letters of its language."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.extraction.code_pages import code_page_of
from common.extraction.decoding import decode

SENTENCES = {
    "Größe und Straße: „Die Wärter zünden die Lampe an“, hieß es überall in Österreich.": "cp1252 mac_roman",
    "Größe und Straße: Die Wärter zünden die Lampe an, hieß es überall in Österreich.": "cp1252 cp850",
    "Le gardien a allumé la lampe à l’été : « Ça va être très tôt », dit-il à Noël.": "cp1252 mac_roman",
    "El farero encendió la lámpara: ¿mañana? ¡Sí, está aquí! El año pasó rápido.": "cp1252 cp850",
    "Fyrvaktaren tände lampan på kvällen, så att båtarna såg ön. Åska över sjön.": "cp1252",
    "Vitavörðurinn kveikti á lampanum þegar húmið var komið, það er síðan í júní.": "cp1252",
    "Strażnik zapalił lampę o zmierzchu, żeby łodzie mogły ujść cało. Źródło światła.": "cp1250 iso8859_2 cp852",
    "Strážce zapálil lampu za soumraku, aby lodě viděly břeh. Příští úterý ještě něco.": "cp1250 iso8859_2",
    "Az őr alkonyatkor meggyújtotta a lámpát, hogy a hajók lássák a vízből kiálló követ.": "cp1250 iso8859_2",
    "Bekçi akşam lambayı yaktı; gemiler kıyıyı görsün diye. İstanbul’da ışık çoğaldı.": "cp1254",
    "Sargs krēslā iededza lampu, lai kuģi redzētu krastu. Šeit ir ļoti kluss ģimenē.": "cp1257",
    "Смотритель зажигает лампу в сумерках, чтобы корабли видели берег. Это всё.": "cp1251 koi8_r cp866 iso8859_5",
    "Доглядач запалює лампу в сутінках, щоб кораблі бачили берег її острова.": "cp1251 koi8_u",
    "Ο φύλακας ανάβει τη λάμπα το σούρουπο, για να βλέπουν τα πλοία την ακτή.": "cp1253 iso8859_7",
    "השומר מדליק את המנורה בשעת הדמדומים כדי שהספינות יראו את החוף.": "cp1255",
    "등대지기가 해 질 무렵에 등불을 켠다. 배들이 바닷가를 볼 수 있도록.": "euc_kr",
}


@pytest.mark.parametrize(
    ("sentence", "code_page"),
    [(sentence, each) for sentence, code_pages in SENTENCES.items() for each in code_pages.split()],
)
def test_a_sentence_is_read_in_its_code_page(sentence: str, code_page: str) -> None:
    decoded = decode(sentence.encode(code_page))
    assert decoded.text == sentence
    assert "not stated" in decoded.warnings[0]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_capitals_are_read_as_well(sentence: str) -> None:
    code_page = SENTENCES[sentence].split()[0]
    heading = sentence.upper()
    assert decode(f"{sentence}\n{heading}".encode(code_page)).text == f"{sentence}\n{heading}"


def test_letters_of_no_one_language_tell_nothing() -> None:
    assert code_page_of(bytes(range(0x80, 0x100)) * 4) is None
    assert code_page_of(b"ASCII alone") is None


@given(st.binary(max_size=300))
def test_a_code_page_that_is_told_can_be_read_but_for_a_character_that_the_end_cuts(sample: bytes) -> None:
    code_page = code_page_of(sample)
    assert code_page is None or codecs.getincrementaldecoder(code_page)().decode(sample)
