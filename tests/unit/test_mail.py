"""A message becomes its subject, who wrote it to whom, its text once, and the names of what was attached."""

from __future__ import annotations

import base64
from email.message import EmailMessage
from pathlib import Path

import pytest

from common.errors import Permanent
from common.extraction.mime_types import EML
from tests.unit.packed_files import outline, read


def message(subject: str = "Hello", text: str = "Words of the text.\n") -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = subject
    letter["From"] = "Ann <ann@example.org>"
    letter["To"] = "Bo <bo@example.org>, cy@example.org"
    letter["Date"] = "Mon, 01 Jan 2024 10:00:00 +0000"
    letter["X-Mailer"] = "not shown"
    letter.set_content(text)
    return letter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def written(path: Path, letter: EmailMessage | bytes) -> Path:
    path.write_bytes(bytes(letter) if isinstance(letter, EmailMessage) else letter)
    return path


LINES = "From: Ann <ann@example.org>\nTo: Bo <bo@example.org>, cy@example.org\nDate: Mon, 01 Jan 2024 10:00:00 +0000"


def test_a_message_becomes_its_text(path: Path) -> None:
    letter = message("Grüße aus Köln, und zwar so lange, dass die Zeile bricht, wo immer eine Zeile brechen kann")
    letter.add_alternative("<p>Words of the <b>page</b>.</p>", subtype="html")
    letter.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="Übersicht.pdf")
    letter.add_attachment("a,b", filename="table.csv")
    extraction = read(written(path, letter))
    subject = "Grüße aus Köln, und zwar so lange, dass die Zeile bricht, wo immer eine Zeile brechen kann"
    assert extraction.text == (
        f"{subject}\n\n{LINES}\n\nWords of the text.\n\nAttachment: Übersicht.pdf\nAttachment: table.csv"
    )
    assert (extraction.mime_type, extraction.title) == (EML, subject)


def test_html_is_read_where_there_is_no_other_text(path: Path) -> None:
    letter = message()
    letter.set_content(
        "<h2>Prices</h2><footer>Kept</footer><table><tr><th>A<th>B<tr><td>1<td>ü</table>",
        subtype="html",
        charset="latin-1",
    )
    extraction = read(written(path, letter))
    assert extraction.text == f"Hello\n\n{LINES}\n\nPrices\n\nKept\n\nA | B\n1 | ü"
    assert [(each.level, each.title) for each in extraction.headings] == [(1, "Hello"), (3, "Prices"), (4, "A | B")]
    assert extraction.text[extraction.headings[2].char_start :] == "A | B\n1 | ü"


def test_an_alternative_without_words_is_none(path: Path) -> None:
    letter = message(text="\n")
    letter.add_alternative("<p>Only here.</p>", subtype="html")
    assert read(written(path, letter)).text.endswith("\n\nOnly here.")


def test_a_message_within_comes_in_its_place_a_level_below(path: Path) -> None:
    letter = message()
    letter.add_attachment(message("Inner", "Inner text.\n"))
    extraction = read(written(path, letter))
    assert extraction.text == f"Hello\n\n{LINES}\n\nWords of the text.\n\nInner\n\n{LINES}\n\nInner text."
    assert outline(extraction) == [(1, "Hello"), (2, "Inner")]


def test_lines_that_flow_are_joined(path: Path) -> None:
    letter = (
        b"Subject: x\nFrom: a@b.c\nTo: d@e.f\nContent-Type: text/plain; format=flowed\n\n"
        b"One line \nof words.\n> quoted \n> more\n-- \nAnn\n"
    )
    assert read(written(path, letter)).text.endswith("One line of words.\n> quoted \n> more\n-- \nAnn")


@pytest.mark.parametrize(
    "letter",
    [
        b"Subject: =?x-none?B?4pyT?= =?utf-8?Q?broken\nFrom: a@b.c\nTo: d\nMIME-Version: 1.0\n\nText \xff here",
        b'Subject: \xfcber\nFrom: a@b.c\nTo: d@e.f\nContent-Type: text/plain; charset="no such"\n\n\xfcber',
        b"From: a@b.c\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nnever closed",
        b"From: a@b.c\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n!!!! no base64",
        b"From: a@b.c\nTo: x@y.z\nDate: no date at all\n",
        b"From: a@b.c\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n",
    ],
)
def test_odd_messages_are_read(path: Path, letter: bytes) -> None:
    extraction = read(written(path, letter))
    assert extraction.mime_type == EML
    assert "a@b.c" in extraction.text
    assert extraction.text.encode().decode() == extraction.text


def test_text_that_is_shown_in_its_place_is_read_though_it_has_a_name(path: Path) -> None:
    letter = message()
    letter.add_attachment("Words of a note.", disposition="inline", filename="note.txt")
    letter.add_attachment("a,b", subtype="csv", disposition="inline", filename="table.csv")
    text = read(written(path, letter.as_bytes())).text
    assert text.endswith("Words of the text.\n\nAttachment: note.txt\n\nWords of a note.\n\nAttachment: table.csv")


def test_a_header_whose_words_are_beyond_its_encoding_is_read(path: Path) -> None:
    subject = base64.b64encode("灯塔 鎔基".encode("gbk")).decode()
    letter = f"From: =?no-such?q?Lamp?= keeper <a@b.c>\nTo: d@e.f\nSubject: =?gb2312?B?{subject}?= lit\n\nword"
    text = read(written(path, letter.encode())).text
    assert text.startswith("灯塔 鎔基 lit\n")
    assert "From: Lamp keeper <a@b.c>" in text


def test_messages_nested_without_end_are_refused(path: Path) -> None:
    letter = b"From: a@b.c\nMIME-Version: 1.0\n"
    for _ in range(300):
        letter += b"Content-Type: message/rfc822\n\nFrom: a@b.c\nMIME-Version: 1.0\n"
    with pytest.raises(Permanent) as caught:
        read(written(path, letter + b"\ntext"))
    assert caught.value.reason == "NESTED_TOO_DEEPLY"


def test_parts_nested_without_end_are_refused(path: Path) -> None:
    letter = b"From: a@b.c\nMIME-Version: 1.0\n"
    for number in range(2000):
        letter += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
    with pytest.raises(Permanent) as caught:
        read(written(path, letter + b"\ntext"))
    assert caught.value.reason == "NESTED_TOO_DEEPLY"
