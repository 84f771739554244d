"""Lines of pages and an outline become one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.extraction.outline import OutlineEntry, find_titles
from common.extraction.page_assembly import assemble
from common.extraction.page_edges import running_lines
from common.extraction.page_text import join_lines, raw_lines, runs_on

WIDTH = 60
FULL = "The quick brown fox jumps over the lazy dog and the old cat"

lines = st.sampled_from(
    [
        FULL,
        "1 Scope",
        "Scope",
        "Chapter 2",
        "iv",
        "12",
        "• item",
        "it ends.",
        "exam\xad",
        "\xad",
        "http://a.b/c-",
        "ı",
        "İ",
        "x",
    ]
) | st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=6)
pages = st.lists(st.lists(lines, max_size=7), max_size=7)
entries = st.builds(
    OutlineEntry, st.integers(1, 4), st.sampled_from(["Scope", "scope", "2", "-", "Gone"]), st.integers(0, 7)
)


@given(pages, st.lists(entries, max_size=8))
def test_pages_and_headings_stand_where_they_say(read: list[list[str]], outline: list[OutlineEntry]) -> None:
    text, page_starts, headings = assemble(read, outline)
    assert len(page_starts) == len(read)
    assert list(page_starts) == sorted(page_starts)
    assert all(0 <= start <= len(text) for start in page_starts)
    assert page_starts[:1] in {(), (0,)}
    places = [heading.char_start for heading in headings]
    assert places == sorted(places)
    missing = {entry.title for entry in outline}
    for heading in headings:
        assert text.startswith(heading.title, heading.char_start) or (
            heading.title in missing and heading.char_start in page_starts
        )
    assert len(headings) == sum(entry.page < len(read) for entry in outline)


def without_running_lines(read: list[list[str]]) -> list[list[str]]:
    gone = running_lines(read)
    return [[line for place, line in enumerate(page) if place not in gone[n]] for n, page in enumerate(read)]


@given(pages)
def test_no_word_is_lost_but_running_lines(read: list[list[str]]) -> None:
    text, _, _ = assemble(read, ())
    kept = [line for page in without_running_lines(read) for line in page]
    assert "".join("".join(kept).replace("\xad", "").split()) == "".join(text.replace("\xad", "").split())


@given(st.text())
def test_raw_lines_are_clean_and_not_empty(text: str) -> None:
    for line in raw_lines(text):
        assert line == line.strip(" ")
        assert line
        assert "\n" not in line
        assert "\ufffe" not in line


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ([["Head", "a"], ["Head", "b"], ["Head", "c"]], [["Head", "a"], ["b"], ["c"]]),
        ([["L", "a"], ["R", "b"], ["L", "c"], ["R", "d"]], [["L", "a"], ["R", "b"], ["c"], ["d"]]),
        ([["a", "1"], ["b", "2"], ["c", "3"]], [["a"], ["b"], ["c"]]),
        ([["a", "Page iv"], ["b", "Page v"]], [["a"], ["b"]]),
        ([["a", "- 9 -"], ["b", "- 10 -"]], [["a"], ["b"]]),
        ([["a", "1994"], ["b", "7"]], [["a", "1994"], ["b", "7"]]),
        ([["a b c 12", "x"], ["a b c 13", "y"]], [["a b c 12", "x"], ["y"]]),
        ([["A", "B", "C"], ["A", "B", "C"]], [["A", "B", "C"], []]),
        ([["Head", "1", "a"], ["Head", "2", "b"]], [["Head", "a"], ["b"]]),
        ([["Head", "A", "a"], ["Head", "B", "b"]], [["Head", "A", "a"], ["B", "b"]]),
        ([["ı", "a"], ["İ", "b"]], [["ı", "a"], ["İ", "b"]]),
        ([[], ["a"], []], [[], ["a"], []]),
        ([["." * 9999, "a"], ["." * 9998, "b"]], [["." * 9999, "a"], ["." * 9998, "b"]]),
    ],
)
def test_what_repeats_at_an_edge_is_a_running_line(read: list[list[str]], expected: list[list[str]]) -> None:
    assert without_running_lines(read) == expected


@pytest.mark.parametrize(
    ("read", "text"),
    [
        ([FULL, "runs on here."], f"{FULL} runs on here."),
        ([FULL[:-3] + "ca\xad", "t is old."], FULL + " is old."),
        ([FULL + "-", "like and so on"], FULL + "-like and so on"),
        (["A short line.", "Next"], "A short line.\n\nNext"),
        (["Heading", "Next"], "Heading\nNext"),
        ([FULL, "• item"], FULL + "\n• item"),
        ([FULL, "2) item"], FULL + "\n2) item"),
        (["x = {" + FULL, "y = 1;"], "x = {" + FULL + "\ny = 1;"),
        ([FULL + " http://host/path/", "index.html and"], FULL + " http://host/path/index.html and"),
        (["last\xad"], "last"),
        ([], ""),
    ],
)
def test_lines_are_joined_as_their_author_meant_them(read: list[str], text: str) -> None:
    assert join_lines(read, WIDTH) == text


def test_a_line_without_letters_does_not_run_on() -> None:
    assert not runs_on("1 2 3 4 5 6 7 8 9 " * 4, "next line", WIDTH)


@pytest.mark.parametrize(
    ("title", "read", "bounds"),
    [
        ("Scope", ["text", "1. Scope", "text"], (1, 2)),
        ("Scope and terms", ["Scope", "and Terms", "text"], (0, 2)),
        ("Scope", ["CHAPTER 2", "Scope"], (0, 2)),
        ("A.1 Scope", ["A.1", "Scope"], (0, 2)),
        ("Scope", ["Scope of it"], None),
        ("…", ["…"], None),
    ],
)
def test_a_title_is_found_with_its_number(title: str, read: list[str], bounds: tuple[int, int] | None) -> None:
    entry = OutlineEntry(1, title, 0)
    found, missing = find_titles([entry], read)
    assert [(each.first, each.last) for each in found] == ([bounds] if bounds else [])
    assert missing == ([] if bounds else [entry])


def test_one_line_is_one_title_only() -> None:
    twice = [OutlineEntry(1, "Scope", 0), OutlineEntry(2, "Scope", 0)]
    found, missing = find_titles(twice, ["Scope"])
    assert (len(found), len(missing)) == (1, 1)
    assert len(find_titles(twice, ["Scope", "text", "Scope"])[0]) == 2
