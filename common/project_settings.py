"""What a project may set for itself, and within which limits."""

from __future__ import annotations

from common.config import MIN_CHUNK_SIZE, Settings
from common.errors import AiInfraError
from common.model.documents import ProjectSettings

MAX_SYSTEM_PROMPT_CHARACTERS = 20_000


def check(settings: ProjectSettings, installation: Settings) -> None:
    """Raise INVALID_SETTINGS, with a sentence for each setting that is out of its limits, if any is."""
    problems = [problem for problem in _problems(settings, installation) if problem]
    if problems:
        raise AiInfraError("INVALID_SETTINGS", " ".join(problems))


def _problems(settings: ProjectSettings, installation: Settings) -> list[str]:
    return [
        _outside("chunk_size", settings.chunk_size, MIN_CHUNK_SIZE, installation.chunk_size),
        _overlap(settings, installation),
        _outside("top_k", settings.top_k, 1, installation.max_top_k),
        _outside("min_score", settings.min_score, 0, 1),
        _system_prompt(settings.system_prompt),
    ]


def _outside(name: str, value: float | None, lowest: int, highest: int) -> str:
    """A sentence, or nothing. Written so that a float that is not a number is outside too."""
    if value is None or lowest <= value <= highest:
        return ""
    return f"{name} must be from {lowest} to {highest}."


def _overlap(settings: ProjectSettings, installation: Settings) -> str:
    size = settings.chunk_size or installation.chunk_size
    overlap = installation.chunk_overlap if settings.chunk_overlap is None else settings.chunk_overlap
    if 0 <= overlap <= size // 2:
        return ""
    return f"chunk_overlap must be from 0 to {size // 2}, half of the chunk size; it is {overlap}."


def _system_prompt(prompt: str | None) -> str:
    if prompt is None or (prompt.strip() and len(prompt) <= MAX_SYSTEM_PROMPT_CHARACTERS):
        return ""
    return f"system_prompt must have 1 to {MAX_SYSTEM_PROMPT_CHARACTERS} characters and not be blank."
