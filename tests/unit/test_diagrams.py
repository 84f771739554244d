"""The points of a diagram come in the order in which they are shown, each once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.extraction import ExtractionLimits
from common.extraction.containers import open_container
from common.extraction.diagrams import read_diagram
from common.extraction.headed_text import HeadedText
from tests.unit.packed_files import write_zip


def point(model_id: str, words: str = "", kind: str = "") -> str:
    return f'<pt modelId="{model_id}" type="{kind}"><t><p><r><t>{words}</t></r></p></t></pt>'


def within(outer: str, inner: str, order: int, kind: str = "", between: str = "") -> str:
    return f'<cxn type="{kind}" srcId="{outer}" destId="{inner}" srcOrd="{order}" sibTransId="{between}"/>'


def words(path: Path, *elements: str) -> str:
    with open_container(write_zip(path, {"data.xml": f"<d>{''.join(elements)}</d>"}), ExtractionLimits()) as container:
        shape = read_diagram(container, "data.xml")
    text = HeadedText()
    shape.write(text)
    return text.whole()


def test_points_come_as_they_are_shown_and_inner_ones_are_items(tmp_path: Path) -> None:
    assert (
        words(
            tmp_path / "file",
            *(
                point("d", kind="doc"),
                point("c", "Check"),
                point("b", "by hand"),
                point("a", "Plan"),
                point("e", "by rule"),
            ),
            *(point("t", "then", "sibTrans"), point("p", "Plan", "pres"), point("x", "alone")),
            *(within("d", "a", 0, between="t"), within("d", "c", 1, "parOf"), within("c", "e", 1), within("c", "b", 0)),
            *(within("d", "p", 0, "presOf"), within("a", "d", 0), within("d", "gone", 2)),
        )
        == "Plan\nthen\nCheck\n  - by hand\n  - by rule\nalone"
    )


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 3)), max_size=12), st.booleans())
def test_each_point_comes_once_however_they_are_connected(
    tmp_path_factory: pytest.TempPathFactory, connections: list[tuple[int, int, int]], rooted: bool
) -> None:
    points = [point(str(each), f"word{each}", "doc" if rooted and not each else "") for each in range(7)]
    held = [within(str(outer), str(inner), order) for outer, inner, order in connections]
    written = words(tmp_path_factory.getbasetemp() / "diagram.zip", *points, *held)
    assert sorted(word for word in written.split() if word != "-") == [f"word{each}" for each in range(7)]
