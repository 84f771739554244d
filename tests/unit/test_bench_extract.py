"""What `./dev bench extract` makes of its measurements."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.extract import KREUZBERG, LANGCHAIN, OURS, PDFIUM, Cost, aims, run


def costs(**milliseconds: float) -> dict[str, Cost]:
    return {name: Cost(cpu_ms, 1) for name, cpu_ms in milliseconds.items()}


FOUND = {
    ".pdf": costs(**{OURS: 20, LANGCHAIN: 80, KREUZBERG: 30, PDFIUM: 10}),
    ".txt": costs(**{OURS: 5, LANGCHAIN: 10, KREUZBERG: 20}),
    ".docx": costs(**{OURS: 100, KREUZBERG: 1}),
}


def test_ours_is_held_against_the_better_of_the_others_on_what_all_of_them_read() -> None:
    of_better, of_pdfium = aims(FOUND)
    assert of_better.measured == pytest.approx(25 / 50)
    assert KREUZBERG in of_better.what
    assert not of_better.reached
    assert of_pdfium.measured == pytest.approx(2)


def test_without_pdf_there_is_no_aim_for_it() -> None:
    (of_better,) = aims({".txt": costs(**{OURS: 4, LANGCHAIN: 10, KREUZBERG: 20})})
    assert of_better.measured == pytest.approx(0.4)
    assert of_better.reached


def test_what_the_others_do_not_all_read_has_no_aim() -> None:
    assert aims({".docx": FOUND[".docx"]}) == []


def test_a_file_that_is_refused_has_no_cost(tmp_path: Path) -> None:
    good, empty = tmp_path / "good.txt", tmp_path / "empty.txt"
    good.write_text("Some words.", encoding="utf-8")
    empty.write_text("", encoding="utf-8")
    found = run(OURS, [good, empty])
    assert [*found] == [good]
    assert found[good].chunks == 1
