"""How deeply a page is nested, told before it is parsed: parsing takes the square of the depth."""

from __future__ import annotations

import re

from common.errors import Permanent

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
# What nests. Left out is what the standard closes by itself (p, li, td, …) and what may end in "/>" (svg, math).
_BLOCKS = frozenset(
    "div section article main header footer nav aside address center blockquote ul ol menu dir dl table form "  # noqa: SIM905 - words in lines
    "fieldset figure figcaption details summary dialog hgroup search pre span sup sub label abbr cite q".split()
)
# What the standard opens again in each paragraph until it is closed.
_FORMATTING = frozenset("b big code em font i s small strike strong tt u".split())  # noqa: SIM905
_FORMATTING_WEIGHT = 16
_MOST_ON_AVERAGE = 64
_ALLOWANCE = 10_000_000
_FEW = 1_000  # tags, which cannot come to the allowance even if each stood within all before it


def check_nesting(markup: str) -> None:
    """Refuse (NESTED_TOO_DEEPLY) a page whose tags stand far deeper, on the whole, than those of any written page."""
    if markup.count("<") <= _FEW:
        return
    blocks = formatting = weight = 0
    for tags, tag in enumerate(_TAG.finditer(markup), start=1):
        step = -1 if tag[1] else 1
        name = tag[2].lower()
        if name in _BLOCKS:
            blocks = max(0, blocks + step)
        elif name in _FORMATTING:
            formatting = max(0, formatting + step)
        weight += blocks + formatting * _FORMATTING_WEIGHT
        if weight > _ALLOWANCE + tags * _MOST_ON_AVERAGE:
            raise Permanent(
                "NESTED_TOO_DEEPLY",
                "The HTML file's elements are nested thousands deep, as if closing tags were missing. "
                "Repair it or convert it to plain text.",
            )
