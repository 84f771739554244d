"""Pieces of text come in the order in which a person reads them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from common.extraction.reading_order import TextBox, in_reading_order

WIDTH = 1000.0


def box(text: str, left: float, top: float, width: float, height: float = 20) -> TextBox:
    return TextBox(text, left=left, top=top, right=left + width, bottom=top + height)


def column(name: str, left: float, width: float, *, top: float = 100) -> list[TextBox]:
    return [box(f"{name}{row}", left, top + 30 * row, width) for row in range(4)]


def test_lines_are_read_from_the_top() -> None:
    lines = column("line ", 50, 900)
    assert in_reading_order(lines[::-1], WIDTH) == ["line 0", "line 1", "line 2", "line 3"]


def test_the_pieces_of_a_row_are_one_line() -> None:
    cells = [*column("a", 50, 80), *column("b", 300, 80, top=104), *column("c", 600, 80)]
    assert in_reading_order(cells, WIDTH) == ["a0 b0 c0", "a1 b1 c1", "a2 b2 c2", "a3 b3 c3"]


def test_columns_are_read_one_after_the_other_between_what_goes_across() -> None:
    page = [
        box("title", 50, 50, 900),
        *column("a", 50, 400),
        *column("b", 550, 400),
        box("between", 50, 250, 900),
        *column("c", 50, 400, top=300),
        *column("d", 550, 400, top=300),
    ]
    wanted = ["title", *[f"{name}{row}" for name in "ab" for row in range(4)], "between"]
    wanted += [f"{name}{row}" for name in "cd" for row in range(4)]
    assert in_reading_order(page, WIDTH) == wanted


def test_there_may_be_three_columns() -> None:
    page = [*column("a", 20, 280), *column("b", 350, 280), *column("c", 680, 280)]
    assert in_reading_order(page, WIDTH) == [f"{name}{row}" for name in "abc" for row in range(4)]


boxes = st.builds(box, st.sampled_from("abcdefgh"), *[st.floats(0, 900)] * 2, st.floats(1, 500), st.floats(1, 60))


@given(st.lists(boxes, max_size=30))
def test_every_piece_comes_once(page: list[TextBox]) -> None:
    words = [word for line in in_reading_order(page, WIDTH) for word in line.split()]
    assert sorted(words) == sorted(each.text for each in page)
