"""Markdown stays its source; its headings stand where they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Permanent
from common.extraction import ExtractionLimits
from common.extraction.markdown import extract_markdown, find_headings, plain_title
from common.model.chunks import Extraction


def extracted(tmp_path: Path, text: str) -> Extraction:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8", newline="")
    return extract_markdown(path, ExtractionLimits(), None)


def headings(text: str) -> list[tuple[int, str]]:
    return [(each.level, each.title) for each in find_headings(text, 0)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# One\n###### Six\n####### Seven", [(1, "One"), (6, "Six")]),
        ("   ## Indented\n    ## Code", [(2, "Indented")]),
        ("## Closed ##\n# C#\n# C# #", [(2, "Closed"), (1, "C#"), (1, "C#")]),
        ("#hashtag\n#\n# #\n## ##", []),
        ("# a" + " " * 60 + "b   ", [(1, "a b")]),
        ("Title\n=====\n\nSub\n---\n", [(1, "Title"), (2, "Sub")]),
        ("Two\nlines\n===", [(1, "Two lines")]),
        ("\n---\n", []),
        ("- item\n---\n", []),
        ("> quote\n===\n", []),
        ("| a |\n---\n", []),
        ("```\n# code\n```\n# real", [(1, "real")]),
        ("~~~~\n# code\n~~~\n# code\n~~~~\n# real", [(1, "real")]),
        ("``` not` a fence\n# real", [(1, "real")]),
        ("```\n# never closed", []),
        ("<!--\n# hidden\n-->\n# seen", [(1, "seen")]),
        ("<!-- one line -->\n# seen", [(1, "seen")]),
        ("word " * 200 + "\n---", []),
        (("word\n" * 200) + "---", []),
    ],
)
def test_a_heading_is_what_commonmark_says(text: str, expected: list[tuple[int, str]]) -> None:
    assert headings(text) == expected


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("`--flag` and *stress*", "--flag and stress"),
        ("**bold _and_ both**", "bold and both"),
        ("[text](url) ![image](src) [ref][1]", "text image ref"),
        ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
        ("Title {#anchor}", "Title"),
        ("a <b>bold</b> tag, 1 < 2", "a bold tag, 1 < 2"),
        (r"escaped \*stars\*", "escaped *stars*"),
        ("``a`b``", "``a`b``"),
    ],
)
def test_a_title_is_its_words(source: str, title: str) -> None:
    assert plain_title(source) == title


lines = st.sampled_from(
    ["# One", "## Two ##", "Para", "===", "---", "", "```", "~~~", "- item", "> q", "<!--", "-->", "    code", "#", "|"]
) | st.text(st.characters(exclude_characters="\n\r"), max_size=12)


@given(st.lists(lines, max_size=30))
def test_a_heading_begins_its_line_and_headings_are_in_order(parts: list[str]) -> None:
    text = "\n".join(parts)
    found = list(find_headings(text, 0))
    assert [each.char_start for each in found] == sorted({each.char_start for each in found})
    for heading in found:
        assert heading.char_start == 0 or text[heading.char_start - 1] == "\n"
        assert 1 <= heading.level <= 6
        line = text[heading.char_start :].split("\n", 1)[0]
        assert line.strip()
        if heading.title.isalnum() and heading.title.isascii():
            assert heading.title in text[heading.char_start : heading.char_start + 500]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: 'From the front'  \nx: y\n---\n# First\n", "From the front"),
        ("---\nx: y\n---\n## Second\n# First\n", "First"),
        ("---\ntitle:\n---\n# First\n", "First"),
        ("## Only second\n", None),
        ("---\n# no front matter without an end\n", "no front matter without an end"),
    ],
)
def test_the_title_is_the_front_matters_or_the_first_heading(tmp_path: Path, text: str, title: str | None) -> None:
    assert extracted(tmp_path, text).title == title


def test_front_matter_holds_no_heading_and_the_text_is_the_source(tmp_path: Path) -> None:
    source = "---\n# comment\ntitle: T\n---\r\n# Heading\n\n* item\n"
    extraction = extracted(tmp_path, source)
    assert extraction.text == source.replace("\r\n", "\n")
    assert [each.title for each in extraction.headings] == ["Heading"]
    assert extraction.text[extraction.headings[0].char_start :].startswith("# Heading")
    assert extraction.page_starts == (0,)


def test_too_long_a_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("# A\n" * 30, encoding="utf-8")
    with pytest.raises(Permanent) as caught:
        extract_markdown(path, ExtractionLimits(characters=100), None)
    assert caught.value.reason == "TOO_MUCH_TEXT"


def test_a_tables_header_heads_its_rows(tmp_path: Path) -> None:
    source = (
        "# One\n\n| A | *B* \\| C |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |\n\nText | with a bar\n\n## Two\n\n"
        "x | y\n--|--\n5 | 6\n```\n| a | b |\n|---|---|\n```\n"
    )
    extraction = extracted(tmp_path, source)
    assert [(each.level, each.title) for each in extraction.headings] == [
        (1, "One"),
        (2, "A | B | C"),
        (2, "Two"),
        (3, "x | y"),
    ]
    first, second = (each for each in extraction.headings if each.char_end is not None)
    assert source[first.char_start : first.char_end] == "| A | *B* \\| C |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |\n"
    assert source[second.char_start : second.char_end] == "x | y\n--|--\n5 | 6\n"
