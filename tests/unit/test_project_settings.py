"""Limits of a project's settings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import project_settings, registration
from common.config import MIN_CHUNK_SIZE, Profile, Settings
from common.errors import AiInfraError
from common.model.documents import JobSettings, ProjectSettings

INSTALLATION = Settings(
    profile=Profile.LOCAL,
    database_url="postgresql+pg8000://nobody@127.0.0.1/none",
    google_project="test",
    upload_bucket="uploads",
    extraction_bucket="extractions",
)


def problem(**values: Any) -> str:
    try:
        project_settings.check(ProjectSettings(**values), INSTALLATION)
    except AiInfraError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"chunk_size": 64},
        {"chunk_size": 240, "chunk_overlap": 120},
        {"chunk_size": 32, "chunk_overlap": 0},
        {"top_k": 1, "min_score": 0.0},
        {"top_k": 50, "min_score": 1.0, "system_prompt": "Answer briefly."},
    ],
)
def test_within_the_limits(values: dict[str, Any]) -> None:
    assert problem(**values) == ""


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"chunk_size": 31, "chunk_overlap": 0}, "chunk_size"),
        ({"chunk_size": 241}, "chunk_size"),
        ({"chunk_overlap": -1}, "chunk_overlap"),
        ({"chunk_overlap": 121}, "chunk_overlap"),
        ({"chunk_size": 63}, "chunk_overlap"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": 51}, "top_k"),
        ({"min_score": -0.1}, "min_score"),
        ({"min_score": float("nan")}, "min_score"),
        ({"system_prompt": "  "}, "system_prompt"),
        ({"system_prompt": "x" * 20_001}, "system_prompt"),
    ],
)
def test_out_of_the_limits_is_named(values: dict[str, Any], named: str) -> None:
    assert problem(**values).startswith(f"{named} must ")


def test_every_problem_is_told_at_once() -> None:
    wrong = ProjectSettings(top_k=0, min_score=2.0)
    with pytest.raises(AiInfraError, match=r"top_k must .*min_score must ") as caught:
        project_settings.check(wrong, INSTALLATION)
    assert caught.value.reason == "INVALID_SETTINGS"


@given(size=st.none() | st.integers(-10, 300), overlap=st.none() | st.integers(-10, 300))
def test_accepted_sizes_always_leave_a_chunk_room_to_move_on(size: int | None, overlap: int | None) -> None:
    if not problem(chunk_size=size, chunk_overlap=overlap):
        default = JobSettings(
            chunk_size=INSTALLATION.chunk_size, chunk_overlap=INSTALLATION.chunk_overlap, embedding_model="any"
        )
        job = registration.job_settings(ProjectSettings(chunk_size=size, chunk_overlap=overlap), default)
        assert 0 <= job.chunk_overlap * 2 <= job.chunk_size <= INSTALLATION.chunk_size
        assert job.chunk_size >= MIN_CHUNK_SIZE
