"""Plain text stays as it is; only headings beyond doubt are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.plain import extract_plain, find_headings

NUMBERED = "1. Scope\n\nText.\n\n2  Terms\n\n2.1 Of people\n\nText, 3 Of It.\n\n10. Final Words\n\nEnd.\n"


def titles(text: str) -> list[tuple[int, str]]:
    return [(each.level, each.title) for each in find_headings(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title\n=====\n\nPart\n----\n\nDetail\n~~~~~~~\n", [(1, "Title"), (2, "Part"), (3, "Detail")]),
        ("\n\nTitle  \n=====\n", [(1, "Title")]),
        ("Title\n==========\n", []),
        ("running text\nTitle\n=====\n", []),
        ("a | b\n-----\n", [(2, "a | b")]),
        (NUMBERED, [(1, "1 Scope"), (1, "2 Terms"), (2, "2.1 Of people"), (1, "10 Final Words")]),
        ("1. Buy Milk\n\n2. Sleep\n\n", []),
        ("1. One\n\n1. Two\n\n1. Three\n\n", []),
        ("1. This is a sentence.\n\n2. So is this.\n\n3. And this.\n\n", []),
        ("1 a\n\n2 b\n\n3 c\n\n", []),
        ("", []),
        ("\n\n\n", []),
    ],
)
def test_headings_are_underlined_or_numbered_in_order(text: str, expected: list[tuple[int, str]]) -> None:
    assert titles(text) == expected


lines = st.sampled_from(
    ["Title", "=====", "-----", "~~~", "", "", "1. Scope", "2 Terms", "2.1 More", "3. End", "text."]
)


@given(st.lists(lines | st.text(max_size=8), max_size=40))
def test_a_heading_stands_where_it_says(parts: list[str]) -> None:
    text = "\n".join(parts)
    found = find_headings(text)
    assert [each.char_start for each in found] == sorted({each.char_start for each in found})
    for heading in found:
        line = text[heading.char_start :].split("\n", 1)[0]
        assert heading.char_start == 0 or text[heading.char_start - 1] == "\n"
        number, _, words = heading.title.partition(" ")
        assert line.rstrip() == heading.title or (line.startswith(number) and line.rstrip().endswith(words))


def test_the_text_is_the_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("Title\r\n=====\r\nGrüße\0 an alle\x0cSeite zwei".encode())
    calls: list[tuple[int, int]] = []
    extraction = extract_plain(path, ExtractionLimits(), lambda done, total: calls.append((done, total)))
    assert extraction.text == "Title\n=====\nGrüße an alle\nSeite zwei"
    assert (extraction.title, extraction.page_starts, calls) == ("Title", (0,), [(1, 1)])


def test_a_second_level_heading_is_no_title(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("Part\n----\n", encoding="utf-8")
    assert extract_plain(path, ExtractionLimits(), None).title is None


@pytest.mark.parametrize("content", [b"x" * 101, b"\0" * 500])
def test_too_long_a_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Permanent) as caught:
        extract_plain(path, ExtractionLimits(characters=100), None)
    assert caught.value.reason == "TOO_MUCH_TEXT"


def test_a_text_of_the_limit_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("ü" * 100, encoding="utf-8")
    assert len(extract_plain(path, ExtractionLimits(characters=100), None).text) == 100
