"""How one setting is declared, and read from an environment."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field
from typing import Any

from common.errors import ConfigurationError


def positive(text: str) -> int:
    """A whole number above 0."""
    value = int(text)
    if value <= 0:
        raise ValueError("must be above 0")
    return value


def count(text: str) -> int:
    """A whole number from 0 on."""
    value = int(text)
    if value < 0:
        raise ValueError("must not be negative")
    return value


def seconds(text: str) -> float:
    """A finite time above 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError("must be a number above 0")
    return value


def switch(text: str) -> bool:
    """On or off."""
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


def setting(parse: Callable[[str], Any], meaning: str, default: Any = MISSING) -> Any:
    """A field of a settings class: `parse` raises ValueError for a text that cannot be used."""
    return field(default=default, metadata={"parse": parse, "meaning": meaning})


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"AI_INFRA_{name.upper()}"


def read(declared: Field[Any], environment: Mapping[str, str]) -> Any:
    """The setting's value in this environment, or `ConfigurationError` naming what is missing or wrong."""
    name = variable(declared.name)
    text = environment.get(name, "")
    if not text:
        if declared.default is MISSING:
            raise ConfigurationError(f"Set {name}: {declared.metadata['meaning']}.")
        return declared.default
    try:
        return declared.metadata["parse"](text)
    except ValueError as error:
        raise ConfigurationError(f"{name} cannot be used ({error}); it is: {declared.metadata['meaning']}.") from None
