"""How many tokens a text has for a model whose tokenizer is not at hand: no network, no model files."""

from __future__ import annotations

import re
from array import array
from itertools import accumulate

# Small letters of English make words of few tokens; capitals, digits and other scripts make more. A letter that
# UTF-8 writes in two bytes belongs to an alphabet. What has neither letters nor case counts by its characters.
# Each match takes the white space behind its token along, so that lengths alone tell where tokens start.
_TOKEN = re.compile(r"(?:[A-Z]?[a-z]{1,4}|[A-Z]{1,2}|[^\W\d_\u0800-\U0010ffff]{1,2}|\S)\s*")


class EstimatingTokenizer:
    """`Tokenizer` by rules of thumb: rather too many tokens than too few, so that what seems to fit does fit."""

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens

    @property
    def max_tokens(self) -> int:
        """As stated when it was made."""
        return self._max_tokens

    def token_starts(self, text: str) -> array[int]:
        """The character offset at which each token is taken to start."""
        first = len(text) - len(text.lstrip())
        starts = array("I", accumulate(map(len, _TOKEN.findall(text, first)), initial=first))
        starts.pop()
        return starts

    def beginning(self, text: str) -> str:
        """The text as far as `max_tokens` reach."""
        starts = self.token_starts(text)
        return text if len(starts) <= self._max_tokens else text[: starts[self._max_tokens]]
