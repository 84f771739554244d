"""Whether a text is Markdown, by what prose, logs and source code have not."""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

_FRONT_MATTER = re.compile(r"\A---\n(?:(?>[\w-]+:|[ \t-]|(?=\n)).*\n)+?(?:---|\.\.\.)\n")
_FENCE = re.compile(r"(```+|~~~+)[^`\n]*\n")
_RULE = r"(?::-++:?+|-{2,}+:?+|-:)"


class _Sign(NamedTuple):
    """What is seen, only where one of `needles` is, which is told at once; what it weighs, and the most in all.

    No one sign makes a text Markdown by its number.
    """

    needles: tuple[str, ...]
    pattern: re.Pattern[str]
    each: float
    most: float

    def weight(self, text: str) -> float:
        """What the signs in the text weigh."""
        if not any(needle in text for needle in self.needles):
            return 0.0
        return min(self.most, self.each * sum(1 for _ in self.pattern.finditer(text)))


_SIGNS = (
    _Sign(("## ",), re.compile(r"^#{2,6} +\S", re.MULTILINE), 2.0, 4.0),
    _Sign(("# ",), re.compile(r"(?:\A|\n\n)# +\S[^\n]*\n(?:\n|\Z)"), 2.0, 2.0),
    _Sign(("\n===", "\n---"), re.compile(r"^(?=\S)[^\n]{1,80}\n(?:={3,}|-{3,})$\n", re.MULTILINE), 0.5, 1.0),
    _Sign(("]:",), re.compile(r"^\[[^\]\n]+\]: +\S+", re.MULTILINE), 1.0, 2.0),
    _Sign(("- ", "* ", "+ "), re.compile(r"^ {0,3}[-*+] +\S", re.MULTILINE), 0.5, 1.0),
    _Sign((". ",), re.compile(r"^ {0,3}\d{1,3}\. +\S", re.MULTILINE), 0.25, 0.5),
    # The line below a table's header; of cells of a single hyphen only if nothing else is in it.
    _Sign(
        ("|",),
        re.compile(rf"^ *+\|?+(?: *+{_RULE} *+\|)++(?: *+{_RULE} *+)?$|^\|(?:-\|){{2,}}$", re.MULTILINE),
        3.0,
        3.0,
    ),
)
# Within a line; comments may have them, and headings have shown themselves by then.
_INLINE_SIGNS = (
    _Sign(
        ("](",),
        re.compile(r"(?<![\w\])])!?\[[^\]\n]{1,500}\]\((?:[^()\s]|\([^()\s]*\))+(?: \"[^\"\n]*\")?\)"),
        1.5,
        4.0,
    ),
    _Sign(("**",), re.compile(r"(?<![\w*])\*\*[^\s*][^*\n]*\*\*(?![\w*])"), 1.0, 2.0),
    _Sign(("`",), re.compile(r"(?<![`:])`[^`\n]+`(?![`_])"), 0.5, 1.5),
)
_COMMENT_LINE = re.compile(r"^[ \t]*(?:#|//|;;).*", re.MULTILINE)
_ENOUGH = 3.0
# What a line of a program begins with: the comments between them have all signs of Markdown.
_CODE = re.compile(
    r"^(?:from [\w.]+ import [\w(*]|import (?:static )?[\w.]+(?: as \w+)?(?:, *[\w.]+)*;?$|(?:async )?def \w+\("
    r"|class \w+\b[^.\n]*[:{]$|#include +[<\"]|#define +\w|#ifn?def +\w|(?:export |pub )?(?:func|fn|function) \w+\("
    r"|use [\w:]+::[^\n]*;$|(?:const|let|var) \w+ *=|[})\]]+[;,]?$)",
    re.MULTILINE,
)
_ENOUGH_CODE = 2
# What one line of is enough: programs, reStructuredText, POD, manual pages, TeX.
_OTHER_FORMAT = re.compile(
    r"\A#!/|^(?:\.\. (?:[\w:+-]+::|_[^\n:]+:(?:\s|$))|=(?:head[1-6]|pod|cut|over|encoding)\b|\.(?:TH|SH|Dd|Sh|SS|PP)\b"
    r"|\\(?:documentclass|usepackage|begin|section|chapter)\b)",
    re.MULTILINE,
)
# Of reStructuredText, where no line begins as a heading of Markdown does: literal blocks, references, roles.
_RESTRUCTURED = re.compile(r"::\n\n[ \t]+\S|`[^`\n]+`__?(?!\w)|(?<![\w:]):[a-z][\w:+-]{0,40}:`[^`\n]+`")
_HEADING = re.compile(r"^#{1,6} +\S", re.MULTILINE)
# Lines of comments follow each other, and some are empty; headings do neither.
_COMMENTS = re.compile(r"^#+(?: [^\n]*)?\n(?=#+(?: |$))|^#+[ \t]*\n", re.MULTILINE)
_MOST_COMMENTS = 0.25  # of the lines that begin so


def is_markdown(text: str) -> bool:
    """Weigh what Markdown has and prose, logs and source code have not; no single heading or bullet is enough."""
    if _FRONT_MATTER.match(text):
        return True
    outside = _without_fences(text)
    fenced = len(outside) < len(text)
    if _is_other_format(outside) or (not fenced and _is_code(text)):
        return False
    weight = _ENOUGH if fenced else 0.0
    for signs, where in ((_SIGNS, outside), (_INLINE_SIGNS, _COMMENT_LINE.sub("", outside))):
        for sign in signs:
            if weight >= _ENOUGH:
                return True
            weight += sign.weight(where)
    return weight >= _ENOUGH


def _is_other_format(text: str) -> bool:
    """True for what has some of Markdown's signs for reasons of its own: comments, or another markup."""
    if _OTHER_FORMAT.search(text):
        return True
    headings = sum(1 for _ in _HEADING.finditer(text))
    if not headings:
        return _RESTRUCTURED.search(text) is not None
    return sum(1 for _ in _COMMENTS.finditer(text)) > max(1, _MOST_COMMENTS * headings)


def _is_code(text: str) -> bool:
    return sum(1 for _ in islice(_CODE.finditer(text), _ENOUGH_CODE)) == _ENOUGH_CODE


def _without_fences(text: str) -> str:
    """The text without fenced code; a fence that is never closed is none."""
    outside: list[str] = []
    inside: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        if not fence:
            opening = _FENCE.fullmatch(line)
            fence = opening[1] if opening else ""
            (inside if fence else outside).append(line)
        elif line.startswith(fence) and not line.strip().strip("`~"):
            inside, fence = [], ""
        else:
            inside.append(line)
    return "".join((*outside, *inside))
