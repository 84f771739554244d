"""The parts of `./dev load` that need no stack."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.load.documents import LARGE, Question, most, prepared
from bench.load.ingestion import Moment, kill_moments
from bench.load.questions import wrong
from bench.load.result import Latencies
from common.extraction import ExtractionLimits, extract

QUESTION = Question(text="How many crates of tea?", document="tea.txt", page=3, expected="12 crates")


def citation(**changes: object) -> dict[str, Any]:
    return {"title": "tea.txt", "page_start": 2, "page_end": 3, "quote": "It keeps 12\ncrates.", **changes}


def answer(*citations: dict[str, Any]) -> dict[str, Any]:
    return {"grounded": True, "refusal_reason": None, "citations": list(citations)}


def test_the_same_seed_prepares_the_same_files_and_another_one_others() -> None:
    first, again, other = (prepared(20, 10, Random(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_name_and_every_question_is_there_once() -> None:
    files = prepared(most(), most(), Random(1))
    questions = [question.text for file in files for question in file.questions]
    assert len({file.name for file in files}) == len(files) == most() + 1
    assert len(set(questions)) == len(questions) == 2 * most()


def test_each_page_of_the_large_document_holds_its_fact(tmp_path: Path) -> None:
    large = prepared(1, 30, Random(1))[0]
    path = tmp_path / LARGE
    path.write_bytes(large.content)
    extraction = extract(path, limits=ExtractionLimits())
    starts = [*extraction.page_starts, len(extraction.text)]
    assert len(large.questions) == len(extraction.page_starts) == 30
    for question in large.questions:
        page = extraction.text[starts[question.page - 1] : starts[question.page]]
        assert question.expected in " ".join(page.split())


@pytest.mark.parametrize("kills", [0, 1, 2, 10])
def test_the_first_kill_comes_amid_the_uploads_and_the_others_before_the_last_document(kills: int) -> None:
    moments = [*kill_moments(kills, 1001, Random(kills))]
    assert len(moments) == kills
    assert all(0 < moment.uploaded < 1001 and moment.finished == 0 for moment in moments[:1])
    finished = [moment.finished for moment in moments[1:]]
    assert finished == sorted(finished)
    assert all(moment == Moment(finished=moment.finished) and moment.finished < 1001 for moment in moments[1:])


def test_an_answer_that_quotes_the_fact_from_its_page_is_right() -> None:
    assert wrong(QUESTION, answer(citation(title="sugar.txt"), citation())) == []


@pytest.mark.parametrize(
    "changes", [{"title": "sugar.txt"}, {"page_start": 4, "page_end": 4}, {"page_end": 2}, {"quote": "13 crates"}]
)
def test_an_answer_from_elsewhere_is_wrong(changes: dict[str, object]) -> None:
    (fault,) = wrong(QUESTION, answer(citation(**changes)))
    assert "instead of tea.txt, page 3" in fault


def test_a_refusal_of_what_is_ready_is_wrong() -> None:
    (fault,) = wrong(QUESTION, {"grounded": False, "refusal_reason": "PROJECT_EMPTY", "citations": []})
    assert "PROJECT_EMPTY" in fault


def test_latencies_are_told_by_nearest_rank() -> None:
    assert Latencies.of([n / 1000 for n in range(200, 0, -1)]) == Latencies(p50=100, p95=190, p99=198)
    assert Latencies.of([0.25]) == Latencies(p50=250, p95=250, p99=250)
