"""Which datapoints a query may find: tokens allowed and denied in namespaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from local.vertex.protocol import Proto


class Tokens(NamedTuple):
    """What a datapoint or a query allows and denies in one namespace."""

    allowed: frozenset[str]
    denied: frozenset[str]


_NONE = Tokens(frozenset(), frozenset())


def tokens_of(restricts: Iterable[Proto]) -> dict[str, Tokens]:
    """The tokens by namespace."""
    found: dict[str, Tokens] = {}
    for each in restricts:
        allowed, denied = found.get(each.namespace, _NONE)
        found[each.namespace] = Tokens(allowed | set(each.allow_list), denied | set(each.deny_list))
    return found


def matches(datapoint: Mapping[str, Tokens], query: Mapping[str, Tokens]) -> bool:
    """True if the datapoint fits the query in every namespace that the query names.

    In a namespace it fits if it has one of the allowed tokens (where the query allows some), none of the denied ones,
    and itself denies none of those that the query allows.
    """
    return all(_fits(datapoint.get(namespace, _NONE), wanted) for namespace, wanted in query.items())


def _fits(own: Tokens, wanted: Tokens) -> bool:
    if wanted.allowed and not (wanted.allowed & own.allowed):
        return False
    return not (wanted.denied & own.allowed or own.denied & wanted.allowed)
