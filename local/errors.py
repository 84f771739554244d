"""Why the one-machine stack, or a part of it, cannot run here."""

from __future__ import annotations

from common.errors import AiInfraError


class StartError(AiInfraError):
    """A part cannot start: the text says what is wrong and what a person can do about it."""
