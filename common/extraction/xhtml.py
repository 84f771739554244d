"""XHTML as a parser of HTML has to be given it, to which an element that ends in its own tag is one that begins."""

from __future__ import annotations

import re
from html import escape

_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())  # noqa: SIM905
_ENDED_AT_ONCE = re.compile(
    r"<(?P<name>[A-Za-z][\w:.-]*+)(?P<attributes>(?:[^<>\"'/]++|\"[^\"]*+\"|'[^']*+'|/(?!>))*+)/>"
)
_DECLARATION = re.compile(r"\s*<\?xml\s")


def declares_xml(text: str) -> bool:
    """True for a page that says that it is XML."""
    return _DECLARATION.match(text) is not None


def as_html(text: str) -> str:
    """The page with an end tag for each element that has none in HTML, and the words of its CDATA sections as words.

    Without that, `<title/>` or `<style/>` would take all that follows for its content.
    """
    begun, *sections = text.split("<![CDATA[")
    return _ENDED_AT_ONCE.sub(_with_end_tag, begun + "".join(map(_words, sections)))


def _words(section: str) -> str:
    words, end, rest = section.partition("]]>")
    return escape(words, quote=False) + rest if end else "<![CDATA[" + section


def _with_end_tag(match: re.Match[str]) -> str:
    name = match["name"]
    return match[0] if name.lower() in _VOID else f"<{name}{match['attributes'].rstrip('/ ')}></{name}>"
