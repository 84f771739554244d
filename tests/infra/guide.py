"""docs/deployment.md as a test reads it: its blocks of code, and what it names of this project."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_LINK = re.compile(r"]\(([^)]+)\)")
_ASSIGNMENT = re.compile(r"^(\w+) *= ", re.MULTILINE)
_TERRAFORM = re.compile(r"terraform -chdir=(infra(?:/bootstrap)?) output -raw\s+(\w+)")
_COMMAND_LINE = re.compile(r"(?:\./dev )?ai-infra (?=[a-z])(.*)")
_JOB_ARGUMENTS = re.compile(r"--args=([\w,-]+)")
_SETTING = re.compile(r"\bAI_INFRA_[A-Z_]+\b")


@dataclass(frozen=True)
class Guide:
    """The text, and what it names."""

    text: str

    def blocks(self, language: str) -> list[str]:
        """The blocks of code in this language, without the indentation of the list that they stand in."""
        return [
            "\n".join(line.strip() for line in body.splitlines()) for name, body in self._blocks() if name == language
        ]

    def inline(self) -> list[str]:
        """What stands in back-ticks within the text."""
        return [" ".join(found.split()) for found in _INLINE.findall(_BLOCK.sub("", self.text))]

    def links(self) -> list[str]:
        """The targets of all links."""
        return _LINK.findall(self.text)

    def headings(self) -> list[str]:
        """The titles of all sections."""
        return re.findall(r"^#+ (.*)$", _BLOCK.sub("", self.text), re.MULTILINE)

    def outputs(self) -> set[tuple[str, str]]:
        """Each output that a command reads, with its folder."""
        return set(_TERRAFORM.findall(self.text))

    def variables(self) -> set[str]:
        """Each variable that a block of HCL sets, that a command gives, or that the text sets."""
        set_in_text = [each for code in self.inline() for each in re.findall(r"^(\w+) = ", code)]
        set_in_blocks = [each for block in self._unindented("hcl") for each in _ASSIGNMENT.findall(block)]
        return {*set_in_text, *set_in_blocks, *re.findall(r"-var=(\w+)=", self.text)}

    def command_lines(self) -> Iterator[list[str]]:
        """The arguments of each `ai-infra` command, as a shell or the job of the operators' commands gives them."""
        lines = [*"\n".join(self.blocks("sh")).splitlines(), *self.inline()]
        for line in lines:
            found = _COMMAND_LINE.fullmatch(line)
            if found and found[1] != "admin":  # the name of all of them
                yield shlex.split(found[1])
            for arguments in _JOB_ARGUMENTS.findall(line):
                yield ["admin", *arguments.split(",")]

    def settings(self) -> set[str]:
        """Each environment variable of ours."""
        return set(_SETTING.findall(self.text))

    def _blocks(self) -> list[tuple[str, str]]:
        return _BLOCK.findall(self.text)

    def _unindented(self, language: str) -> list[str]:
        bodies = [body for name, body in self._blocks() if name == language]
        return [re.sub(rf"^ {{{_depth(body)}}}", "", body, flags=re.MULTILINE) for body in bodies]


def anchor(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _depth(body: str) -> int:
    return len(body) - len(body.lstrip(" "))
