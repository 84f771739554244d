"""Which descriptions of pictures ("alt text") somebody wrote, and which a program put there."""

from __future__ import annotations

import re

_FILE_NAME = re.compile(r"[^\n]{1,255}\.(?:png|jpe?g|jfif|gif|bmp|tiff?|webp|svg|emf|wmf|heic|eps|pdf)", re.IGNORECASE)
_ADDRESS = re.compile(r"\w+://\S+|(?:cid|data):\S+")
# Office ends what it made up itself with a paragraph that says so, in the language of whoever inserted the picture.
_GENERATED = re.compile(
    r"\n\s*\n[^\n]*(?:"
    r"generated|generiert|generier|généré|generad|gerad[oa]|generat[oaă]|gegenereerd|gegenereer|generer|wygenerowan|"
    r"vygenerov|vytvořen|oluşturul|luotu|сгенериров|созданн|створен|自动生成|自動生成|自動的に生成|생성"
    r")[^\n]*\s*$",
    re.IGNORECASE,
)


def written_by_a_person(description: str) -> str:
    """The description; "" for a file's name, an address, and what Office says that it generated."""
    written = description.strip()
    if _FILE_NAME.fullmatch(written) or _ADDRESS.fullmatch(written) or _GENERATED.search(written):
        return ""
    return written
