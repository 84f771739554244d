"""Names of teams, projects and keys. Team and project begin every object's name: `TEAM/PROJECT/any/path/file.pdf`."""

from __future__ import annotations

import re
from uuid import UUID

from common.errors import AiInfraError

MAX_LENGTH = 63
# https://cloud.google.com/storage/docs/objects#naming
MAX_OBJECT_BYTES = 1024

# ASCII only: the same accented letter has two spellings in Unicode, and file systems differ in which one they keep.
_NAME = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{{0,{MAX_LENGTH - 2}}}[A-Za-z0-9._-])?")


def check(what: str, name: str) -> None:
    """Raise INVALID_NAME unless `name` may name a new `what`, which is the word for it in the message.

    A name is never shaped like an id: wherever one of the two is asked for, it is clear which was given.
    """
    if not _NAME.fullmatch(name):
        raise AiInfraError(
            "INVALID_NAME",
            f"{name!r} cannot name a {what}: use 1 to {MAX_LENGTH} letters (a-z, A-Z), digits, spaces or any of . _ -,"
            " beginning with a letter or digit and not ending with a space.",
        )
    if _spells_id(name):
        raise AiInfraError("INVALID_NAME", f"{name!r} cannot name a {what}: it has the shape of an id.")


def _spells_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True


def check_path(path: str, prefix: str) -> None:
    """Raise INVALID_NAME unless `prefix` and the path may name an object that a file is uploaded as."""
    if not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise AiInfraError("INVALID_NAME", f"{path!r} cannot name an object: a part of it is empty, `.` or `..`.")
    if not path.isprintable():
        raise AiInfraError("INVALID_NAME", f"{path!r} cannot name an object: it holds what cannot be printed.")
    if len((prefix + path).encode()) > MAX_OBJECT_BYTES:
        raise AiInfraError(
            "INVALID_NAME", f"{path!r} cannot name an object: with the project it has over {MAX_OBJECT_BYTES} bytes."
        )


def recordable(text: str) -> str:
    """The text as a row can hold it: an object's name or metadata may hold U+0000, which Postgres' texts do not."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
