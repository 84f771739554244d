"""Whether Google's Firestore emulator can run on this machine: what needs it is skipped, with what to install."""

from __future__ import annotations

import pytest

from local.errors import StartError
from local.firestore import find_program


def skip_without_firestore() -> None:
    """Skip the test that asks."""
    try:
        find_program()
    except StartError as missing:
        pytest.skip(missing.message)
