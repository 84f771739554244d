"""What the provider refuses beyond its schema: words that an argument does not take, arguments that exclude others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.infra.standin.schema import SCHEMA_FOLDER
from tests.infra.standin.values import is_unknown

type Steps = tuple[str | int, ...]

# Those whose deletion_protection is true where it is left out.
_PROTECTED_BY_DEFAULT = frozenset({"google_cloud_run_v2_job", "google_sql_database_instance"})


@dataclass(frozen=True)
class Rules:
    """The rules of one resource type. Paths are dotted; in a group, `0` stands for a block's first occurrence."""

    words: Mapping[str, tuple[str, ...]]
    conflicts: tuple[tuple[str, str], ...]
    exactly_one: tuple[tuple[str, ...], ...]
    replaces: frozenset[str]


@dataclass(frozen=True)
class Refusal:
    """A rule that a configuration breaks, where, and why."""

    steps: Steps
    reason: str


@cache
def rules_of(type_name: str) -> Rules:
    """The rules kept for a resource type; none is kept for many."""
    kept = _kept("google-exclusions.json").get(type_name, {})
    return Rules(
        words={path: tuple(words) for path, words in _kept("google-words.json").get(type_name, {}).items()},
        conflicts=tuple((one, other) for one, other in kept.get("conflicts", ())),
        exactly_one=tuple(tuple(group) for group in kept.get("exactly_one", ())),
        replaces=frozenset(kept.get("replaces", ())),
    )


@cache
def _kept(file: str) -> Mapping[str, Any]:
    kept: Mapping[str, Any] = json.loads((SCHEMA_FOLDER / file).read_text(encoding="utf-8"))
    return kept


def refusals(rules: Rules, config: Mapping[str, Any]) -> list[Refusal]:
    """Each rule that `config` breaks; what is not known yet breaks none."""
    return [*_wrong_words(rules, config), *_exclusions(rules, config)]


def replacing(rules: Rules, prior: Mapping[str, Any], planned: Mapping[str, Any]) -> list[str]:
    """The arguments whose change makes the provider replace the resource, of those at its top."""
    return sorted(name for name in rules.replaces if "." not in name and prior.get(name) != planned.get(name))


def protection(type_name: str, state: Mapping[str, Any]) -> str | None:
    """Why the resource cannot be destroyed as it is, or None."""
    said = state.get("deletion_protection")
    if said or (said is None and type_name in _PROTECTED_BY_DEFAULT):
        return "deletion_protection has to be set to false and applied before the resource can be destroyed"
    if state.get("deletion_policy") == "PREVENT":
        return "deletion_policy PREVENT keeps the resource from being destroyed"
    if state.get("delete_protection_state") == "DELETE_PROTECTION_ENABLED":
        return "delete_protection_state has to be set to DELETE_PROTECTION_DISABLED and applied first"
    return None


def _wrong_words(rules: Rules, config: Mapping[str, Any]) -> Iterator[Refusal]:
    for path, words in rules.words.items():
        for steps, value in _occurrences(config, path.split(".")):
            if isinstance(value, str) and value and value not in words:
                yield Refusal(steps, f"expected one of {', '.join(words)}, got {value!r}")


def _exclusions(rules: Rules, config: Mapping[str, Any]) -> Iterator[Refusal]:
    for one, other in rules.conflicts:
        if _is_set(_at(config, one)) and _is_set(_at(config, other)):
            yield Refusal((one.split(".", maxsplit=1)[0],), f"{one} conflicts with {other}")
    for group in rules.exactly_one:
        parent, _, _ = group[0].rpartition(".")
        members = [_at(config, path) for path in group]
        if parent and not isinstance(_at(config, parent), dict):
            continue
        if not any(map(is_unknown, members)) and sum(map(_is_set, members)) != 1:
            yield Refusal((), f"exactly one of {', '.join(group)} must be given")


def _occurrences(value: Any, names: list[str], steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """What stands at a path, once for each repetition of a block on its way."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _occurrences(item, names, (*steps, index))
    elif not names:
        yield steps, value
    elif isinstance(value, dict):
        yield from _occurrences(value.get(names[0]), names[1:], (*steps, names[0]))


def _at(value: Any, path: str) -> Any:
    steps: Iterable[str] = path.split(".") if path else ()
    for step in steps:
        if is_unknown(value):
            return value
        if isinstance(value, list):
            value = value[int(step)] if step.isdigit() and int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _is_set(value: Any) -> bool:
    return not is_unknown(value) and value not in (None, [], {})
