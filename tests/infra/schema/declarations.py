"""Reads which words an argument takes out of a provider's declarations for TypeScript, whose comments list them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_INTERFACE = re.compile(r"^export interface (\w+)( extends [\w.]+)? \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(r"/\*\*((?:(?!\*/).)*)\*/\s+readonly \w+\??: ([^;]+);", re.DOTALL)
_NAME = re.compile(r"#(\w+) \w+#\w+\}")
_WORDS = re.compile(r"[Pp]ossible values(?: are)?:? ?\[([^\]]*)\]")
_LINE = re.compile(r"\n\s*\* ?")


@dataclass(frozen=True)
class _Member:
    name: str
    comment: str
    interface: str


def word_lists(declarations: str) -> dict[str, list[str]]:
    """The words by the argument's dotted path, for each that takes no others."""
    interfaces: dict[str, list[_Member]] = {}
    top = None
    for name, base, body in _INTERFACE.findall(declarations):
        interfaces[name] = list(_members(body))
        top = name if base else top
    return dict(_walk(interfaces, top, ())) if top else {}


def _walk(
    interfaces: dict[str, list[_Member]], interface: str, path: tuple[str, ...]
) -> Iterator[tuple[str, list[str]]]:
    for member in interfaces.get(interface, ()):
        here = (*path, member.name)
        words = _WORDS.search(member.comment)
        if words:
            yield ".".join(here), re.findall(r'"([^"]*)"', words[1])
        yield from _walk(interfaces, member.interface, here)


def _members(body: str) -> Iterator[_Member]:
    for comment, kind in _MEMBER.findall(body):
        name = _NAME.search(comment)
        if name:
            yield _Member(name[1], _LINE.sub(" ", comment), kind.split("[")[0].split(" ")[0])
