"""A text's sections and the headings in force at a place."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from common.model.chunks import Heading
from common.sections import Outline, first_word

TEXT = "Before.\nOne\ntext\nOne A\ntext\nTwo\ntext"
HEADINGS = [
    Heading(level=1, title="One", char_start=8),
    Heading(level=2, title="One  A", char_start=17),
    Heading(level=1, title="Two", char_start=28),
]


@st.composite
def outlined(draw: st.DrawFn) -> tuple[str, list[Heading]]:
    text = draw(st.text(st.sampled_from("ab \n"), max_size=60) | st.sampled_from(["", "  ", "x" * 600 + " y"]))
    places = draw(st.lists(st.integers(0, len(text)), max_size=8))
    titles = st.sampled_from(["A", "B b", " ", ""])
    return text, [
        Heading(
            level=draw(st.integers(1, 4)),
            title=draw(titles),
            char_start=place,
            char_end=draw(st.none() | st.integers(place, len(text))),
        )
        for place in places
    ]


def test_a_path_runs_from_the_outermost_heading() -> None:
    outline = Outline(TEXT, HEADINGS)
    assert [outline.path(place) for place in (0, 7, 8, 16, 17, 27, 28, 99)] == [
        (),
        (),
        ("One",),
        ("One",),
        ("One", "One A"),
        ("One", "One A"),
        ("Two",),
        ("Two",),
    ]
    assert [outline.heading_before(place) for place in (7, 8, 20, 99)] == [0, 8, 17, 28]
    assert [TEXT[each.start : each.end] for each in outline.sections()] == [
        "Before.\n",
        "One\ntext\n",
        "One A\ntext\n",
        "Two\ntext",
    ]
    assert [each.level for each in outline.sections()] == [0, 1, 2, 1]


def test_a_heading_that_ends_is_in_force_up_to_there_and_parts_nothing() -> None:
    text = "One\nh | i\n1 | 2\nafter\nTwo\nx"
    outline = Outline(
        text,
        [
            Heading(level=1, title="One", char_start=0),
            Heading(level=2, title="h | i", char_start=4, char_end=15),
            Heading(level=1, title="Two", char_start=22),
        ],
    )
    assert [outline.path(place) for place in (3, 4, 14, 15, 21, 22)] == [
        ("One",),
        ("One", "h | i"),
        ("One", "h | i"),
        ("One",),
        ("One",),
        ("Two",),
    ]
    assert [text[each.start : each.end] for each in outline.sections()] == [text[:22], text[22:]]
    assert outline.heading_before(21) == 0


def test_headings_that_end_at_once_leave_the_path_of_those_in_force() -> None:
    text = "a b c d e f"
    ending = [
        Heading(level=2, title="x", char_start=2, char_end=6),
        Heading(level=3, title="y", char_start=4, char_end=6),
        Heading(level=4, title="z", char_start=6, char_end=99),
    ]
    outline = Outline(text, [Heading(level=1, title="One", char_start=0), *ending])
    assert [outline.path(place) for place in (2, 4, 6, 10)] == [
        ("One", "x"),
        ("One", "x", "y"),
        ("One", "z"),
        ("One", "z"),
    ]


def test_headings_without_text_between_them_are_one_place_with_the_last_ones_path() -> None:
    both = [Heading(level=1, title="A", char_start=0), Heading(level=2, title="B", char_start=0)]
    outline = Outline("text", both)
    assert outline.path(0) == ("A", "B")
    assert [each.level for each in outline.sections()] == [1]


def test_a_heading_within_a_word_takes_the_word() -> None:
    outline = Outline("some heading here", [Heading(level=1, title="H", char_start=8)])
    assert outline.heading_before(99) == 5


@given(outlined())
def test_sections_cover_the_text_and_none_is_blank(case: tuple[str, list[Heading]]) -> None:
    text, headings = case
    sections = list(Outline(text, headings).sections())
    assert (sections[0].start, sections[-1].end) == (0, len(text))
    assert all(former.end == section.start for former, section in pairwise(sections))
    if text.strip():
        assert all(text[section.start : section.end].strip() for section in sections)


@given(outlined(), st.integers(0, 700))
def test_a_path_is_of_headings_before_the_place(case: tuple[str, list[Heading]], place: int) -> None:
    text, headings = case
    outline = Outline(text, headings)
    path = outline.path(place)
    assert len(path) <= 4
    titles = [" ".join(each.title.split()) for each in headings]
    assert all(title in titles and title for title in path)
    assert outline.heading_before(place) <= place


@given(st.text(), st.integers(0, 40))
def test_the_first_word_is_behind_nothing_but_white_space(text: str, place: int) -> None:
    found = first_word(text, place)
    assert not text[place:found].strip()
    assert found == len(text) or not text[found].isspace()
