"""The title that a file states in its metadata, where that says anything."""

from __future__ import annotations

import re

_NO_TITLE = re.compile(
    r"untitled\b|\(anonymous\)|no title|document\d*|slide \d+"
    r"|(?:microsoft (?:word|powerpoint|excel)|print|powerpoint presentation)\b"
    r"|.*\.(?:pdf|docx?|pptx?|xlsx?|odt|tex|dvi|ps|indd|qxd|rtf|html?|md|txt|xml|fm)$|.*[\\/].*[\\/]|[\W\d_]*$",
    re.IGNORECASE,
)


def stated_title(title: str) -> str | None:
    """The title, unless it is what a program put there for want of one."""
    words = " ".join(title.split())
    return words if 3 <= len(words) <= 300 and not _NO_TITLE.match(words) else None
