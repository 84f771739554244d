"""Of Pub/Sub's filter language, equality: `attributes.KEY = "VALUE"`, also several of them joined by AND."""

import re
from collections.abc import Callable, Mapping

from local.pubsub.resources import unsupported

_EQUALITY = r'attributes\.([\w-]+)\s*=\s*"([^"\\]*)"'
_FILTER = re.compile(rf"{_EQUALITY}(?:\s+AND\s+{_EQUALITY})*", re.ASCII)


def parse(text: str) -> Callable[[Mapping[str, str]], bool]:
    """The test of a message's attributes that `text` stands for; an empty text lets every message through.

    Raises RefusedError (UNIMPLEMENTED) for every other text.
    """
    if text and not _FILTER.fullmatch(text.strip()):
        raise unsupported(f'The filter {text!r} (anything but attributes.KEY = "VALUE", also joined by AND)')
    equalities = re.findall(_EQUALITY, text, re.ASCII)
    return lambda attributes: all(attributes.get(key) == value for key, value in equalities)
