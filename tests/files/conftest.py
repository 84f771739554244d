"""The installation of the tests of functions."""

from __future__ import annotations

from tests.functions.conftest import (
    function_storage,
    function_topics,
    installation,
    nothing_published_before,
)

__all__ = ["function_storage", "function_topics", "installation", "nothing_published_before"]
